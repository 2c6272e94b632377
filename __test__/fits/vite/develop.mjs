import { createServer } from 'vite';

// As a framework's development server loads a page's code, with the package outside of it and inside.
for (const noExternal of [[], true]) {
  const server = await createServer({
    configFile: false,
    logLevel: 'warn',
    server: { middlewareMode: true, hmr: false, ws: false },
    appType: 'custom',
    ssr: { noExternal },
  });
  const { createCache } = await server.ssrLoadModule('cachekit-native');
  const cache = createCache({ masterKey: '5a'.repeat(32) });
  await cache.set('k', 'kept');
  if ((await cache.get('k')) !== 'kept') throw new Error('not kept');
  await cache.close();
  await server.close();
}

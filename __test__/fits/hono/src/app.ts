import { serve } from '@hono/node-server';
import { createCache } from 'cachekit-native';
import { cacheResponses } from 'cachekit-native/hono';
import { Hono } from 'hono';

const cache = createCache({
  backend: process.env.REDIS_URL,
  masterKey: process.env.CACHEKIT_MASTER_KEY,
  namespace: 'pages',
  ttl: '10m',
});
let runs = 0;

const app = new Hono();
app.use('/pages/*', cacheResponses({ cache, ttl: '1m', vary: ['accept-language'] }));
app.get('/pages/:name', (c) => {
  c.header('x-page', 'yes');
  if (c.req.query('vary')) c.header('vary', c.req.query('vary'));
  if (c.req.query('control')) c.header('cache-control', c.req.query('control'));
  if (c.req.query('cookie')) c.header('set-cookie', 'visitor=1');
  if (c.req.query('status')) return c.text('not here', 404);
  return c.json({ name: 'Ada Lovelace', language: c.req.header('accept-language'), runs: ++runs });
});
app.post('/pages/:name', (c) => c.json({ runs: ++runs }));
app.get('/pages/bytes/all', () => new Response(Uint8Array.from({ length: 256 }, (_, i) => i)));

const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`listening on http://127.0.0.1:${port}`);
});
process.once('SIGTERM', () => server.close(() => cache.close()));

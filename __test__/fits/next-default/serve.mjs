import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const server = spawn(
  process.execPath,
  ['node_modules/next/dist/bin/next', 'start', '-p', String(port), '-H', '127.0.0.1'],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
try {
  await new Promise((resolve, reject) => {
    server.stdout.on('data', (text) => /Ready/.test(text) && resolve());
    server.once('exit', () => reject(new Error('next start ended')));
  });
  const text = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  const page = await text('/');
  if (!/Ada Lovelace<!-- -->, <!-- -->1815/.test(page)) throw new Error(page);
  const routes = [JSON.parse(await text('/api/patient')), JSON.parse(await text('/api/patient'))];
  const expected = { id: 7, name: 'Ada Lovelace', calls: 1, born: Date.UTC(1815, 11, 10), status: 'hit' };
  for (const route of routes) {
    if (JSON.stringify(route) !== JSON.stringify(expected)) throw new Error(JSON.stringify(route));
  }
} finally {
  server.kill();
}

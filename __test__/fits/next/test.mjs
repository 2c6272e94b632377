import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { expected, redisServer, startApp, until } from './app.mjs';

const redis = await redisServer();
const runs = {};
const upstream = createServer((request, response) => {
  runs[request.url] = (runs[request.url] ?? 0) + 1;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ name: 'Ada Lovelace', runs: runs[request.url] }));
}).listen(0, '127.0.0.1');
await new Promise((resolve) => upstream.once('listening', resolve));
const env = {
  REDIS_URL: redis.url,
  UPSTREAM: `http://127.0.0.1:${upstream.address().port}`,
  NODE_ENV: 'production',
  NEXT_TELEMETRY_DISABLED: '1',
};
const next = 'node_modules/next/dist/bin/next';
const build = () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [next, 'build'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
};
const start = async (port) =>
  startApp([next, 'start', '-H', '127.0.0.1', '-p', String(port)], env, /Local:\s+(http:\S+)/);

build();
const [one, other] = [await start(4711 + (process.pid % 2000)), await start(6711 + (process.pid % 2000))];
/** What a page says: how often the upstream had run, and when the page was made. */
const page = async ({ url }, path) => {
  const answer = await fetch(url + path);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const [, name, count, at] = /<p>(.*?) \/ (\d+) \/ (\d+)<\/p>/.exec(text);
  assert.equal(name, 'Ada Lovelace');
  return { runs: Number(count), at };
};
const revalidate = async ({ url }, body) => {
  const answer = await fetch(`${url}/api/revalidate`, { method: 'POST', body: JSON.stringify(body) });
  assert.deepEqual(await answer.json(), { done: true });
};

for (const [kind, sameAt] of [
  ['isr', true],
  ['cached', false],
]) {
  const first = await page(one, `/${kind}/1`);
  assert.equal(first.runs, 1, kind);
  await until('it is stored', async () => (await redis.content()).keys.length > 0);
  const second = await page(other, `/${kind}/1`);
  assert.equal(second.runs, 1, `${kind}: the other server has it from Redis`);
  assert.equal(second.at === first.at, sameAt, `${kind}: the page itself`);
  await page(one, `/${kind}/2`);

  // At once and for good: on the server that was not asked, too.
  await revalidate(one, { tag: 'author-1', profile: { expire: 0 } });
  assert.equal((await page(other, `/${kind}/1`)).runs, 2, `${kind}: revalidated on the other server`);
  assert.equal((await page(one, `/${kind}/1`)).runs, 2, `${kind}: and on this one`);
  assert.equal((await page(other, `/${kind}/2`)).runs, 1, `${kind}: nothing else is`);

  // Stale while it is made anew.
  await revalidate(other, { tag: 'author', profile: 'max' });
  await until(`${kind}: made anew`, async () => (await page(one, `/${kind}/1`)).runs === 3);
  await until(`${kind}: made anew`, async () => (await page(other, `/${kind}/1`)).runs === 3);
}
const before = await page(one, '/isr/2');
await revalidate(one, { path: '/isr/2' });
assert.notEqual((await page(other, '/isr/2')).at, before.at, 'a path, on the other server');

await redis.assertSealed(6, 'Ada Lovelace', '<html', '"runs"');

// Without Redis each page is made.
await redis.stop();
for (const server of [one, other]) for (const path of ['/isr/1', '/cached/1']) await page(server, path);
const answer = await fetch(`${one.url}/api/revalidate`, {
  method: 'POST',
  body: JSON.stringify({ tag: 'author', profile: 'max' }),
});
await redis.start();
await until('Redis is used again', async () => {
  const { runs: count } = await page(one, '/cached/3');
  return (await page(other, '/cached/3')).runs === count;
});
console.log('revalidating without Redis answers', answer.status);

one.kill();
other.kill();
upstream.close();
await redis.stop();
await expected();

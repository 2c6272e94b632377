import assert from 'node:assert/strict';
import { expected, redisServer, startApp } from './app.mjs';

const redis = await redisServer();
const env = { REDIS_URL: redis.url };
const [one, other] = [await startApp('dist/app.js', env), await startApp('dist/app.js', env)];
const ask = async ({ url }, path, method = 'GET') => (await fetch(`${url}/patients/${path}`, { method })).json();
const ada = { id: '7', name: 'Ada Lovelace' };

assert.deepEqual(await ask(one, '7'), { ...ada, runs: 1 });
assert.deepEqual(await ask(other, '7'), { ...ada, runs: 1 });
await redis.assertSealed(1, 'Ada Lovelace');
assert.deepEqual(await ask(one, '7', 'DELETE'), { removed: true });
assert.deepEqual(await ask(one, '7'), { ...ada, runs: 2 });
// The other cache, by its name, is in each process.
assert.deepEqual(await ask(one, 'last'), { last: '7' });
assert.equal(
  (await redis.content()).keys.some((key) => key.includes('last')),
  false,
);

await redis.stop();
assert.equal((await ask(other, '8')).name, ada.name);
assert.equal((await fetch(`${other.url}/patients/8`, { method: 'DELETE' })).status, 500);
// With Redis and without, the application ends.
await one.stop();
await redis.start();
await ask(other, '9');
await other.stop();
await redis.stop();
await expected();

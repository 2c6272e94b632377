import assert from 'node:assert/strict';
import { createCache } from 'cachekit-native';
import { cachekit } from 'cachekit-native/fastify';
import Fastify from 'fastify';
import { expected, redisServer, startApp } from './app.mjs';

const redis = await redisServer();
const env = { REDIS_URL: redis.url };
const [one, other] = [await startApp('dist/app.js', env), await startApp('dist/app.js', env)];
const ask = async ({ url }, method = 'GET') => (await fetch(`${url}/patients/7`, { method })).json();
const ada = { id: '7', name: 'Ada Lovelace' };

assert.deepEqual(await ask(one), { ...ada, runs: 1 });
assert.deepEqual(await ask(other), { ...ada, runs: 1 });
await redis.assertSealed(1, 'Ada Lovelace', 'Lovelace');
assert.deepEqual(await ask(other, 'DELETE'), { removed: true });
assert.deepEqual(await ask(other), { ...ada, runs: 1 });
assert.deepEqual(await ask(other, 'DELETE'), { removed: true });
assert.deepEqual(await ask(one), { ...ada, runs: 2 });

await redis.stop();
// The function runs instead; and a deletion that cannot be done is not said to be.
assert.equal((await ask(other)).name, ada.name);
assert.equal((await fetch(`${other.url}/patients/7`, { method: 'DELETE' })).status, 500);
await redis.start();
await Promise.all([one.stop(), other.stop()]);

// One that is passed is its owner's.
const cache = createCache();
const app = Fastify();
await app.register(cachekit, { cache });
await app.close();
assert.equal(await cache.set('k', 1), true);
const own = Fastify();
await own.register(cachekit, {});
const made = own.cache;
await own.close();
await assert.rejects(made.set('k', 1), /closed/);
// Options are checked as those of createCache are.
for (const wrong of [{ cache, ttl: 1 }, { cache: {} }, { backends: redis.url }, { masterKey: 'ab' }]) {
  await assert.rejects(async () => Fastify().register(cachekit, wrong), JSON.stringify(wrong));
}
await assert.rejects(async () => Fastify().register(cachekit, {}).register(cachekit, {}), {
  code: 'FST_ERR_DEC_ALREADY_PRESENT',
});
await redis.stop();
await expected();

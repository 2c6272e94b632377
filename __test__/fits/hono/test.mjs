import assert from 'node:assert/strict';
import { createCache } from 'cachekit-native';
import { cacheResponses } from 'cachekit-native/hono';
import { expected, redisServer, startApp } from './app.mjs';

const redis = await redisServer();
const one = await startApp('dist/app.js', { REDIS_URL: redis.url });
const get = async (path, options = {}) => {
  const answer = await fetch(`${one.url}/pages/${path}`, options);
  const { headers, status } = answer;
  return { status, headers, body: await answer.json() };
};
/** Whether the second answer is the first one. */
const isKept = async (path, options, first = options) => {
  const { body } = await get(path, first);
  return (await get(path, options)).body.runs === body.runs;
};

assert.equal(await isKept('a'), true);
const again = await get('a');
assert.equal(again.headers.get('x-page'), 'yes');
assert.equal(again.headers.get('content-type'), 'application/json');
assert.match(again.headers.get('age'), /^[0-9]+$/);
await redis.assertSealed(1, 'Ada Lovelace', '/pages', 'x-page');

// Apart by their URL, and by what the response varies by.
assert.notEqual((await get('b')).body.runs, again.body.runs);
assert.notEqual((await get('a?x=1')).body.runs, again.body.runs);
const german = { headers: { 'accept-language': 'de' } };
assert.equal(await isKept('a', german), true);
assert.equal((await get('a', german)).body.language, 'de');
assert.equal((await get('a', { headers: { 'accept-language': 'fr' } })).body.language, 'fr');
assert.equal(await isKept('a?vary=Accept-Language', german), true);

for (const query of [
  'control=private',
  'control=no-store',
  'control=no-cache',
  'control=max-age%3D0',
  'cookie=1',
  'vary=*',
  'vary=Origin',
  'control=public,private%3D%22x-page%22',
]) {
  assert.equal(await isKept(`a?${query}`), false, query);
}
assert.equal(await isKept('a?control=public,max-age%3D60'), true);
assert.equal((await fetch(`${one.url}/pages/a?status=1`)).headers.has('age'), false);
for (let i = 0; i < 2; i++) assert.equal((await fetch(`${one.url}/pages/a?status=1`)).headers.has('age'), false);
assert.equal((await fetch(`${one.url}/pages/a`, { method: 'POST' })).headers.has('age'), false);

// What may be personal is neither kept for others nor answered from what is kept.
for (const headers of [{ cookie: 'session=ada' }, { authorization: 'Bearer ada' }]) {
  assert.equal(await isKept('personal', { headers }), false);
  assert.equal(await isKept('personal', {}, { headers }), false);
}
assert.equal(await isKept('a', { headers: { 'cache-control': 'no-store' } }), false);
const reloaded = await get('a', { headers: { 'cache-control': 'no-cache' } });
assert.equal((await get('a')).body.runs, reloaded.body.runs);

for (let i = 0; i < 2; i++) {
  const bytes = new Uint8Array(await (await fetch(`${one.url}/pages/bytes/all`)).arrayBuffer());
  assert.deepEqual(
    [...bytes],
    Array.from({ length: 256 }, (_, at) => at),
  );
}

await redis.stop();
assert.equal((await get('z')).status, 200);
await one.stop();
const cache = createCache();
for (const wrong of [{}, { cache, tll: 1 }, { cache, ttl: -1 }, { cache, vary: 'cookie' }, { cache, prefix: 1 }]) {
  assert.throws(() => cacheResponses(wrong));
}
await expected();

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createCache } from 'cachekit-native';
import { apolloCache } from 'cachekit-native/apollo';
import { Redis } from 'ioredis';
import { expected, redisServer, startApp, until } from './app.mjs';

const redis = await redisServer();
const env = { REDIS_URL: redis.url };
const [one, other] = [await startApp('dist/app.js', env), await startApp('dist/app.js', env)];
const query = '{ author { name runs } }';
const sha256Hash = createHash('sha256').update(query).digest('hex');
const post = async ({ url }, body) => {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answer.json();
};
const persisted = { extensions: { persistedQuery: { version: 1, sha256Hash } } };

// A persisted query that one server was told of is known to the other.
assert.equal((await post(one, persisted)).errors[0].extensions.code, 'PERSISTED_QUERY_NOT_FOUND');
const ada = { data: { author: { name: 'Ada Lovelace', runs: 1 } } };
assert.deepEqual(await post(one, { query, ...persisted }), ada);
// And so is the whole response.
await until('the response is cached', async () => (await post(one, { query })).data.author.runs === 1);
assert.deepEqual(await post(other, persisted), ada);
await redis.assertSealed(2, 'Ada Lovelace', 'author {', '"runs"');

const client = new Redis(redis.url);
const ttls = await Promise.all((await client.keys('ns:graph:key:apollo:*')).map((key) => client.ttl(key)));
assert.deepEqual(ttls.map((ttl) => ttl <= 60).sort(), [false, true], `the response ends after its maxAge: ${ttls}`);
client.disconnect();

await redis.stop();
// Without Redis the resolvers run.
assert.equal((await post(other, { query })).data.author.name, 'Ada Lovelace');
await Promise.all([one.stop(), other.stop()]);

const cache = createCache();
const texts = apolloCache({ cache });
await texts.set('k', 'v', { ttl: 60 });
assert.equal(await texts.get('k'), 'v');
assert.ok((await cache.ttl('apollo:k')) <= 60);
await texts.set('k', 'v', { ttl: null });
assert.ok((await cache.ttl('apollo:k')) > 60);
await texts.set('k', 'w', { ttl: 0 });
assert.equal(await texts.get('k'), undefined);
await texts.set('k', 'v');
assert.deepEqual([await texts.delete('k'), await texts.delete('k'), await texts.get('k')], [true, false, undefined]);
await assert.rejects(texts.set('k', 1), TypeError);
for (const wrong of [undefined, {}, { cache: new Map() }, { cache, prefx: '' }, { cache, prefix: 1 }]) {
  assert.throws(() => apolloCache(wrong), /cache|option|prefix/i);
}
await expected();

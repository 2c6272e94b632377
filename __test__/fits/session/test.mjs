import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { expected, redisServer, startApp } from './app.mjs';

const redis = await redisServer();
const env = { REDIS_URL: redis.url, NODE_ENV: 'test' };
const client = new Redis(redis.url, { retryStrategy: () => 100 });
client.on('error', () => {});

/** Those that are stored; a deletion leaves a mark for a while. */
const sessions = async () => (await client.keys('ns:web:key:session:*')).filter((key) => /^[\w:-]+$/.test(key));
const visitor = (url) => {
  let cookie;
  return async (path, method = 'GET') => {
    const answer = await fetch(url + path, { method, headers: cookie ? { cookie } : {} });
    const set = answer.headers.get('set-cookie');
    if (set) cookie = set.split(';')[0];
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
};

for (const framework of ['express', 'fastify']) {
  const [one, other] = [await startApp(`dist/${framework}.js`, env), await startApp(`dist/${framework}.js`, env)];
  const ask = visitor(one.url);
  assert.equal((await ask('/visit')).status, 401);
  assert.equal((await sessions()).length, 0, 'a session that has nothing is not stored');
  assert.equal((await ask('/login/ada-lovelace', 'POST')).status, 204);
  assert.deepEqual((await ask('/visit')).body, { user: 'ada-lovelace', visits: 1 });
  await redis.assertSealed(1, 'ada-lovelace', '"visits"', 'originalMaxAge');

  // Two processes share the sessions: one sees what the other has written.
  const cookieJar = visitor(other.url);
  assert.equal((await cookieJar('/visit')).status, 401);
  assert.deepEqual((await ask('/visit')).body, { user: 'ada-lovelace', visits: 2 });

  const [key] = await sessions();
  const ttl = await client.pttl(key);
  assert.ok(ttl > 30_000 && ttl <= 60_000, `the session ends with its cookie, and not in ${ttl} ms`);
  // A session that is only looked at is renewed.
  await client.pexpire(key, 20_000);
  assert.deepEqual((await ask('/look')).body, { user: 'ada-lovelace' });
  assert.ok((await client.pttl(key)) > 30_000, 'renewed');

  await redis.stop();
  const failed = await ask('/visit');
  assert.equal(failed.status, 500, JSON.stringify(failed));
  await redis.start();
  for (let i = 0; i < 100 && (await ask('/visit')).status === 500; i++) await new Promise((r) => setTimeout(r, 100));
  // The server came back without its data.
  assert.equal((await ask('/visit')).status, 401);

  const second = visitor(one.url);
  assert.equal((await second('/login/grace', 'POST')).status, 204);
  assert.equal((await second('/login/grace', 'POST')).status, 204);
  assert.equal((await sessions()).length, 1, 'the session before the login was destroyed');
  if (framework === 'express') assert.deepEqual((await ask('/admin')).body, { count: 1 });
  assert.equal((await second('/logout', 'POST')).status, 204);
  assert.equal((await sessions()).length, 0, 'destroyed');
  assert.equal((await second('/visit')).status, 401);

  if (framework === 'express') {
    for (let i = 0; i < 3; i++) await visitor(one.url)('/login/alan', 'POST');
    assert.deepEqual((await ask('/admin')).body, { count: 3 });
    assert.equal((await ask('/admin/clear', 'POST')).status, 204);
    assert.deepEqual((await ask('/admin')).body, { count: 0 });
  }
  await Promise.all([one.stop(), other.stop()]);
  await client.flushall();
}

// With private keys the ids of sessions are hidden, too.
const hidden = await startApp('dist/express.js', { ...env, PRIVATE: '1' });
const ask = visitor(hidden.url);
await ask('/login/ada-lovelace', 'POST');
assert.deepEqual((await ask('/visit')).body, { user: 'ada-lovelace', visits: 1 });
await redis.assertSealed(1, 'session:', 'ada-lovelace');
// They cannot be listed then, which the store says.
assert.equal((await ask('/admin')).status, 500);
await hidden.stop();
client.disconnect();
await redis.stop();
await expected();

import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { BackendError, RedisBackend, type RedisBackendOptions, TimeoutError } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireRedis } from '../support/redis-server.js';

const libraries = ['ioredis', 'redis'] as const;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

function open(t: ExecutionContext, options: RedisBackendOptions): RedisBackend {
  const backend = new RedisBackend(options);
  t.teardown(() => backend.close());
  return backend;
}

const text = (entry: { bytes: Uint8Array } | undefined) => entry && Buffer.from(entry.bytes).toString();

for (const library of libraries) {
  test.serial(`${library}: a server killed and started again amid many operations gives no wrong answer`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const backend = open(t, { url: server.url, library, timeoutMs: 2_000 });
    const wrong: unknown[] = [];
    let running = true;
    let failed = 0;
    const isExpected = (error: unknown) => {
      failed++;
      if (!(error instanceof BackendError || error instanceof TimeoutError)) wrong.push(error);
    };
    const worker = async (w: number) => {
      for (let i = 0; running; i++) {
        const [one, two] = [`k:${w}:${i % 50}`, `k:${w}:${(i + 1) % 50}`];
        await Promise.all([
          backend.set(one, Buffer.from(one), i % 2 ? { ttlMs: 60_000 } : {}).catch(isExpected),
          backend.get(two, { ttl: i % 3 === 0 }).then((entry) => {
            if (entry && text(entry) !== two) wrong.push(two);
          }, isExpected),
          backend.getMany([one, two, 'none']).then((entries) => {
            const right = [one, two].every((key, n) => entries[n] === undefined || text(entries[n]) === key);
            if (!right || entries[2] !== undefined) wrong.push(entries);
          }, isExpected),
        ]);
        if (failed > 0) await pause(1);
      }
    };
    const workers = Array.from({ length: 16 }, (_, w) => worker(w));
    for (let round = 0; round < 3; round++) {
      await pause(100);
      const before = failed;
      await server.kill();
      await until(async () => failed > before);
      await server.restart();
      await until(() =>
        backend.set('back', Buffer.from('x')).then(
          () => true,
          () => false,
        ),
      );
    }
    running = false;
    await Promise.all(workers);
    t.deepEqual(wrong, []);
  });
}

test.serial('gets of one tick are one command, each answered for itself', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const raw = new Redis(server.url);
  t.teardown(() => raw.disconnect());
  const backend = open(t, { url: server.url });
  await backend.setMany([
    { cacheKey: 'a', bytes: Buffer.from('1'), ttlMs: 3_600_000 },
    { cacheKey: 'b', bytes: Buffer.from('2') },
  ]);
  await raw.config('RESETSTAT');
  const leaving = new AbortController();
  const answers = Promise.allSettled([
    backend.get('a'),
    backend.get('a', { ttl: true }),
    backend.get('b', { signal: leaving.signal }),
    backend.get('b', { readOnly: true }),
    backend.get('missing', { ttl: true }),
    backend.get('only for one who leaves', { signal: leaving.signal }),
    backend.set('c', Buffer.from('3')),
    backend.get('c'),
  ]);
  leaving.abort('left');
  const [plain, withTtl, left, stayed, missing, gone, , own] = await answers;
  t.deepEqual([left, gone], Array(2).fill({ status: 'rejected', reason: 'left' }));
  const entries = [plain, withTtl, stayed, missing, own].map((result) => {
    if (result?.status !== 'fulfilled') throw new Error('rejected');
    return result.value as { bytes: Uint8Array; expiresInMs?: number } | undefined;
  });
  t.deepEqual(entries.map(text), ['1', '1', '2', undefined, '3']);
  t.is(entries[0]?.expiresInMs, undefined);
  t.true((entries[1]?.expiresInMs ?? 0) > 3_000_000);
  // The same key twice is asked for once, and each caller has bytes of its own.
  entries[0]?.bytes.fill(0);
  t.is(text(entries[1]), '1');
  const stats = await raw.info('commandstats');
  t.regex(stats, /cmdstat_mget:calls=1,/);
  t.regex(stats, /cmdstat_pttl:calls=2,/);
  t.notRegex(stats, /cmdstat_get:/);
  const many = Array.from({ length: 2_000 }, (_, i) => backend.get(`key ${i}`));
  t.true((await Promise.all(many)).every((entry) => entry === undefined));
  t.regex(await raw.info('commandstats'), /cmdstat_mget:calls=[45],/);
});

test.serial('what begins after close rejects, what began before is answered', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  for (const library of libraries) {
    const backend = new RedisBackend({ url: server.url, library });
    const before = backend.set('a', Buffer.from('1'));
    const closing = backend.close();
    await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
    await before;
    await closing;
    await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
  }
});

test.serial('a borrowed client that is not connected gets nothing that it would send later', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const ioredis = new Redis(server.url, { retryStrategy: () => 400, maxRetriesPerRequest: null });
  const nodeRedis = createClient({ url: server.url, socket: { reconnectStrategy: 400 } });
  nodeRedis.on('error', () => undefined);
  t.teardown(() => ioredis.disconnect());
  t.teardown(() => nodeRedis.destroy());
  await nodeRedis.connect();
  const backends = [ioredis, nodeRedis].map((client) => new RedisBackend({ client, timeoutMs: 200 }));
  for (const backend of backends) await backend.set('before', Buffer.from('x'));
  await server.kill();
  await until(async () => ioredis.status !== 'ready' && !nodeRedis.isReady);
  for (const [i, backend] of backends.entries()) {
    const error = await t.throwsAsync(backend.set(`late ${i}`, Buffer.from('x')));
    t.true(error instanceof BackendError || error instanceof TimeoutError);
  }
  await server.restart();
  for (const backend of backends) {
    await until(() =>
      backend.set('after', Buffer.from('x')).then(
        () => true,
        () => false,
      ),
    );
  }
  t.deepEqual(await ioredis.keys('late*'), []);
});

test.serial('large replies are in memory that a caller shares with nobody', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const backend = open(t, { url: server.url });
  const large = Buffer.alloc(1_500_000, 1);
  await backend.setMany(['a', 'b', 'c'].map((cacheKey) => ({ cacheKey, bytes: large })));
  const entries = await Promise.all([
    backend.get('a', { readOnly: true }),
    backend.get('a', { readOnly: true }),
    backend.get('b'),
    backend.get('c', { readOnly: true }),
  ]);
  entries.push(...(await backend.getMany(['a', 'b', 'c'], { readOnly: true })));
  t.is(new Set(entries.map((entry) => entry?.bytes.buffer)).size, 7);
  for (const entry of entries) t.is(entry?.bytes.buffer.byteLength, large.length);
});

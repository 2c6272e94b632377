import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Behaviour, behaviour, fresh, stored, timeLeft, until } from './behaviour.js';

/** What every backend does with one entry. */
export const entryBehaviours: readonly Behaviour[] = [
  behaviour('a cache key that was never set is a miss', [], async (backend) => {
    assert.equal(await backend.get(fresh()), undefined);
    assert.equal(await backend.get(fresh(), { ttl: true }), undefined);
  }),
  behaviour('bytes come back as they went in', [], async (backend) => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
    const values = [
      new Uint8Array(0),
      new Uint8Array([0]),
      Buffer.from('*1\r\n$4\r\nPING\r\n'),
      everyByte,
      everyByte.subarray(17, 99),
      randomBytes(1024),
      randomBytes(300_000),
    ];
    for (const bytes of values) {
      const cacheKey = fresh();
      await backend.set(cacheKey, bytes, { ttlMs: 60_000 });
      assert.deepEqual(await stored(backend, cacheKey), Buffer.from(bytes), `${bytes.length} bytes`);
    }
  }),
  behaviour('setting again replaces the bytes and the TTL', [], async (backend) => {
    const cacheKey = fresh();
    await backend.set(cacheKey, Buffer.from('one, longer'), { ttlMs: 60_000 });
    await backend.set(cacheKey, Buffer.from('two'));
    const entry = await backend.get(cacheKey, { ttl: true });
    assert.deepEqual(entry && Buffer.from(entry.bytes), Buffer.from('two'));
    assert.equal(timeLeft(entry) ?? Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }),
  behaviour('an entry says what is left of its TTL', [], async (backend, { shortestTtlMs = 1 }) => {
    const cacheKey = fresh();
    await backend.set(cacheKey, Buffer.from('x'), { ttlMs: 3_600_000 });
    const left = timeLeft(await backend.get(cacheKey, { ttl: true }));
    assert.ok(left !== undefined && left > 3_000_000 && left <= 3_600_000 + shortestTtlMs, `${left} ms left`);
  }),
  behaviour('an entry is gone once its TTL has passed', [], async (backend, { shortestTtlMs = 1 }) => {
    const [short, long] = [fresh(), fresh()];
    await backend.set(long, Buffer.from('x'), { ttlMs: 3_600_000 });
    await backend.set(short, Buffer.from('x'), { ttlMs: Math.max(20, shortestTtlMs) });
    await until(async () => (await backend.get(short)) === undefined);
    assert.notEqual(await backend.get(long), undefined);
    if (backend.has) assert.equal(await backend.has(short), false);
    if (backend.getMany) assert.deepEqual((await backend.getMany([short, long])).map(Boolean), [false, true]);
  }),
  behaviour(
    'delete removes an entry and says whether there was one',
    [],
    async (backend, { tellsExistence = true }) => {
      const cacheKey = fresh();
      await backend.set(cacheKey, Buffer.from('x'));
      assert.equal(await backend.delete(cacheKey), true);
      assert.equal(await backend.get(cacheKey), undefined);
      if (tellsExistence) assert.equal(await backend.delete(cacheKey), false);
    },
  ),
  behaviour('delete with ifBytes removes only those bytes', [], async (backend) => {
    const cacheKey = fresh();
    const bytes = Buffer.from([0, 1, 2, 255]);
    assert.equal(await backend.delete(cacheKey, { ifBytes: bytes }), false);
    await backend.set(cacheKey, bytes);
    for (const other of [Buffer.from([0, 1, 2]), Buffer.from([0, 1, 2, 254]), Buffer.from([0, 1, 2, 255, 0])]) {
      assert.equal(await backend.delete(cacheKey, { ifBytes: other }), false);
    }
    assert.deepEqual(await stored(backend, cacheKey), bytes);
    assert.equal(await backend.delete(cacheKey, { ifBytes: bytes }), true);
    assert.equal(await backend.get(cacheKey), undefined);
    await backend.set(cacheKey, Buffer.alloc(0));
    assert.equal(await backend.delete(cacheKey, { ifBytes: Buffer.from('x') }), false);
    assert.equal(await backend.delete(cacheKey, { ifBytes: new Uint8Array(0) }), true);
  }),
  behaviour('cache keys that look alike are different entries', [], async (backend) => {
    const base = fresh();
    const endings = ['', ' ', '.', ':', '::', '*', '?', '[a]', '\\', '/', '%', '%41', 'A', 'a', 'é', 'e\u0301', '😀'];
    const cacheKeys = [...endings, '\ufeff', '\u2025', '\t', '\r\n', '+', '#', '&', "'", '"'].map((end) => base + end);
    for (const [i, cacheKey] of cacheKeys.entries()) await backend.set(cacheKey, Buffer.from([i]));
    for (const [i, cacheKey] of cacheKeys.entries()) {
      assert.deepEqual(await stored(backend, cacheKey), Buffer.from([i]), `cache key ${i}`);
    }
    await backend.delete(`${base}*`);
    assert.equal(await backend.get(`${base}*`), undefined);
    assert.notEqual(await backend.get(`${base}?`), undefined);
  }),
  behaviour('no buffer shares memory with what is stored', [], async (backend) => {
    const cacheKey = fresh();
    const given = Buffer.from('given');
    const setting = backend.set(cacheKey, given);
    given.fill(0);
    await setting;
    const got = await backend.get(cacheKey);
    assert.deepEqual(Buffer.from(got?.bytes ?? []), Buffer.from('given'));
    got?.bytes.fill(1);
    assert.deepEqual(await stored(backend, cacheKey), Buffer.from('given'));
    const condition = Buffer.from('given');
    const deleting = backend.delete(cacheKey, { ifBytes: condition });
    condition.fill(0);
    assert.equal(await deleting, true);
  }),
  behaviour('concurrent operations each get their own answer', [], async (backend) => {
    const base = fresh();
    const cacheKeys = Array.from({ length: 200 }, (_, i) => `${base}${i}`);
    await Promise.all(cacheKeys.map((cacheKey, i) => backend.set(cacheKey, Buffer.from([i]), { ttlMs: 60_000 })));
    const entries = await Promise.all(cacheKeys.map((cacheKey, i) => backend.get(cacheKey, { ttl: i % 2 === 0 })));
    for (const [i, entry] of entries.entries()) assert.deepEqual(Buffer.from(entry?.bytes ?? []), Buffer.from([i]));
  }),
  behaviour(
    'staleMs takes nothing from the TTL, and an entry is stale only for a store that says so',
    [],
    async (backend, { shortestTtlMs = 1 }) => {
      const [half, short] = [fresh(), fresh()];
      await backend.set(half, Buffer.from('half'), { ttlMs: 3_600_000, staleMs: 1_800_000 });
      const entry = await backend.get(half, { ttl: true });
      assert.deepEqual(entry && Buffer.from(entry.bytes), Buffer.from('half'));
      assert.notEqual(entry?.stale, true);
      const { expiresInMs, freshInMs } = entry ?? {};
      assert.ok(expiresInMs === undefined || expiresInMs > 3_000_000, `${expiresInMs} ms left`);
      if (freshInMs === undefined) return;
      assert.ok(freshInMs > 1_200_000 && freshInMs <= 1_800_000 + shortestTtlMs, `fresh for ${freshInMs} ms`);
      await backend.set(short, Buffer.from('short'), { ttlMs: 3_600_000, staleMs: 3_600_000 - shortestTtlMs });
      await until(async () => (await backend.get(short, { ttl: true }))?.stale === true);
      assert.deepEqual(await stored(backend, short), Buffer.from('short'));
    },
  ),
];

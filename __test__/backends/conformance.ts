import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../../src/backends/backend.js';
import { BackendError } from '../../src/errors.js';

/** Where stores may differ; everything else is the same for all of them. */
export interface Traits {
  /** `delete` and `expire` answer whether there was an entry. Default true. */
  tellsExistence?: boolean;
  /** The smallest TTL, in milliseconds. Default 1. */
  shortestTtlMs?: number;
  /** The longest TTL, in milliseconds. Default: none. */
  longestTtlMs?: number;
}

export interface Behaviour {
  readonly title: string;
  run(backend: Backend, traits: Traits): Promise<void>;
}

/** What every backend does, as behaviours that know no test runner. Cache keys are new in each run. */
export const behaviours: readonly Behaviour[] = [
  {
    title: 'a cache key that was never set is a miss',
    async run(backend) {
      assert.equal(await backend.get(fresh()), undefined);
      assert.equal(await backend.get(fresh(), { ttl: true }), undefined);
    },
  },
  {
    title: 'bytes come back as they went in',
    async run(backend) {
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
    },
  },
  {
    title: 'setting again replaces the bytes and the TTL',
    async run(backend) {
      const cacheKey = fresh();
      await backend.set(cacheKey, Buffer.from('one, longer'), { ttlMs: 60_000 });
      await backend.set(cacheKey, Buffer.from('two'));
      const entry = await backend.get(cacheKey, { ttl: true });
      assert.deepEqual(entry && Buffer.from(entry.bytes), Buffer.from('two'));
      assert.ok(entry?.expiresInMs === undefined || entry.expiresInMs === Number.POSITIVE_INFINITY);
    },
  },
  {
    title: 'expiresInMs is what is left of the TTL',
    async run(backend, { shortestTtlMs = 1 }) {
      const cacheKey = fresh();
      await backend.set(cacheKey, Buffer.from('x'), { ttlMs: 3_600_000 });
      const left = (await backend.get(cacheKey, { ttl: true }))?.expiresInMs;
      assert.ok(left !== undefined && left > 3_000_000 && left <= 3_600_000 + shortestTtlMs, `${left} ms left`);
    },
  },
  {
    title: 'an entry is gone once its TTL has passed',
    async run(backend, { shortestTtlMs = 1 }) {
      const [short, long] = [fresh(), fresh()];
      await backend.set(long, Buffer.from('x'), { ttlMs: 3_600_000 });
      await backend.set(short, Buffer.from('x'), { ttlMs: Math.max(20, shortestTtlMs) });
      await until(async () => (await backend.get(short)) === undefined);
      assert.notEqual(await backend.get(long), undefined);
      if (backend.has) assert.equal(await backend.has(short), false);
      if (backend.getMany) assert.deepEqual((await backend.getMany([short, long])).map(Boolean), [false, true]);
    },
  },
  {
    title: 'delete removes an entry and says whether there was one',
    async run(backend, { tellsExistence = true }) {
      const cacheKey = fresh();
      await backend.set(cacheKey, Buffer.from('x'));
      assert.equal(await backend.delete(cacheKey), true);
      assert.equal(await backend.get(cacheKey), undefined);
      if (tellsExistence) assert.equal(await backend.delete(cacheKey), false);
    },
  },
  {
    title: 'delete with ifBytes removes only those bytes',
    async run(backend) {
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
    },
  },
  {
    title: 'cache keys that look alike are different entries',
    async run(backend) {
      const base = fresh();
      const endings = ['', ' ', '.', ':', '::', '*', '?', '[a]', '\\', '/', '%', '%41', 'A', 'a', 'é', 'e\u0301', '😀'];
      const cacheKeys = [...endings, '\ufeff', '\u2025', '\t', '\r\n', '+', '#', '&', "'", '"'].map(
        (end) => base + end,
      );
      for (const [i, cacheKey] of cacheKeys.entries()) await backend.set(cacheKey, Buffer.from([i]));
      for (const [i, cacheKey] of cacheKeys.entries()) {
        assert.deepEqual(await stored(backend, cacheKey), Buffer.from([i]), `cache key ${i}`);
      }
      await backend.delete(`${base}*`);
      assert.equal(await backend.get(`${base}*`), undefined);
      assert.notEqual(await backend.get(`${base}?`), undefined);
    },
  },
  {
    title: 'no buffer shares memory with what is stored',
    async run(backend) {
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
    },
  },
  {
    title: 'concurrent operations each get their own answer',
    async run(backend) {
      const base = fresh();
      const cacheKeys = Array.from({ length: 200 }, (_, i) => `${base}${i}`);
      await Promise.all(cacheKeys.map((cacheKey, i) => backend.set(cacheKey, Buffer.from([i]), { ttlMs: 60_000 })));
      const entries = await Promise.all(cacheKeys.map((cacheKey, i) => backend.get(cacheKey, { ttl: i % 2 === 0 })));
      for (const [i, entry] of entries.entries()) assert.deepEqual(Buffer.from(entry?.bytes ?? []), Buffer.from([i]));
    },
  },
  {
    title: 'many cache keys at once answer as one by one, in order',
    async run(backend) {
      const [one, two, missing] = [fresh(), fresh(), fresh()];
      await backend.setMany?.([]);
      assert.deepEqual(await backend.getMany?.([]), backend.getMany && []);
      if (!backend.setMany || !backend.getMany || !backend.deleteMany) return;
      await backend.setMany([
        { cacheKey: one, bytes: Buffer.from('1'), ttlMs: 3_600_000 },
        { cacheKey: two, bytes: Buffer.from('2') },
      ]);
      const entries = await backend.getMany([two, missing, one, two], { ttl: true });
      const texts = entries.map((entry) => entry && Buffer.from(entry.bytes).toString());
      assert.deepEqual(texts, ['2', undefined, '1', '2']);
      assert.ok((entries[0]?.expiresInMs ?? Number.POSITIVE_INFINITY) === Number.POSITIVE_INFINITY);
      assert.ok((entries[2]?.expiresInMs ?? 0) > 3_000_000);
      assert.equal(await backend.deleteMany([]), 0);
      assert.equal(await backend.deleteMany([one, missing, two]), 2);
      assert.deepEqual(await backend.getMany([one, two]), [undefined, undefined]);
    },
  },
  {
    title: 'has tells whether there is an entry',
    async run(backend) {
      if (!backend.has) return;
      const cacheKey = fresh();
      assert.equal(await backend.has(cacheKey), false);
      await backend.set(cacheKey, randomBytes(100_000));
      assert.equal(await backend.has(cacheKey), true);
      await backend.delete(cacheKey);
      assert.equal(await backend.has(cacheKey), false);
    },
  },
  {
    title: 'expire gives an entry a new TTL and leaves its bytes',
    async run(backend, { tellsExistence = true, shortestTtlMs = 1 }) {
      if (!backend.expire) return;
      const [entry, missing] = [fresh(), fresh()];
      if (tellsExistence) assert.equal(await backend.expire(missing, 60_000), false);
      else await backend.expire(missing, 60_000);
      assert.equal(await backend.get(missing), undefined);
      await backend.set(entry, Buffer.from('x'));
      assert.equal(await backend.expire(entry, 3_600_000), true);
      const found = await backend.get(entry, { ttl: true });
      assert.deepEqual(found && Buffer.from(found.bytes), Buffer.from('x'));
      assert.ok((found?.expiresInMs ?? 0) > 3_000_000);
      await backend.expire(entry, Math.max(20, shortestTtlMs));
      await until(async () => (await backend.get(entry)) === undefined);
    },
  },
  {
    title: 'keys finds the cache keys with a prefix, letter for letter',
    async run(backend) {
      if (!backend.keys) return;
      const base = fresh();
      const inside = ['a', 'b*c', 'é😀', '\ufeffx', '[x]', 'back\\slash'].map((end) => `${base}*[?]:${end}`);
      const outside = [`\ufeff${base}`, `${base}xx:a`, `${base}*[?`, `${base}*x:a`];
      for (const cacheKey of [...inside, ...outside]) await backend.set(cacheKey, Buffer.from('x'));
      const found = new Set<string>();
      for await (const cacheKey of backend.keys({ prefix: `${base}*[?]:` })) found.add(cacheKey);
      assert.deepEqual([...found].sort(), inside.sort());
      const all = new Set<string>();
      for await (const cacheKey of backend.keys()) all.add(cacheKey);
      for (const cacheKey of [...inside, ...outside]) assert.ok(all.has(cacheKey));
    },
  },
  {
    title: 'arguments of a wrong type or range are refused',
    async run(backend, { longestTtlMs }) {
      const cacheKey = fresh();
      const bytes = Buffer.from('x');
      const wrong = (value: unknown) => value as never;
      for (const value of [undefined, null, 1, {}, [], Symbol('x'), 'lone \ud800', '\udc00']) {
        await assert.rejects(backend.get(wrong(value)), TypeError);
        await assert.rejects(backend.set(wrong(value), bytes), TypeError);
        await assert.rejects(backend.delete(wrong(value)), TypeError);
        if (backend.has) await assert.rejects(backend.has(wrong(value)), TypeError);
        if (backend.expire) await assert.rejects(backend.expire(wrong(value), 1_000), TypeError);
        if (backend.getMany) await assert.rejects(backend.getMany([cacheKey, wrong(value)]), TypeError);
        if (backend.deleteMany) await assert.rejects(backend.deleteMany([cacheKey, wrong(value)]), TypeError);
        if (backend.setMany) {
          await assert.rejects(
            backend.setMany([
              { cacheKey, bytes },
              { cacheKey: wrong(value), bytes },
            ]),
            TypeError,
          );
        }
      }
      await assert.rejects(backend.get(''), RangeError);
      await assert.rejects(backend.set('', bytes), RangeError);
      await assert.rejects(backend.delete(''), RangeError);
      const detached = new Uint8Array(4);
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      for (const value of [
        undefined,
        null,
        'text',
        [1],
        new Uint16Array(2),
        new Uint8Array(new SharedArrayBuffer(4)),
        detached,
      ]) {
        await assert.rejects(backend.set(cacheKey, wrong(value)), TypeError);
        if (value !== undefined) await assert.rejects(backend.delete(cacheKey, { ifBytes: wrong(value) }), TypeError);
        if (backend.setMany) await assert.rejects(backend.setMany([{ cacheKey, bytes: wrong(value) }]), TypeError);
      }
      for (const ttlMs of [
        0,
        -1,
        Number.NaN,
        Number.NEGATIVE_INFINITY,
        2 ** 60,
        ...(longestTtlMs ? [longestTtlMs + 1] : []),
      ]) {
        await assert.rejects(backend.set(cacheKey, bytes, { ttlMs }), RangeError);
        if (backend.expire) await assert.rejects(backend.expire(cacheKey, ttlMs), RangeError);
      }
      for (const ttlMs of [null, '1', 1n, {}]) {
        await assert.rejects(backend.set(cacheKey, bytes, { ttlMs: wrong(ttlMs) }), TypeError);
        if (backend.expire) await assert.rejects(backend.expire(cacheKey, wrong(ttlMs)), TypeError);
      }
      await assert.rejects(backend.get(cacheKey, { signal: wrong({}) }), TypeError);
      assert.equal(await backend.get(cacheKey), undefined, 'a refused call stores nothing');
    },
  },
  {
    title: 'an aborted signal rejects with its reason',
    async run(backend) {
      const reason = new Error('changed my mind');
      const signal = AbortSignal.abort(reason);
      const same = (error: unknown) => error === reason;
      await assert.rejects(backend.get(fresh(), { signal }), same);
      await assert.rejects(backend.set(fresh(), Buffer.from('x'), { signal }), same);
      await assert.rejects(backend.delete(fresh(), { signal }), same);
      const unused = new AbortController();
      await backend.get(fresh(), { signal: unused.signal });
    },
  },
  {
    title: 'after close every use is a BackendError, and closing again is harmless',
    async run(backend) {
      const cacheKey = fresh();
      await backend.set(cacheKey, Buffer.from('x'));
      await backend.close?.();
      await backend.close?.();
      await assert.rejects(backend.get(cacheKey), BackendError);
      await assert.rejects(backend.set(cacheKey, Buffer.from('x')), BackendError);
      await assert.rejects(backend.delete(cacheKey), BackendError);
    },
  },
];

function fresh(): string {
  return `t:${randomBytes(9).toString('hex')}:`;
}

async function stored(backend: Backend, cacheKey: string): Promise<Buffer> {
  const entry = await backend.get(cacheKey);
  assert.ok(entry, 'expected a hit');
  return Buffer.from(entry.bytes);
}

/** Waits for a condition that time brings about, however slow the machine. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return;
    await pause(25);
  }
  assert.fail('it did not happen within 15 s');
}

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Behaviour, behaviour, fresh, stored, timeLeft, until, wrong } from './behaviour.js';

/** What a backend does that has more than the three methods. */
export const optionalBehaviours: readonly Behaviour[] = [
  behaviour(
    'many cache keys at once answer as one by one, in order',
    ['getMany', 'setMany', 'deleteMany'],
    async (backend) => {
      const [one, two, missing] = [fresh(), fresh(), fresh()];
      await backend.setMany([]);
      assert.deepEqual(await backend.getMany([]), []);
      await backend.setMany([
        { cacheKey: one, bytes: Buffer.from('1'), ttlMs: 3_600_000 },
        { cacheKey: two, bytes: Buffer.from('2') },
      ]);
      const entries = await backend.getMany([two, missing, one, two], { ttl: true });
      const texts = entries.map((entry) => entry && Buffer.from(entry.bytes).toString());
      assert.deepEqual(texts, ['2', undefined, '1', '2']);
      assert.equal(timeLeft(entries[0]) ?? Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      assert.ok((timeLeft(entries[2]) ?? 0) > 3_000_000, 'the TTL of the item');
      assert.equal(await backend.deleteMany([]), 0);
      assert.equal(await backend.deleteMany([one, missing, two]), 2);
      assert.deepEqual(await backend.getMany([one, two]), [undefined, undefined]);
      const versions = ['first', 'middle', 'last'];
      await backend.setMany(versions.map((text) => ({ cacheKey: one, bytes: Buffer.from(text), ttlMs: 3_600_000 })));
      assert.deepEqual(await stored(backend, one), Buffer.from('last'), 'of equal cache keys the last counts');
    },
  ),
  behaviour('has tells whether there is an entry', ['has'], async (backend) => {
    const cacheKey = fresh();
    assert.equal(await backend.has(cacheKey), false);
    await backend.set(cacheKey, randomBytes(100_000));
    assert.equal(await backend.has(cacheKey), true);
    await backend.delete(cacheKey);
    assert.equal(await backend.has(cacheKey), false);
  }),
  behaviour(
    'expire gives an entry a new TTL and leaves its bytes',
    ['expire'],
    async (backend, { tellsExistence = true, shortestTtlMs = 1 }) => {
      const [entry, missing] = [fresh(), fresh()];
      if (tellsExistence) assert.equal(await backend.expire(missing, 60_000), false);
      else await backend.expire(missing, 60_000);
      assert.equal(await backend.get(missing), undefined);
      await backend.set(entry, Buffer.from('x'));
      assert.equal(await backend.expire(entry, 3_600_000), true);
      const found = await backend.get(entry, { ttl: true });
      assert.deepEqual(found && Buffer.from(found.bytes), Buffer.from('x'));
      assert.ok((timeLeft(found) ?? 0) > 3_000_000, 'the new TTL');
      await backend.expire(entry, Math.max(20, shortestTtlMs));
      await until(async () => (await backend.get(entry)) === undefined);
    },
  ),
  behaviour('keys finds the cache keys with a prefix, letter for letter', ['keys'], async (backend) => {
    const base = fresh();
    const inside = ['a', 'b*c', 'é😀', '\ufeffx', '[x]', 'back\\slash'].map((end) => `${base}*[?]:${end}`);
    const outside = [`\ufeff${base}`, `${base}xx:a`, `${base}*[?`, `${base}*x:a`];
    for (const cacheKey of [...inside, ...outside]) await backend.set(cacheKey, Buffer.from('x'));
    const found = new Set<string>();
    for await (const cacheKey of backend.keys({ prefix: `${base}*[?]:` })) found.add(cacheKey);
    assert.deepEqual([...found].sort(), inside.sort());
    const all = new Set<string>();
    for await (const cacheKey of backend.keys()) all.add(cacheKey);
    for (const cacheKey of [...inside, ...outside]) assert.ok(all.has(cacheKey), 'without a prefix, each');
  }),
  behaviour('replace exchanges exactly those bytes and leaves the TTL', ['replace'], async (backend) => {
    const [cacheKey, forever, missing] = [fresh(), fresh(), fresh()];
    const [one, two] = [Buffer.from([0, 1, 255]), randomBytes(5_000)];
    await backend.set(cacheKey, one, { ttlMs: 3_600_000 });
    for (const other of [Buffer.from([0, 1]), Buffer.from([0, 1, 254]), Buffer.from([0, 1, 255, 0])]) {
      assert.equal(await backend.replace(cacheKey, other, two), false);
    }
    assert.deepEqual(await stored(backend, cacheKey), one);
    assert.equal(await backend.replace(cacheKey, one, two), true);
    assert.deepEqual(await stored(backend, cacheKey), two);
    const left = timeLeft(await backend.get(cacheKey, { ttl: true }));
    assert.ok(left !== undefined && left > 3_000_000 && left <= 3_601_000, `${left} ms left`);
    assert.equal(await backend.replace(cacheKey, one, two), false);
    assert.equal(await backend.replace(cacheKey, two, new Uint8Array(0)), true);
    assert.equal(await backend.replace(cacheKey, new Uint8Array(0), one), true);
    await backend.set(forever, one);
    assert.equal(await backend.replace(forever, one, two), true);
    assert.equal(
      timeLeft(await backend.get(forever, { ttl: true })) ?? Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    );
    assert.equal(await backend.replace(missing, new Uint8Array(0), two), false);
    assert.equal(await backend.get(missing), undefined);
  }),
  behaviour('of many that replace the same bytes, one does', ['replace'], async (backend) => {
    const cacheKey = fresh();
    const old = Buffer.from('old');
    await backend.set(cacheKey, old, { ttlMs: 3_600_000 });
    const given = Array.from({ length: 20 }, (_, i) => Buffer.from([i]));
    const answers = given.map((bytes) => backend.replace(cacheKey, old, bytes));
    for (const bytes of given) bytes.fill(255);
    const done = (await Promise.all(answers)).flatMap((did, i) => (did ? [i] : []));
    assert.equal(done.length, 1);
    assert.deepEqual(await stored(backend, cacheKey), Buffer.from(done), 'the bytes are those of the call');
  }),
  behaviour('replace refuses wrong arguments', ['replace'], async (backend) => {
    const cacheKey = fresh();
    const bytes = Buffer.from('x');
    await backend.set(cacheKey, bytes);
    for (const value of [undefined, null, 'x', new Uint8Array(new SharedArrayBuffer(1))]) {
      await assert.rejects(backend.replace(cacheKey, wrong(value), bytes), TypeError);
      await assert.rejects(backend.replace(cacheKey, bytes, wrong(value)), TypeError);
    }
    await assert.rejects(backend.replace(wrong(1), bytes, bytes), TypeError);
    await assert.rejects(backend.replace('', bytes, bytes), RangeError);
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(backend.replace(cacheKey, bytes, bytes, { signal }), (error) => error === reason);
    assert.deepEqual(await stored(backend, cacheKey), bytes);
  }),
];

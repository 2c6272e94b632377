import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Backend } from '../../index.js';
import { BackendError } from '../errors.js';
import { type Behaviour, behaviour, fresh, stored, until, wrong } from './behaviour.js';

/** What `getNow` does. */
export const nowBehaviours: readonly Behaviour[] = [
  behaviour('getNow answers what get would, after each write', ['getNow'], async (backend) => {
    const [cacheKey, other] = [fresh(), fresh()];
    // What a store first has to wait for, as for opening a file, is behind it.
    assert.equal(await backend.get(cacheKey), undefined);
    assert.equal(now(backend, cacheKey), undefined);
    await backend.set(other, Buffer.from('other'));
    for (const bytes of [Buffer.from('one, longer'), Buffer.from('two'), new Uint8Array(0), randomBytes(300_000)]) {
      await backend.set(cacheKey, bytes, { ttlMs: 3_600_000 });
      assert.deepEqual(now(backend, cacheKey), Buffer.from(bytes), `${bytes.length} bytes`);
      assert.deepEqual(await stored(backend, cacheKey), Buffer.from(bytes), `${bytes.length} bytes`);
    }
    assert.deepEqual(now(backend, other), Buffer.from('other'));
    await backend.delete(cacheKey);
    assert.equal(now(backend, cacheKey), undefined);
    assert.deepEqual(now(backend, other), Buffer.from('other'));
    if (backend.setMany) {
      await backend.setMany([{ cacheKey, bytes: Buffer.from('one of many') }]);
      assert.deepEqual(now(backend, cacheKey), Buffer.from('one of many'));
    }
    if (backend.replace) {
      await backend.replace(other, Buffer.from('other'), Buffer.from('replaced'));
      assert.deepEqual(now(backend, other), Buffer.from('replaced'));
    }
    if (backend.deleteMany) {
      await backend.deleteMany([cacheKey, other]);
      assert.deepEqual([now(backend, cacheKey), now(backend, other)], [undefined, undefined]);
    }
  }),
  behaviour('getNow finds nothing once the TTL has passed', ['getNow'], async (backend, { shortestTtlMs = 1 }) => {
    const [short, long] = [fresh(), fresh()];
    await backend.set(long, Buffer.from('x'), { ttlMs: 3_600_000 });
    await backend.set(short, Buffer.from('x'), { ttlMs: Math.max(20, shortestTtlMs) });
    await until(async () => now(backend, short) === undefined);
    assert.equal(await backend.get(short), undefined);
    assert.deepEqual(now(backend, long), Buffer.from('x'));
  }),
  behaviour('getNow throws for a wrong cache key and for a closed backend', ['getNow'], async (backend) => {
    const cacheKey = fresh();
    await backend.set(cacheKey, Buffer.from('x'));
    for (const value of [undefined, null, 1, {}, [cacheKey], Symbol('x'), 'lone \ud800']) {
      assert.throws(() => backend.getNow(wrong(value)), TypeError);
    }
    assert.throws(() => backend.getNow(''), RangeError);
    assert.deepEqual(now(backend, cacheKey), Buffer.from('x'));
    await backend.close?.();
    assert.throws(() => backend.getNow(cacheKey), BackendError);
  }),
];

/** A copy, made before another call may overwrite the bytes. */
function now(backend: Required<Pick<Backend, 'getNow'>>, cacheKey: string): Buffer | undefined {
  const entry = backend.getNow(cacheKey);
  return entry && Buffer.from(entry.bytes);
}

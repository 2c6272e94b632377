import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { BackendLock } from '../../index.js';
import { BackendError } from '../errors.js';
import { type Behaviour, behaviour, fresh, stored, until, wrong } from './behaviour.js';

const LONG_MS = 60_000;
const SHORT_MS = 300;

/** What the lock of a cache key does. */
export const lockBehaviours: readonly Behaviour[] = [
  behaviour('a lock has one holder', ['lock'], async (backend) => {
    const [cacheKey, other] = [fresh(), fresh()];
    const answers = await Promise.all(Array.from({ length: 20 }, () => backend.lock(cacheKey, LONG_MS)));
    const holders = answers.filter((lock) => lock !== undefined);
    assert.equal(holders.length, 1);
    assert.equal(await backend.lock(cacheKey, LONG_MS), undefined);
    const elsewhere = await backend.lock(other, LONG_MS);
    assert.ok(elsewhere, "another cache key's lock is another");
    await elsewhere.release();
    assert.equal(await backend.lock(cacheKey, LONG_MS), undefined);
    await holders[0]?.release();
    const next = await backend.lock(cacheKey, LONG_MS);
    assert.ok(next, 'it is free when it has been given back');
    await next.release();
    await next.release();
  }),
  behaviour('a lock is free when its lease has ended', ['lock'], async (backend, { shortestLeaseMs = 1 }) => {
    const cacheKey = fresh();
    const late = await backend.lock(cacheKey, Math.max(SHORT_MS, shortestLeaseMs));
    assert.ok(late, 'the lock is free');
    let next: BackendLock | undefined;
    await until(async () => {
      next = await backend.lock(cacheKey, LONG_MS);
      return next !== undefined;
    });
    assert.equal(await late.extend(LONG_MS), false, 'who came too late does not extend it');
    await late.release();
    assert.equal(await backend.lock(cacheKey, LONG_MS), undefined, 'nor gives it back for its new holder');
    await next?.release();
  }),
  behaviour('extend moves the end of a lease', ['lock'], async (backend, traits) => {
    const { shortestLeaseMs = 1, extendsLeases = true } = traits;
    const leaseMs = Math.max(SHORT_MS, shortestLeaseMs);
    let held: { cacheKey: string; lock: BackendLock } | undefined;
    if (!extendsLeases) {
      const lock = await backend.lock(fresh(), LONG_MS);
      assert.equal(await lock?.extend(LONG_MS), false);
      await lock?.release();
      return;
    }
    // A machine under load may be too late to extend a short lease: then with another one.
    await until(async () => {
      const cacheKey = fresh();
      const lock = await backend.lock(cacheKey, leaseMs);
      if (!(await lock?.extend(LONG_MS))) return false;
      held = lock && { cacheKey, lock };
      return true;
    });
    assert.ok(held, 'the lock is free');
    await pause(leaseMs + SHORT_MS);
    assert.equal(await backend.lock(held.cacheKey, LONG_MS), undefined, 'the first lease has ended');
    assert.equal(await held.lock.extend(leaseMs), true);
    await pause(leaseMs + SHORT_MS);
    assert.equal(await held.lock.extend(LONG_MS), false, 'a lease that has ended cannot be extended');
    const next = await backend.lock(held.cacheKey, LONG_MS);
    assert.ok(next, 'and the lock is free');
    await next.release();
    assert.equal(await next.extend(LONG_MS), false, 'nor one that has been given back');
    await (await backend.lock(held.cacheKey, LONG_MS))?.release();
  }),
  behaviour('a lock and its entry leave each other alone', ['lock'], async (backend) => {
    const cacheKey = fresh();
    const lock = await backend.lock(cacheKey, LONG_MS);
    assert.equal(await backend.get(cacheKey), undefined);
    if (backend.has) assert.equal(await backend.has(cacheKey), false);
    await backend.set(cacheKey, Buffer.from('x'), { ttlMs: 3_600_000 });
    assert.deepEqual(await stored(backend, cacheKey), Buffer.from('x'));
    assert.equal(await backend.delete(cacheKey), true);
    assert.equal(await backend.lock(cacheKey, LONG_MS), undefined, 'it is held all the time');
    await backend.set(cacheKey, Buffer.from('y'), { ttlMs: 3_600_000 });
    if (backend.keys) {
      const found: string[] = [];
      for await (const name of backend.keys({ prefix: cacheKey })) found.push(name);
      assert.deepEqual(found, [cacheKey], 'a lock is no entry');
    }
    await lock?.release();
    assert.deepEqual(await stored(backend, cacheKey), Buffer.from('y'));
  }),
  behaviour('lock refuses wrong arguments', ['lock'], async (backend) => {
    const cacheKey = fresh();
    for (const value of [undefined, null, 1, {}, 'lone \ud800']) {
      await assert.rejects(backend.lock(wrong(value), LONG_MS), TypeError);
    }
    await assert.rejects(backend.lock('', LONG_MS), RangeError);
    for (const value of [undefined, null, '1', 1n, {}]) {
      await assert.rejects(backend.lock(cacheKey, wrong(value)), TypeError);
    }
    for (const leaseMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
      await assert.rejects(backend.lock(cacheKey, leaseMs), RangeError);
    }
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(backend.lock(cacheKey, LONG_MS, { signal }), (error) => error === reason);
    const lock = await backend.lock(cacheKey, LONG_MS);
    assert.ok(lock, 'a refused call takes nothing');
    await assert.rejects(lock.extend(wrong('1')), TypeError);
    await assert.rejects(lock.extend(0), RangeError);
    await lock.release();
  }),
  behaviour('after close a lock cannot be taken', ['lock'], async (backend) => {
    await backend.close?.();
    if (backend.close) await assert.rejects(backend.lock(fresh(), LONG_MS), BackendError);
  }),
];

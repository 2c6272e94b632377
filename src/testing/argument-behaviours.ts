import assert from 'node:assert/strict';
import { BackendError } from '../errors.js';
import { type Behaviour, behaviour, fresh, wrong } from './behaviour.js';

/** What every backend refuses. */
export const argumentBehaviours: readonly Behaviour[] = [
  behaviour('arguments of a wrong type or range are refused', [], async (backend, { longestTtlMs }) => {
    const cacheKey = fresh();
    const bytes = Buffer.from('x');
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
  }),
  behaviour('an aborted signal rejects with its reason', [], async (backend) => {
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    const same = (error: unknown) => error === reason;
    await assert.rejects(backend.get(fresh(), { signal }), same);
    await assert.rejects(backend.set(fresh(), Buffer.from('x'), { signal }), same);
    await assert.rejects(backend.delete(fresh(), { signal }), same);
    const unused = new AbortController();
    await backend.get(fresh(), { signal: unused.signal });
  }),
  behaviour('after close every use is a BackendError, and closing again is harmless', ['close'], async (backend) => {
    const cacheKey = fresh();
    await backend.set(cacheKey, Buffer.from('x'));
    await backend.close();
    await backend.close();
    await assert.rejects(backend.get(cacheKey), BackendError);
    await assert.rejects(backend.set(cacheKey, Buffer.from('x')), BackendError);
    await assert.rejects(backend.delete(cacheKey), BackendError);
  }),
];

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend, BackendSetOptions, BackendUnchanged } from '../../index.js';
import { type Behaviour, behaviour, fresh, stored, timeLeft, until, wrong } from './behaviour.js';

const [OLD, NEW] = [Buffer.from('old'), Buffer.from('new')];
const HOUR_MS = 3_600_000;

/** What `setIfUnchanged` and `changedSince` do. */
export const unchangedBehaviours: readonly Behaviour[] = [
  behaviour('setIfUnchanged stores where nothing has changed', ['setIfUnchanged'], async (backend) => {
    const cacheKey = fresh();
    const run = begin(backend, cacheKey, undefined);
    assert.equal(await run(OLD), true);
    assert.deepEqual(await stored(backend, cacheKey), OLD);
    const left = timeLeft(await backend.get(cacheKey, { ttl: true }));
    assert.ok(left !== undefined && left > 3_000_000 && left <= HOUR_MS + 1_000, `${left} ms left`);
    assert.equal(await begin(backend, cacheKey, OLD)(NEW), true, 'in the place of what was found');
    assert.deepEqual(await stored(backend, cacheKey), NEW);
  }),
  behaviour('setIfUnchanged refuses where the entry holds something else', ['setIfUnchanged'], async (backend) => {
    const cacheKey = fresh();
    assert.equal(await begin(backend, cacheKey, OLD)(NEW), false, 'nothing any more');
    assert.equal(await backend.get(cacheKey), undefined);
    await backend.set(cacheKey, OLD, { ttlMs: HOUR_MS });
    for (const found of [undefined, NEW, Buffer.from('ol'), Buffer.from('old\0'), new Uint8Array(0)]) {
      assert.equal(await begin(backend, cacheKey, found)(NEW), false);
    }
    assert.deepEqual(await stored(backend, cacheKey), OLD);
    await backend.set(cacheKey, new Uint8Array(0), { ttlMs: HOUR_MS });
    assert.equal(await begin(backend, cacheKey, undefined)(NEW), false, 'an empty value is one');
    assert.equal(await begin(backend, cacheKey, new Uint8Array(0))(NEW), true);
  }),
  behaviour('of many results that found nothing, one is stored', ['setIfUnchanged'], async (backend) => {
    const cacheKey = fresh();
    const given = Array.from({ length: 20 }, (_, i) => Buffer.from([i]));
    const run = begin(backend, cacheKey, undefined);
    const answers = given.map((bytes) => run(bytes));
    for (const bytes of given) bytes.fill(255);
    const did = (await Promise.all(answers)).flatMap((done, i) => (done ? [i] : []));
    assert.equal(did.length, 1);
    assert.deepEqual(await stored(backend, cacheKey), Buffer.from(did), 'the bytes are those of the call');
  }),
  behaviour(
    'a result is not stored after a deletion since its function began',
    ['setIfUnchanged'],
    async (backend, { shortestTtlMs = 1 }) => {
      const deletions: [what: string, change: (cacheKey: string) => Promise<unknown> | undefined][] = [
        ['delete', (cacheKey) => backend.delete(cacheKey)],
        ['deleteMany', (cacheKey) => backend.deleteMany?.([fresh(), cacheKey])],
        ['a set that has ended', (cacheKey) => setAndEnd(backend, cacheKey, shortestTtlMs)],
        ['set and delete', async (cacheKey) => backend.set(cacheKey, OLD).then(() => backend.delete(cacheKey))],
      ];
      for (const [what, change] of deletions) {
        const cacheKey = fresh();
        const run = begin(backend, cacheKey, undefined);
        if ((await change(cacheKey)) === undefined && what === 'deleteMany') continue;
        assert.equal(await run(OLD), false, what);
        assert.equal(await backend.get(cacheKey), undefined, what);
      }
    },
  ),
  behaviour(
    'a result that is to replace an entry is not stored after a deletion',
    ['setIfUnchanged'],
    async (backend) => {
      const [deleted, again, expired] = [fresh(), fresh(), fresh()];
      for (const cacheKey of [deleted, again, expired]) await backend.set(cacheKey, OLD, { ttlMs: HOUR_MS });
      const [first, second, third] = [deleted, again, expired].map((cacheKey) => begin(backend, cacheKey, OLD));
      await backend.delete(deleted);
      await backend.delete(again);
      await backend.set(again, OLD, { ttlMs: HOUR_MS });
      assert.equal(await first?.(NEW), false);
      assert.equal(await second?.(NEW), false, 'also when the same bytes are back');
      assert.deepEqual(await stored(backend, again), OLD);
      if (backend.expire === undefined) return;
      await backend.expire(expired, 2 * HOUR_MS);
      assert.equal(await third?.(NEW), false, 'the new TTL stays');
      assert.deepEqual(await stored(backend, expired), OLD);
    },
  ),
  behaviour('a result is stored when the deletion was before', ['setIfUnchanged'], async (backend) => {
    const cacheKey = fresh();
    await backend.set(cacheKey, OLD, { ttlMs: HOUR_MS });
    await backend.delete(cacheKey);
    // Where clocks are not exact it may take a moment.
    await until(() => begin(backend, cacheKey, undefined)(NEW));
    assert.deepEqual(await stored(backend, cacheKey), NEW);
  }),
  behaviour(
    'a result with a tag is not stored after its invalidation',
    ['setIfUnchanged', 'invalidateTags'],
    async (backend) => {
      const base = fresh();
      const [a, b, c] = [`${base}a`, `${base}b`, `${base}c`];
      const run = (cacheKey: string, tags?: readonly string[]) =>
        begin(backend, `${base}${cacheKey}`, undefined, tags && { tags });
      const [tagged, both, other, none] = [run('1', [a]), run('2', [c, b, c]), run('3', [c]), run('4')];
      await backend.invalidateTags([a, b]);
      assert.equal(await tagged(OLD), false, 'one that nothing had had before');
      assert.equal(await both(OLD), false, 'one of several');
      assert.equal(await other(OLD), true, 'of another tag');
      assert.equal(await none(OLD), true, 'of none');
      await until(() => run('5', [a])(NEW));
      await backend.invalidateTags([a, c]);
      assert.equal(await backend.get(`${base}3`), undefined, 'what was stored is found by its tags');
      assert.equal(await backend.get(`${base}5`), undefined);
    },
  ),
  behaviour('a result leaves no tags of what it replaces', ['setIfUnchanged', 'invalidateTags'], async (backend) => {
    const base = fresh();
    const cacheKey = `${base}1`;
    await backend.set(cacheKey, OLD, { ttlMs: HOUR_MS, tags: [`${base}a`] });
    await until(() => begin(backend, cacheKey, OLD, { tags: [`${base}b`] })(NEW));
    await backend.invalidateTags([`${base}a`]);
    assert.deepEqual(await stored(backend, cacheKey), NEW);
    await backend.invalidateTags([`${base}b`]);
    assert.equal(await backend.get(cacheKey), undefined);
  }),
  behaviour('changedSince tells of deletions', ['changedSince'], async (backend) => {
    const [cacheKey, other] = [fresh(), fresh()];
    const begun = performance.now();
    await pause(5);
    await backend.set(other, OLD);
    await backend.delete(cacheKey);
    await backend.delete(other);
    assert.equal(await backend.changedSince(cacheKey, performance.now() - begun), true);
    assert.equal(await backend.changedSince(other, performance.now() - begun), true);
    assert.equal(await backend.changedSince(fresh(), performance.now() - begun), false);
    await until(async () => !(await backend.changedSince(cacheKey, 0)));
  }),
  behaviour(
    'a function that runs longer than the store remembers has to ask',
    ['setIfUnchanged', 'changedSince', 'remembersMs'],
    async (backend) => {
      const cacheKey = fresh();
      const sinceMs = backend.remembersMs + 1_000;
      const options = { ttlMs: HOUR_MS, found: undefined, sinceMs };
      assert.equal(await backend.setIfUnchanged(cacheKey, OLD, options), false);
      assert.equal(await backend.setIfUnchanged(cacheKey, OLD, { ...options, checkedMs: sinceMs }), false);
      const asked = performance.now();
      assert.equal(await backend.changedSince(cacheKey, sinceMs), false);
      const checkedMs = performance.now() - asked;
      assert.equal(await backend.setIfUnchanged(cacheKey, OLD, { ...options, checkedMs }), true);
    },
  ),
  behaviour('setIfUnchanged refuses wrong arguments', ['setIfUnchanged'], async (backend) => {
    const cacheKey = fresh();
    const good = { sinceMs: 0, found: undefined, ttlMs: HOUR_MS };
    for (const value of [null, 'x', new Uint8Array(new SharedArrayBuffer(1))]) {
      await assert.rejects(backend.setIfUnchanged(cacheKey, wrong(value), good), TypeError);
      await assert.rejects(backend.setIfUnchanged(cacheKey, OLD, { ...good, found: wrong(value) }), TypeError);
      await assert.rejects(backend.setIfUnchanged(cacheKey, OLD, { ...good, sinceMs: wrong(value) }), TypeError);
    }
    await assert.rejects(backend.setIfUnchanged(cacheKey, OLD, wrong(undefined)), TypeError);
    await assert.rejects(backend.setIfUnchanged(wrong(1), OLD, good), TypeError);
    await assert.rejects(backend.setIfUnchanged('', OLD, good), RangeError);
    for (const sinceMs of [-1, Number.NaN]) {
      await assert.rejects(backend.setIfUnchanged(cacheKey, OLD, { ...good, sinceMs }), RangeError);
    }
    await assert.rejects(backend.setIfUnchanged(cacheKey, OLD, { ...good, ttlMs: 0 }), RangeError);
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(backend.setIfUnchanged(cacheKey, OLD, { ...good, signal }), (error) => error === reason);
    assert.equal(await backend.get(cacheKey), undefined, 'a refused call stores nothing');
  }),
];

type Storing = Backend & Required<Pick<Backend, 'setIfUnchanged'>>;

/** A function begins; what it answers with stores its result. */
function begin(
  backend: Storing,
  cacheKey: string,
  found: Uint8Array | undefined,
  options: Pick<BackendSetOptions, 'tags'> = {},
): (bytes: Uint8Array) => Promise<boolean> {
  const begun = performance.now();
  const unchanged: BackendUnchanged = {
    found,
    get sinceMs() {
      return performance.now() - begun;
    },
  };
  return (bytes) => backend.setIfUnchanged(cacheKey, bytes, Object.assign(unchanged, { ttlMs: HOUR_MS, ...options }));
}

/** Stores a value that soon ends, and waits until it has. */
async function setAndEnd(backend: Backend, cacheKey: string, shortestTtlMs: number): Promise<void> {
  await backend.set(cacheKey, OLD, { ttlMs: Math.max(20, shortestTtlMs) });
  await pause(20);
  await until(async () => (await backend.get(cacheKey)) === undefined);
}

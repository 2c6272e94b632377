import assert from 'node:assert/strict';
import type { Backend } from '../../index.js';
import { type Behaviour, behaviour, fresh, wrong } from './behaviour.js';

/** What `invalidateTags` does. */
export const tagBehaviours: readonly Behaviour[] = [
  behaviour('invalidateTags removes what has one of its tags', ['invalidateTags'], async (backend, traits) => {
    const { tellsExistence = true } = traits;
    const base = fresh();
    const [a, b, both, neither, plain] = [`${base}1`, `${base}2`, `${base}3`, `${base}4`, `${base}5`];
    await set(backend, a, [`${base}a`]);
    await set(backend, b, [`${base}b`]);
    await set(backend, both, [`${base}a`, `${base}b`, `${base}a`]);
    await set(backend, neither, [`${base}c`]);
    await set(backend, plain, []);
    const all = [a, b, both, neither, plain];
    assert.equal(await backend.invalidateTags([]), 0);
    await backend.invalidateTags([`${base}never`]);
    assert.deepEqual(await present(backend, all), all);
    const removed = await backend.invalidateTags([`${base}b`, `${base}a`, `${base}b`]);
    if (tellsExistence) assert.equal(removed, 3, 'an entry with two of the tags counts once');
    assert.deepEqual(await present(backend, all), [neither, plain]);
    const again = await backend.invalidateTags([`${base}a`]);
    if (tellsExistence) assert.equal(again, 0);
  }),
  behaviour('the tags of the last set count', ['invalidateTags'], async (backend, { tellsExistence = true }) => {
    const base = fresh();
    const [other, none, gone] = [`${base}other`, `${base}none`, `${base}gone`];
    for (const cacheKey of [other, none, gone]) await set(backend, cacheKey, [`${base}a`]);
    await set(backend, other, [`${base}b`]);
    await set(backend, none);
    await backend.delete(gone);
    await set(backend, gone);
    const removed = await backend.invalidateTags([`${base}a`]);
    if (tellsExistence) assert.equal(removed, 0);
    assert.deepEqual(await present(backend, [other, none, gone]), [other, none, gone]);
    await set(backend, none, [`${base}a`]);
    await backend.invalidateTags([`${base}b`]);
    assert.deepEqual(await present(backend, [other, none, gone]), [none, gone]);
    await backend.invalidateTags([`${base}a`]);
    assert.deepEqual(await present(backend, [other, none, gone]), [gone]);
  }),
  behaviour('an entry keeps its tags when its TTL or bytes change', ['invalidateTags'], async (backend) => {
    const base = fresh();
    const [expired, replaced] = [`${base}expire`, `${base}replace`];
    for (const cacheKey of [expired, replaced]) await set(backend, cacheKey, [base]);
    await backend.expire?.(expired, 7_200_000);
    await backend.replace?.(replaced, Buffer.from('x'), Buffer.from('y'));
    await backend.invalidateTags([base]);
    assert.deepEqual(await present(backend, [expired, replaced]), []);
  }),
  behaviour('setMany takes tags', ['invalidateTags', 'setMany'], async (backend) => {
    const base = fresh();
    const [one, two, three] = [`${base}1`, `${base}2`, `${base}3`];
    const bytes = Buffer.from('x');
    await backend.setMany([
      { cacheKey: one, bytes, ttlMs: 3_600_000, tags: [`${base}a`] },
      { cacheKey: two, bytes, ttlMs: 3_600_000, tags: [`${base}b`, `${base}a`] },
      { cacheKey: three, bytes, ttlMs: 3_600_000 },
    ]);
    await backend.invalidateTags([`${base}b`]);
    assert.deepEqual(await present(backend, [one, two, three]), [one, three]);
    await backend.setMany([{ cacheKey: one, bytes, ttlMs: 3_600_000 }]);
    await backend.invalidateTags([`${base}a`]);
    assert.deepEqual(await present(backend, [one, two, three]), [one, three]);
  }),
  behaviour('tags that look alike are different tags', ['invalidateTags'], async (backend) => {
    const base = fresh();
    const ends = ['', ' ', ':', '*', '?', '[a]', '{a}', '\\', '/', '%41', 'A', 'a', 'é', 'e\u0301', '😀', '\r\n', ','];
    const tags = ends.map((end) => base + end);
    for (const tag of tags) await set(backend, `key ${tag}`, [tag]);
    const cacheKeys = tags.map((tag) => `key ${tag}`);
    for (const tag of tags) {
      await backend.invalidateTags([tag]);
      cacheKeys.shift();
      assert.deepEqual(await present(backend, cacheKeys), cacheKeys, `tag ${ends[tags.indexOf(tag)]}`);
      assert.equal(await backend.get(`key ${tag}`), undefined);
    }
  }),
  behaviour('a tag may have many entries, and an entry many tags', ['invalidateTags'], async (backend, traits) => {
    const base = fresh();
    const tags = Array.from({ length: 50 }, (_, i) => `${base}tag ${i}`);
    const cacheKeys = Array.from({ length: 500 }, (_, i) => `${base}${i}`);
    await Promise.all(cacheKeys.map((cacheKey, i) => set(backend, cacheKey, i === 0 ? tags : [tags[0] ?? ''])));
    const removed = await backend.invalidateTags([tags[49] ?? '', tags[48] ?? '']);
    if (traits.tellsExistence ?? true) assert.equal(removed, 1);
    assert.deepEqual(await present(backend, cacheKeys), cacheKeys.slice(1));
    const rest = await backend.invalidateTags(tags);
    if (traits.tellsExistence ?? true) assert.equal(rest, 499);
    assert.deepEqual(await present(backend, cacheKeys), []);
  }),
  behaviour('invalidateTags and set refuse wrong tags', ['invalidateTags'], async (backend) => {
    const cacheKey = fresh();
    const bytes = Buffer.from('x');
    for (const tags of [null, 'text', 1, {}, [1], [null], ['lone \ud800']]) {
      await assert.rejects(backend.invalidateTags(wrong(tags)), TypeError);
      await assert.rejects(backend.set(cacheKey, bytes, { tags: wrong(tags) }), TypeError);
      if (backend.setMany) {
        await assert.rejects(backend.setMany([{ cacheKey, bytes, tags: wrong(tags) }]), TypeError);
      }
    }
    await assert.rejects(backend.invalidateTags(wrong(undefined)), TypeError);
    await assert.rejects(backend.invalidateTags(['']), RangeError);
    await assert.rejects(backend.set(cacheKey, bytes, { tags: [''] }), RangeError);
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(backend.invalidateTags(['a'], { signal }), (error) => error === reason);
    assert.equal(await backend.get(cacheKey), undefined, 'a refused call stores nothing');
  }),
];

function set(backend: Backend, cacheKey: string, tags?: readonly string[]): Promise<void> {
  return backend.set(cacheKey, Buffer.from('x'), { ttlMs: 3_600_000, ...(tags && { tags }) });
}

/** Those of the cache keys that have an entry. */
async function present(backend: Backend, cacheKeys: readonly string[]): Promise<string[]> {
  const entries = await Promise.all(cacheKeys.map((cacheKey) => backend.get(cacheKey)));
  return cacheKeys.filter((_, i) => entries[i] !== undefined);
}

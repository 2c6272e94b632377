import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { LmdbBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { behaviours } from '../../src/testing/conformance.js';
import { holds } from '../support/properties.js';
import { allKeys, backendIn, dataFile, directoryOf } from './lmdb-directories.js';

for (const behaviour of behaviours) {
  test.serial(`lmdb: ${behaviour.title}`, async (t) => {
    const backend = backendIn(t, join(directoryOf(t), 'made', 'when.needed'));
    await behaviour.run(backend, {});
    t.pass();
  });
}

test('cache keys of any length are kept, and found by prefix', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  const long = [`p:${'a'.repeat(5_000)}`, `p:${'a'.repeat(5_001)}`, `p:${'é'.repeat(500)}`, `p:${'é'.repeat(499)}`];
  for (const [i, cacheKey] of long.entries())
    await backend.set(cacheKey, Buffer.from([i]), { tags: ['t'.repeat(3_000)] });
  await backend.set('p:\0', Buffer.from('zero'));
  await backend.set('q', Buffer.alloc(100_000, 1), { ttlMs: 60_000 });
  for (const [i, cacheKey] of long.entries()) t.deepEqual([...((await backend.get(cacheKey))?.bytes ?? [])], [i]);
  t.deepEqual(await allKeys(backend, 'p:'), [...long, 'p:\0'].sort());
  t.deepEqual(await allKeys(backend, long[0]), [long[0], long[1]]);
  t.deepEqual(await allKeys(backend), [...long, 'p:\0', 'q'].sort());
  t.true(await backend.expire(long[0] as string, 60_000));
  t.true(await backend.delete(long[1] as string));
  t.is(await backend.invalidateTags(['t'.repeat(3_000)]), 3);
  t.deepEqual(await allKeys(backend), ['p:\0', 'q']);
});

test('keys walks through more entries than one step reads', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  const names = Array.from({ length: 700 }, (_, i) => `many:${i}`);
  await backend.setMany(names.map((cacheKey) => ({ cacheKey, bytes: Buffer.from('x') })));
  await backend.set('other', Buffer.from('x'));
  t.deepEqual(await allKeys(backend, 'many:'), names.sort());
});

test('bytes that were handed out never change', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  for (const length of [10, 8 * 1024, 8 * 1024 + 1, 200_000]) {
    await backend.set('a', Buffer.alloc(length, 1));
    await backend.set('b', Buffer.alloc(length, 2));
    const [a, b] = await Promise.all([backend.get('a', { readOnly: true }), backend.get('b', { readOnly: true })]);
    const owned = Buffer.alloc(length, 3);
    await backend.set('a', owned, { owned: true });
    await backend.set('b', Buffer.alloc(length, 4));
    for (let i = 0; i < 50; i++) await backend.get('b');
    t.deepEqual([new Set(a?.bytes), new Set(b?.bytes)], [new Set([1]), new Set([2])]);
    t.is(a?.bytes.length, length);
  }
});

test('replace exchanges exactly these bytes and keeps TTL and tags', async (t) => {
  for (const length of [3, 20_000]) {
    const time = { ms: 1_700_000_000_000 };
    const backend = backendIn(t, directoryOf(t), { now: () => time.ms });
    const [before, after] = [Buffer.alloc(length, 1), Buffer.alloc(length, 2)];
    t.false(await backend.replace('a', before, after));
    await backend.set('a', before, { ttlMs: 10_000, tags: ['x'] });
    time.ms += 4_000;
    t.false(await backend.replace('a', after, before));
    t.true(await backend.replace('a', before, after));
    const entry = await backend.get('a');
    t.is(entry?.expiresInMs, 6_000);
    t.true(after.equals(entry?.bytes ?? Buffer.alloc(0)));
    t.is(await backend.invalidateTags(['x']), 1);
    t.false(await backend.has('a'));
  }
});

test('of many who replace or delete the same bytes one succeeds', async (t) => {
  const directory = directoryOf(t);
  const [one, two] = [backendIn(t, directory), backendIn(t, directory)];
  await one.set('a', Buffer.from('0'));
  const replaced = await Promise.all(
    Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).replace('a', Buffer.from('0'), Buffer.from(`new ${i}`))),
  );
  t.is(replaced.filter(Boolean).length, 1);
  const won = Buffer.from(`new ${replaced.indexOf(true)}`);
  const deleted = await Promise.all([one.delete('a', { ifBytes: won }), two.delete('a', { ifBytes: won })]);
  t.deepEqual(deleted.sort(), [false, true]);
});

test('invalidateTags removes what was last set with a tag, and nothing else', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  const bytes = Buffer.from('x');
  await backend.set('a', bytes, { tags: ['red', 'big'] });
  await backend.set('b', bytes, { tags: ['red'], ttlMs: 60_000 });
  await backend.set('c', bytes, { tags: ['big', 'big'] });
  await backend.set('d', bytes, { tags: ['red'] });
  await backend.set('d', bytes);
  await backend.setMany([
    { cacheKey: 'e', bytes, tags: ['red'] },
    { cacheKey: 'f', bytes },
  ]);
  await backend.set('g', bytes, { tags: ['red'] });
  await backend.delete('g');
  await backend.expire('b', 90_000);
  t.is(await backend.invalidateTags(['none']), 0);
  t.is(await backend.invalidateTags(['red', 're']), 3);
  t.deepEqual(await allKeys(backend), ['c', 'd', 'f']);
  await backend.setMany(Array.from({ length: 1_200 }, (_, i) => ({ cacheKey: `m:${i}`, bytes, tags: ['many'] })));
  t.is(await backend.invalidateTags(['many', 'big']), 1_201);
  t.deepEqual(await allKeys(backend), ['d', 'f']);
  for (const tags of [['a', 1], 'red', [''.padEnd(1, '\ud800')]]) {
    await t.throwsAsync(backend.invalidateTags(tags as never), { instanceOf: TypeError });
    await t.throwsAsync(backend.set('a', bytes, { tags: tags as never }), { instanceOf: TypeError });
  }
});

test('any sequence of operations answers as a simple model does', async (t) => {
  await holds(
    t,
    fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 120 }), async (operations) => {
      const directory = mkdtempSync(join(tmpdir(), 'cachekit-lmdb-'));
      const time = { ms: 1_700_000_000_000 };
      const backend = new LmdbBackend({ directory, now: () => time.ms });
      const model = new Map<string, { bytes: Buffer; ends: number; tags: string[] }>();
      const live = (cacheKey: string) => {
        const held = model.get(cacheKey);
        return held && held.ends > time.ms ? held : undefined;
      };
      try {
        for (const { kind, cacheKey, length, ttlMs, tags } of operations) {
          const bytes = Buffer.alloc(length, `${kind}${ttlMs}`);
          const held = live(cacheKey);
          const ends = time.ms + ttlMs;
          if (kind === 'set') {
            await backend.set(cacheKey, bytes, { ttlMs, tags });
            model.set(cacheKey, { bytes, ends, tags });
          } else if (kind === 'delete') {
            t.is(await backend.delete(cacheKey), held !== undefined);
            model.delete(cacheKey);
          } else if (kind === 'expire') {
            t.is(await backend.expire(cacheKey, ttlMs), held !== undefined);
            if (held) held.ends = ends;
          } else if (kind === 'replace') {
            t.is(await backend.replace(cacheKey, held?.bytes ?? bytes, bytes), held !== undefined);
            if (held) held.bytes = bytes;
          } else if (kind === 'tag') {
            const gone = [...model].filter(([key, entry]) => live(key) && entry.tags.some((tag) => tags.includes(tag)));
            t.is(await backend.invalidateTags(tags), gone.length);
            for (const [key] of gone) model.delete(key);
          } else time.ms += ttlMs;
          const [entry] = await backend.getMany([cacheKey]);
          const expected = live(cacheKey);
          t.is(entry?.expiresInMs, expected && expected.ends - time.ms);
          t.true(expected ? expected.bytes.equals(entry?.bytes ?? Buffer.alloc(0)) : entry === undefined);
        }
        t.deepEqual(await allKeys(backend), [...model.keys()].filter(live).sort());
      } finally {
        await backend.close();
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    25,
  );
});

const operation = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'delete', 'expire', 'replace', 'tag', 'wait'),
  cacheKey: fc.constantFrom('a', 'b', 'c\0', `${'long'.repeat(300)}`, `${'long'.repeat(300)}er`),
  length: fc.constantFrom(0, 1, 500, 8 * 1024, 8 * 1024 + 1, 30_000),
  ttlMs: fc.integer({ min: 1, max: 1_000 }),
  tags: fc.subarray(['x', 'y', 'z']),
});

test('a lock has one holder until it is released or its lease ends', async (t) => {
  const directory = directoryOf(t);
  const time = { ms: 1_700_000_000_000 };
  const options = { now: () => time.ms };
  const [one, two] = [backendIn(t, directory, options), backendIn(t, directory, options)];
  const taken = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two).lock('a', 60_000)));
  const lock = taken.find(Boolean);
  t.is(taken.filter(Boolean).length, 1);
  await one.set('a', Buffer.from('x'));
  t.truthy(await two.lock('b', 60_000), 'of another cache key');
  for (const step of [3_600_000, -7_200_000]) {
    time.ms += step;
    t.is(await two.lock('a', 60_000), undefined, 'a wall clock that is set ends no lease');
  }
  t.true(await lock?.extend(100));
  await until(async () => !(await lock?.extend(1)));
  const next = await two.lock('a', 60_000);
  t.truthy(next);
  t.false(await lock?.extend(1_000));
  await lock?.release();
  t.is(await one.lock('a', 60_000), undefined, 'somebody else held it by then');
  await next?.release();
  t.truthy(await one.lock('a', 60_000));
  await t.throwsAsync(one.lock('a', 0), { instanceOf: RangeError });
  t.deepEqual(await allKeys(one), ['a']);
});

test('a lock whose holder is gone ends with its lease', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  t.truthy(await new LmdbBackend({ directory }).lock('a', 3_000));
  t.is(await backend.lock('a', 200), undefined);
  await pause(3_000);
  t.truthy(await backend.lock('a', 200));
});

test('a directory that cannot be used is a BackendError whose message has no path', async (t) => {
  const file = join(directoryOf(t), 'a-file');
  writeFileSync(file, 'x');
  const backend = backendIn(t, file);
  for (const work of [
    backend.get('secret-key'),
    backend.set('secret-key', Buffer.from('x')),
    backend.has('secret-key'),
  ]) {
    const error = await t.throwsAsync(work, { code: 'ERR_BACKEND' });
    t.notRegex(`${error.message} ${error.cause}`, /a-file|secret/);
  }
  const damaged = directoryOf(t);
  const once = new LmdbBackend({ directory: damaged });
  await once.get('a');
  await once.close();
  writeFileSync(dataFile(damaged), Buffer.alloc(100_000, 7));
  await t.throwsAsync(backendIn(t, damaged).get('a'), { code: 'ERR_BACKEND' });
});

test('options of a wrong type or range are refused', (t) => {
  const make = (options: unknown) => () => new LmdbBackend(options as never);
  const directory = 'x';
  for (const options of [undefined, null, {}, { directory: 1 }, { directory, now: 1 }, { directory, maxBytes: '1' }]) {
    t.throws(make(options), { instanceOf: TypeError });
  }
  for (const options of [
    { directory: '' },
    { directory: 'a\0b' },
    { directory, maxBytes: 1_000 },
    { directory, timeoutMs: 0 },
  ]) {
    t.throws(make(options), { instanceOf: RangeError });
  }
});

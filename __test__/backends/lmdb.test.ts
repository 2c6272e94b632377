import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { LmdbBackend } from '../../index.js';
import { openTables, placeIn } from '../../src/backends/lmdb/environment.js';
import { until } from '../../src/testing/behaviour.js';
import { behaviours } from '../../src/testing/conformance.js';
import { supportFile } from '../support/child.js';
import { bytesFor } from './lmdb-writer.js';

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-lmdb-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function backendIn(t: ExecutionContext, directory: string, options: object = {}): LmdbBackend {
  const backend = new LmdbBackend({ directory, ...options });
  t.teardown(() => backend.close());
  return backend;
}

/** Below the directory, in one for the time since the machine was started where that has a name. */
function dataFile(directory: string): string {
  const below = readdirSync(directory).find((name) => name.startsWith('boot-'));
  return join(directory, below ?? '', 'data.mdb');
}

async function allKeys(backend: LmdbBackend, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const cacheKey of backend.keys({ prefix })) found.push(cacheKey);
  return found.sort();
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

for (const behaviour of behaviours) {
  test.serial(`lmdb: ${behaviour.title}`, async (t) => {
    const backend = backendIn(t, join(directoryOf(t), 'made', 'when.needed'));
    await behaviour.run(backend, {});
    t.pass();
  });
}

function writerArguments(directory: string, mode: string): string[] {
  return [`--import=${import.meta.resolve('tsx')}`, supportFile('../backends/lmdb-writer.ts'), directory, mode];
}

/** A process that writes into the directory until it is killed; its lines say what it has written. */
function startWriter(t: ExecutionContext, directory: string, worker: number | 'count' | 'hold' | 'open' | 'reopen') {
  const child = spawn(process.execPath, writerArguments(directory, String(worker)), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

test.serial('each callback of the event loop sees what was committed before it', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  await backend.set('k', Buffer.from('one'));
  const reads = [
    async () => text((await backend.get('k'))?.bytes),
    async () => text(backend.getNow('k')?.bytes),
    async () => text((await backend.getMany(['k']))[0]?.bytes),
  ];
  for (const read of reads) {
    await backend.set('k', Buffer.from('one'));
    // From here to the next callback no timer ends a snapshot.
    await readFile(new URL(import.meta.url));
    t.is(await read(), 'one');
    execFileSync(process.execPath, writerArguments(directory, 'once'));
    await new Promise((resolve) => setImmediate(resolve));
    t.is(await read(), 'two');
  }
});

test.serial('processes share a directory', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  const writers = [startWriter(t, directory, 1), startWriter(t, directory, 2)];
  for (const { lines } of writers) {
    for (let i = 0; i < 20; i++) {
      const { value: cacheKey } = await lines.next();
      // A read sees the snapshot of the event loop's turn, which may have begun before the write.
      await until(async () => backend.has(cacheKey as string));
      const entry = await backend.get(cacheKey as string);
      t.true(bytesFor(cacheKey as string).equals(entry?.bytes ?? Buffer.alloc(0)));
    }
  }
});

test.serial('writers killed amid their writes leave only whole entries, and others go on', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  const written = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const { child, lines } = startWriter(t, directory, round);
    for (let i = 0; i < 50 + round * 30; i++) written.add((await lines.next()).value as string);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    await backend.set(`after:${round}`, Buffer.from('x'), { ttlMs: 60_000 });
    t.truthy(await backend.get(`after:${round}`));
  }
  for (const cacheKey of written) t.true(await backend.has(cacheKey), 'what was committed is there');
  let read = 0;
  for await (const cacheKey of backend.keys({ prefix: 'w:' })) {
    const entry = await backend.get(cacheKey);
    if (entry) t.true(bytesFor(cacheKey).equals(entry.bytes), 'the bytes of this key, whole');
    read++;
  }
  t.true(read >= written.size);
});

test.serial('replace and locks hold between processes', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  await backend.set('number', Buffer.from('0'));
  const counters = [1, 2, 3].map(() => startWriter(t, directory, 'count').child);
  const codes = await Promise.all(counters.map((child) => new Promise((resolve) => child.once('close', resolve))));
  t.deepEqual(codes, [0, 0, 0]);
  t.is(text((await backend.get('number'))?.bytes), '300');
  t.is(text((await backend.get('locked'))?.bytes), '150');
});

test.serial('a process that stays in its transaction holds up writes, not reads, until it is killed', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory, { timeoutMs: 100 });
  const patient = backendIn(t, directory, { timeoutMs: 60_000 });
  await patient.set('a', Buffer.from('x'));
  const { child, lines } = startWriter(t, directory, 'hold');
  t.is((await lines.next()).value, 'holding');
  await t.throwsAsync(backend.set('b', Buffer.from('y')), { code: 'ERR_TIMEOUT' });
  await t.throwsAsync(backend.lock('b', 1_000), { code: 'ERR_TIMEOUT' });
  t.is(text((await backend.get('a'))?.bytes), 'x');
  const writing = patient.set('c', Buffer.from('z'));
  child.kill('SIGKILL');
  await writing;
  t.is(text((await patient.get('c'))?.bytes), 'z');
  t.is(await patient.get('half'), undefined, 'nothing of its transaction is there');
});

test.serial('processes that open the directory lose none of what others write meanwhile', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory, { timeoutMs: 60_000 });
  await backend.set('number', Buffer.from('0'));
  const openers = [1, 2, 3].map(() => startWriter(t, directory, 'reopen'));
  for (const { lines } of openers) await lines.next();
  let number = 0;
  const add = async () => {
    const [before, after] = [String(number), String(++number)];
    if (!(await backend.replace('number', Buffer.from(before), Buffer.from(after)))) throw new Error(`lost ${before}`);
    if (text((await backend.get('number'))?.bytes) !== after) throw new Error(`does not see ${after}`);
  };
  for (const end = performance.now() + 3_000; performance.now() < end; ) await add();
  for (const { child, lines } of openers) {
    t.is((await lines.next()).value, 'opened');
    // In the midst of opening, as often as not.
    child.kill('SIGKILL');
    for (let i = 0; i < 50; i++) await add();
  }
  t.is(text((await backend.get('number'))?.bytes), String(number));
});

test.serial('a directory is not opened while a process stays in its transaction', async (t) => {
  const directory = directoryOf(t);
  const { child, lines } = startWriter(t, directory, 'hold');
  t.is((await lines.next()).value, 'holding');
  const backend = backendIn(t, directory, { timeoutMs: 400 });
  await t.throwsAsync(backend.get('a'), { code: 'ERR_BACKEND' });
  await t.throwsAsync(backend.set('a', Buffer.from('x')), { code: 'ERR_BACKEND' });
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  await backend.set('a', Buffer.from('x'));
  t.is(text((await backend.get('a'))?.bytes), 'x');
});

test.serial('a process that stays at opening holds up writes, not reads, until it is killed', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory, { timeoutMs: 100 });
  await backend.set('a', Buffer.from('x'));
  const { child, lines } = startWriter(t, directory, 'open');
  t.is((await lines.next()).value, 'holding');
  await t.throwsAsync(backend.set('a', Buffer.from('y')), { code: 'ERR_TIMEOUT' });
  t.is(text((await backend.get('a'))?.bytes), 'x');
  child.kill('SIGKILL');
  await until(async () => text((await backend.get('a'))?.bytes) === 'y');
});

test.serial('maxBytes bounds the file under churn of every size', async (t) => {
  const directory = directoryOf(t);
  const maxBytes = 4 * 1024 * 1024;
  const backend = backendIn(t, directory, { maxBytes });
  let stored = 0;
  for (let round = 0; round < 150; round++) {
    const items = Array.from({ length: 20 }, (_, i) => {
      const cacheKey = `churn:${round}:${i}`;
      const bytes = Buffer.alloc([100, 900, 6_000, 9_000, 60_000][i % 5] as number, round);
      stored += bytes.length;
      return { cacheKey, bytes, ttlMs: 60_000 + round };
    });
    await Promise.all(items.map(({ cacheKey, bytes, ttlMs }) => backend.set(cacheKey, bytes, { ttlMs })));
    t.true(await backend.has(`churn:${round}:19`), 'the latest is there');
  }
  t.true(stored > 8 * maxBytes);
  const size = statSync(dataFile(directory)).size;
  t.true(size < 1.5 * maxBytes, `${size} bytes`);
  t.is(await backend.get('churn:0:0'), undefined);
  t.true((await allKeys(backend)).length > 50, 'it is not emptied');
});

test.serial('of a full store those that expire soonest go first, those that never expire last', async (t) => {
  const backend = backendIn(t, directoryOf(t), { maxBytes: 1024 * 1024 });
  const bytes = Buffer.alloc(20_000);
  await backend.set('never', bytes);
  await backend.set('late', bytes, { ttlMs: 7_200_000 });
  await backend.set('soon', bytes, { ttlMs: 60_000 });
  for (let i = 0; i < 100; i++) await backend.set(`filler:${i}`, bytes, { ttlMs: 3_600_000 + i });
  t.deepEqual([await backend.has('never'), await backend.has('late'), await backend.has('soon')], [true, true, false]);
  await t.throwsAsync(backend.set('late', Buffer.alloc(600_000)), { code: 'ERR_VALUE_TOO_LARGE' });
  t.false(await backend.has('late'));
});

test.serial('expired entries are reclaimed by later writes', async (t) => {
  const directory = directoryOf(t);
  const time = { ms: 1_700_000_000_000 };
  const backend = backendIn(t, directory, { now: () => time.ms });
  const items = Array.from({ length: 2_000 }, (_, i) => ({
    cacheKey: `old:${i}`,
    bytes: Buffer.alloc(9_000),
    ttlMs: 1_000,
  }));
  await backend.setMany(items);
  const full = statSync(dataFile(directory)).size;
  time.ms += 1_000;
  for (let round = 0; round < 300; round++) await backend.set(`new:${round}`, Buffer.from('x'), { ttlMs: 3_600_000 });
  for (let round = 0; round < 8; round++) {
    time.ms += 1_000;
    await backend.setMany(items.slice(0, 200).map((item, i) => ({ ...item, cacheKey: `new:${round}:${i}` })));
  }
  t.true(statSync(dataFile(directory)).size < full * 1.2, 'their pages are used again');
  time.ms = 1_700_000_000_500;
  t.deepEqual(await allKeys(backend, 'old:'), [], 'they are gone, not only hidden');
});

test.serial('a clock set back ends entries instead of prolonging them', async (t) => {
  const time = { ms: 1_700_000_000_000 };
  const backend = backendIn(t, directoryOf(t), { now: () => time.ms });
  await backend.set('a', Buffer.from('x'), { ttlMs: 10_000 });
  await backend.set('never', Buffer.from('x'));
  time.ms -= 30_000;
  t.is((await backend.get('a'))?.expiresInMs, 10_000, 'a small step: no more than the whole TTL');
  time.ms -= 3_600_000;
  t.is(await backend.get('a'), undefined);
  t.is((await backend.get('never'))?.expiresInMs, Number.POSITIVE_INFINITY);
  t.false(await backend.expire('a', 1_000));
  await backend.set('a', Buffer.from('y'), { ttlMs: 10_000 });
  t.is(text((await backend.get('a'))?.bytes), 'y');
  time.ms += 10_000;
  t.is(await backend.get('a'), undefined);
});

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

test('entries that are gone leave nothing behind', async (t) => {
  const directory = directoryOf(t);
  const backend = backendIn(t, directory);
  for (const length of [10, 20_000, 10, 9_000]) {
    for (const cacheKey of ['a', 'b', 'c', 'd', `long ${'x'.repeat(2_000)}`]) {
      const tags = [`of ${length}`, 'all'];
      await backend.set(cacheKey, Buffer.alloc(length), { ttlMs: 60_000 + length, tags });
      await backend.expire(cacheKey, 70_000 + length);
    }
  }
  await backend.deleteMany(['a', 'b']);
  await backend.delete('c', { ifBytes: Buffer.alloc(9_000) });
  t.is(await backend.invalidateTags(['all']), 2);
  await (await backend.lock('a', 60_000))?.release();
  await backend.close();
  const { root, heads, bodies, order, tags, locks } = await openTables(await placeIn(directory), () => false);
  t.teardown(() => root.close());
  t.deepEqual(
    [heads, bodies, order, tags, locks].map((table) => (table.getStats() as { entryCount: number }).entryCount),
    [0, 0, 0, 0, 0],
  );
});

test('any sequence of operations answers as a simple model does', async (t) => {
  await fc.assert(
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
    { numRuns: 25 },
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

test('backends of one directory share its entries, and closing one leaves the others', async (t) => {
  const directory = directoryOf(t);
  const one = backendIn(t, directory);
  const two = backendIn(t, join(directory, '.'));
  await one.set('a', Buffer.from('x'));
  t.is(text((await two.get('a'))?.bytes), 'x');
  const writing = one.set('b', Buffer.from('y'));
  await one.close();
  await writing;
  t.is(text((await two.get('b'))?.bytes), 'y');
  await two.close();
  const three = backendIn(t, directory);
  t.is(text((await three.get('a'))?.bytes), 'x', 'entries stay');
});

test('what was written before the machine was started anew is removed', async (t) => {
  const directory = directoryOf(t);
  const earlier = join(directory, 'boot-00000000-0000-0000-0000-000000000000');
  mkdirSync(earlier);
  writeFileSync(join(earlier, 'data.mdb'), 'half a page');
  writeFileSync(join(directory, 'something-else'), '');
  await backendIn(t, directory).set('a', Buffer.from('x'));
  t.is(existsSync(earlier), process.platform !== 'linux');
  t.true(existsSync(join(directory, 'something-else')));
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

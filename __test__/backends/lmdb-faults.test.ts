import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { BackendError, LmdbBackend } from '../../index.js';
import { timesFrom } from '../../src/backends/lmdb/entry-format.js';
import { openTables, placeIn } from '../../src/backends/lmdb/environment.js';
import { LmdbHandle } from '../../src/backends/lmdb/handle.js';
import { until } from '../../src/testing/behaviour.js';
import { machineTime } from '../../src/util/machine-time.js';
import { supportFile } from '../support/child.js';

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-lmdb-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function backendIn(t: ExecutionContext, directory: string, options: object = {}): LmdbBackend {
  const backend = new LmdbBackend({ directory, timeoutMs: 60_000, ...options });
  t.teardown(() => backend.close());
  return backend;
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      // That of the listing itself.
      return [];
    }
  });
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const args = (mode: string, directory: string) => [
  `--import=${import.meta.resolve('tsx')}`,
  supportFile('../backends/lmdb-process.ts'),
  mode,
  directory,
];

test.serial('what the disk does not take is a BackendError, and the process goes on', async (t) => {
  if (process.platform === 'win32') return t.pass('there is no limit for the size of files');
  // No file may be larger than 2 MB: such a write fails as on a full disk.
  const limited = ['-c', 'ulimit -f 4000 && exec "$@"', 'sh', process.execPath, ...args('fill', directoryOf(t))];
  const child = spawn('sh', limited, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [[code], out] = await Promise.all([once(child, 'close'), child.stdout.toArray()]);
  t.is(code, 0);
  const { stored, failed, codes, messages, readable } = JSON.parse(Buffer.concat(out).toString());
  t.true(stored > 3 && failed > 3, `${stored} stored, ${failed} failed`);
  t.deepEqual([...new Set(codes)], ['ERR_BACKEND']);
  t.is(readable, 100_000, 'what was stored before stays');
  for (const message of messages) t.regex(message, /^The LMDB directory cannot be used: E(FBIG|IO)$/);
});

test.serial('of many processes that start together none is refused', async (t) => {
  const directory = directoryOf(t);
  const children = Array.from({ length: 12 }, () => {
    const child = spawn(process.execPath, args('start', directory), { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  });
  for (const { lines } of children) t.is((await lines.next()).value, 'ready');
  for (const { child } of children) child.stdin.write('go\n');
  for (const { lines } of children) t.is((await lines.next()).value, '20');
  const backend = backendIn(t, directory);
  let found = 0;
  for await (const _ of backend.keys()) found++;
  t.is(found, 12 * 20, 'nothing is lost');
});

test('a directory that may not be looked into any more is a BackendError', async (t) => {
  if (process.platform === 'win32') return t.pass('files have other rights');
  const directory = join(directoryOf(t), 'cache');
  const backend = backendIn(t, directory);
  await backend.set('a', Buffer.from('x'));
  // A link to itself, which fails for an administrator too.
  renameSync(directory, `${directory}-old`);
  symlinkSync(directory, directory);
  let failure: unknown;
  await until(async () => {
    failure = await backend.get('a').then(
      () => undefined,
      (error) => error,
    );
    return failure !== undefined;
  });
  t.true(failure instanceof BackendError, String(failure));
  t.false(String(failure).includes(directory));
  rmSync(directory);
  await until(() =>
    backend.set('a', Buffer.from('y')).then(
      () => true,
      () => false,
    ),
  );
  t.is(text((await backend.get('a'))?.bytes), 'y');
});

for (const [how, remove] of [
  ['removed', (directory: string) => rmSync(directory, { recursive: true })],
  ['renamed', (directory: string) => renameSync(directory, `${directory}-old`)],
] as const) {
  test(`a directory that is ${how} is noticed, and what is set then is in the new one`, async (t) => {
    const directory = join(directoryOf(t), 'cache');
    const [one, two] = [backendIn(t, directory), backendIn(t, directory)];
    await one.set('a', Buffer.from('before'));
    await two.set('b', Buffer.from('before'));
    const lock = await one.lock('a', 60_000);
    remove(directory);
    await until(async () => (await two.get('a')) === undefined);
    t.is(await one.get('b'), undefined, 'by all that read it');
    await one.set('c', Buffer.from('after'));
    t.is(text((await two.get('c'))?.bytes), 'after');
    t.false(await lock?.extend(60_000), 'the locks are gone with it');
    // A process that opens it now has the same store.
    const { heads, root, turns } = await openTables(await placeIn(directory), () => false);
    t.truthy(heads.getBinary('c'));
    await root.close();
    turns.close();
  });
}

test('writes that are acknowledged while the directory is removed are in the new one', async (t) => {
  const directory = join(directoryOf(t), 'cache');
  const backend = backendIn(t, directory);
  await backend.set('a', Buffer.alloc(1_000));
  for (let round = 0; round < 10; round++) {
    const writes = Array.from({ length: 20 }, (_, i) => backend.set(`${round}:${i}`, Buffer.alloc(20_000, i)));
    await writes[0];
    rmSync(directory, { recursive: true, force: true });
    const after = `after:${round}`;
    await Promise.all([...writes, backend.set(after, Buffer.from(after))]);
    await until(async () => text((await backend.get(after))?.bytes) === after);
  }
  t.true(await backend.has('after:9'));
});

test('what is committed into a file that is removed by then is done again in the new one', async (t) => {
  const directory = join(directoryOf(t), 'cache');
  const handle = new LmdbHandle({ directory, maxBytes: 1024 ** 3, timeoutMs: 60_000, now: () => Date.now() });
  t.teardown(() => handle.close());
  let runs = 0;
  await handle.write(undefined, 0, (store) => {
    if (++runs === 1) rmSync(directory, { recursive: true });
    store.entries.put('a', Buffer.from('x'), timesFrom(60_000, Date.now()), []);
  });
  t.is(runs, 2);
  t.is(text((await backendIn(t, directory).get('a'))?.bytes), 'x');
});

test('a write that opens the directory anew while the backend is closed leaves nothing open', async (t) => {
  if (process.platform !== 'linux') return t.pass('only Linux tells which files are open');
  const directory = join(directoryOf(t), 'cache');
  const backend = backendIn(t, directory);
  await backend.set('a', Buffer.from('x'));
  rmSync(directory, { recursive: true });
  const writing = backend.set('b', Buffer.from('y'));
  await backend.close();
  await writing;
  t.deepEqual(
    openFiles().filter((path) => path.startsWith(directory)),
    [],
  );
  t.is(text((await backendIn(t, directory).get('b'))?.bytes), 'y', 'what was acknowledged is there');
});

test('getMany, setMany and deleteMany of many entries let others run in between', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  const cacheKeys = Array.from({ length: 10_000 }, (_, i) => `many:${i}`);
  const bytes = Buffer.alloc(2_000, 1);
  await backend.get('opened');
  const turnsOf = async (work: Promise<unknown>) => {
    let turns = 0;
    let done = false;
    const count = () => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await work;
    done = true;
    return turns;
  };
  t.true((await turnsOf(backend.setMany(cacheKeys.map((cacheKey) => ({ cacheKey, bytes }))))) > 4);
  const wanted = [...cacheKeys, 'none'];
  const reading = backend.getMany(wanted);
  wanted.fill('changed meanwhile');
  const turns = await turnsOf(reading);
  t.true(turns > 1, `${turns} turns`);
  const found = await reading;
  t.is(found.length, 10_001);
  t.is(found.filter((entry) => entry?.bytes.length === 2_000).length, 10_000);
  t.is(found[10_000], undefined);
  t.true((await turnsOf(backend.deleteMany(cacheKeys))) > 4);
  t.deepEqual(await backend.getMany(cacheKeys.slice(0, 3)), [undefined, undefined, undefined]);
});

test('of equal cache keys that are far apart in one setMany the last counts', async (t) => {
  const backend = backendIn(t, directoryOf(t));
  const items = Array.from({ length: 1_000 }, (_, i) => ({ cacheKey: `k${i % 10}`, bytes: Buffer.from(String(i)) }));
  await backend.setMany(items);
  for (let i = 0; i < 10; i++) t.is(text((await backend.get(`k${i}`))?.bytes), String(990 + i));
});

test('marks of deletions go when nobody needs them any more, and others stay', async (t) => {
  const directory = directoryOf(t);
  const { root, turns, marks, tagMarks } = await openTables(await placeIn(directory), () => false);
  t.teardown(() => root.close());
  const mark = (agoMs: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(machineTime() - agoMs);
    return bytes;
  };
  for (let i = 0; i < 500; i++) await marks.put(`old:${i}`, mark(61_000));
  for (let i = 0; i < 500; i++) await tagMarks.put(`old:${i}`, mark(3_601_000));
  await marks.put('young', mark(30_000));
  await tagMarks.put('young', mark(1_800_000));
  const backend = backendIn(t, directory);
  const count = (table: typeof marks) => (table.getStats() as { entryCount: number }).entryCount;
  let deleted = 0;
  await until(async () => {
    await backend.delete(`d:${deleted++}`);
    await backend.invalidateTags([`d:${deleted}`]);
    root.resetReadTxn();
    return count(marks) <= deleted + 1 && count(tagMarks) <= deleted + 1;
  });
  t.truthy(marks.getBinary('young'));
  t.truthy(tagMarks.getBinary('young'));
  turns.close();
});

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { until } from '../../src/testing/behaviour.js';
import { supportFile } from '../support/child.js';
import { backendIn, directoryOf, text } from './lmdb-directories.js';
import { bytesFor } from './lmdb-writer.js';

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

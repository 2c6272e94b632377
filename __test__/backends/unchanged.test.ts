import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { FileBackend, LmdbBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { supportFile } from '../support/child.js';

const OLD = Buffer.from('old');
const kinds = ['lmdb', 'file'] as const;

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-unchanged-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function backendIn(t: ExecutionContext, kind: 'lmdb' | 'file', directory: string, options: object = {}) {
  const all = { directory, timeoutMs: 60_000, ...options };
  const backend = kind === 'lmdb' ? new LmdbBackend(all) : new FileBackend(all);
  t.teardown(() => backend.close());
  return backend;
}

/** Another process in which a function runs; `ask` sends a line and gives its answer. */
function otherProcess(t: ExecutionContext, kind: string, directory: string) {
  const args = [`--import=${import.meta.resolve('tsx')}`, supportFile('../backends/unchanged-process.ts')];
  const child = spawn(process.execPath, [...args, kind, directory, 'a'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return async (line: string) => {
    child.stdin.write(`${line}\n`);
    return (await lines.next()).value as string;
  };
}

for (const kind of kinds) {
  test(`${kind}: a function in another process does not undo what is done meanwhile`, async (t) => {
    const directory = directoryOf(t);
    const backend = backendIn(t, kind, directory);
    const ask = otherProcess(t, kind, directory);
    const begins = async (found: 'found' | 'nothing') => {
      // A read sees the snapshot of the event loop's turn.
      await until(async () => (await ask('begin')) === found);
    };
    await begins('nothing');
    t.is(await ask('store'), 'true', 'nothing has changed');
    await begins('found');
    t.is(await ask('store'), 'true', 'in the place of what was found');
    await begins('found');
    t.true(await backend.delete('a'));
    t.is(await ask('store'), 'false', 'deleted');
    await begins('nothing');
    t.false(await backend.delete('a'));
    t.is(await ask('store'), 'false', 'deleted where there was nothing');
    await begins('nothing');
    await backend.set('a', OLD);
    t.is(await ask('store'), 'false', 'set');
    await begins('found');
    t.true(await backend.expire('a', 3_600_000));
    t.is(await ask('store'), 'false', 'given another TTL');
    t.deepEqual(Buffer.from((await backend.get('a'))?.bytes ?? []), OLD);
    await begins('found');
    t.is(await ask('store'), 'true', 'what was before does not matter');
  });

  test(`${kind}: a function that ran while the directory was removed does not store`, async (t) => {
    const directory = join(directoryOf(t), 'cache');
    const backend = backendIn(t, kind, directory);
    await backend.set('other', OLD);
    await backend.set('a', OLD);
    const begun = performance.now();
    await backend.delete('a');
    rmSync(directory, { recursive: true });
    const options = () => ({ found: undefined, sinceMs: performance.now() - begun, ttlMs: 3_600_000 });
    t.false(await backend.setIfUnchanged('a', OLD, options()), 'the deletion is forgotten with the rest');
    t.true(await backend.changedSince('b', performance.now() - begun));
    t.is(await backend.get('a'), undefined);
    const later = performance.now();
    t.true(await backend.setIfUnchanged('a', OLD, { ...options(), sinceMs: performance.now() - later }));
    t.truthy(await backend.get('a'));
  });
}

test('lmdb: what was set since and has left the store, by itself or with a tag, is not undone', async (t) => {
  const backend = backendIn(t, 'lmdb', directoryOf(t), { maxBytes: 1024 * 1024 });
  const begun = performance.now();
  const store = (cacheKey: string) =>
    backend.setIfUnchanged(cacheKey, OLD, { found: undefined, sinceMs: performance.now() - begun, ttlMs: 3_600_000 });
  await backend.set('evicted', OLD, { ttlMs: 120_000 });
  await (backend as LmdbBackend).set('tagged', OLD, { tags: ['x'] });
  t.is(await (backend as LmdbBackend).invalidateTags(['x']), 1);
  t.false(await store('tagged'));
  for (let i = 0; i < 100; i++) await backend.set(`filler:${i}`, Buffer.alloc(20_000), { ttlMs: 3_600_000 });
  t.is(await backend.get('evicted'), undefined);
  t.false(await store('evicted'));
  t.true(await store('another'));
});

test('file: what was set since and was evicted is not undone', async (t) => {
  const backend = backendIn(t, 'file', directoryOf(t), { maxEntries: 10 });
  const begun = performance.now();
  const store = (cacheKey: string) =>
    backend.setIfUnchanged(cacheKey, OLD, { found: undefined, sinceMs: performance.now() - begun, ttlMs: 3_600_000 });
  await backend.set('evicted', OLD, { ttlMs: 120_000 });
  await until(async () => {
    await backend.set(`filler:${performance.now()}`, OLD);
    return (await backend.get('evicted')) === undefined;
  });
  t.false(await store('evicted'));
  t.true(await store('another'));
});

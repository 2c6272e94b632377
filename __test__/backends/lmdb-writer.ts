import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { LmdbBackend } from '../../index.js';
import { openTables, placeIn } from '../../src/backends/lmdb/environment.js';
import { LmdbOpenGuard } from '../../src/backends/lmdb/open-guard.js';

/** The only right bytes of a cache key, of a length between 1 and 20,000. */
export function bytesFor(cacheKey: string): Buffer {
  const hash = createHash('sha256').update(cacheKey).digest();
  return Buffer.alloc(1 + (hash.readUInt32LE() % 20_000), hash);
}

const [directory, mode = ''] = process.argv.slice(2);
if (directory !== undefined && process.argv[1]?.endsWith('lmdb-writer.ts')) {
  if (mode === 'hold') await hold(directory);
  else if (mode === 'open') await open(directory);
  else if (mode === 'reopen') await reopen(directory);
  else if (mode === 'once') await once(new LmdbBackend({ directory }));
  else if (mode === 'count') await count(new LmdbBackend({ directory }));
  else await write(new LmdbBackend({ directory }), mode);
}

/** Writes until it is killed, and says what it has written. */
async function write(backend: LmdbBackend, worker: string): Promise<never> {
  for (let i = 0; ; i++) {
    const cacheKeys = Array.from({ length: 8 }, (_, j) => `w:${worker}:${(i * 8 + j) % 4_000}`);
    await Promise.all(
      cacheKeys.map((cacheKey) => backend.set(cacheKey, bytesFor(cacheKey), { ttlMs: 600_000, tags: [`t${i % 7}`] })),
    );
    process.stdout.write(`${cacheKeys[0]}\n`);
  }
}

async function once(backend: LmdbBackend): Promise<void> {
  await backend.set('k', Buffer.from('two'));
  await backend.close();
}

/** Adds one to a number a hundred times, with `replace`, and takes a lock as often for another number. */
async function count(backend: LmdbBackend): Promise<void> {
  for (let added = 0; added < 100; ) {
    const { bytes } = (await backend.get('number')) ?? { bytes: Buffer.from('0') };
    if (await backend.replace('number', bytes, Buffer.from(String(Number(bytes) + 1)))) added++;
    else await pause(1);
  }
  for (let added = 0; added < 50; ) {
    const lock = await backend.lock('locked', 60_000);
    if (lock) {
      const { bytes } = (await backend.get('locked')) ?? { bytes: Buffer.from('0') };
      await backend.set('locked', Buffer.from(String(Number(bytes) + 1)));
      await lock.release();
      added++;
    } else await pause(1);
  }
  await backend.close();
}

/** Opens the directory again and again until it is killed. */
async function reopen(directory: string): Promise<never> {
  // Waiting for a lock keeps no process alive; the time limit of an operation does, which there is none of here.
  setInterval(() => {}, 1000);
  for (;;) {
    const { root, turns } = await openTables(await placeIn(directory), never);
    process.stdout.write('opened\n');
    await root.close();
    turns.close();
    await pause(1);
  }
}

/** Begins a transaction and stays in it. */
async function hold(directory: string): Promise<void> {
  const { root, heads, turns } = await openTables(await placeIn(directory), never);
  root.transactionSync(() => {
    turns.beginWrite();
    heads.put('half', Buffer.from('done'));
    stay();
  });
}

/** Begins to open the directory and stays at it. */
async function open(directory: string): Promise<void> {
  const turns = await LmdbOpenGuard.in((await placeIn(directory)).path);
  await turns.open(stay, never);
}

function never(): boolean {
  return false;
}

function stay(): void {
  writeSync(1, 'holding\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

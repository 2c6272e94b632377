import { openSync, writeSync } from 'node:fs';
import { FileBackend } from '../../index.js';
import { FileGuards } from '../../src/backends/file/guards.js';

/*
 * A process that writes one entry over and over, to be killed while it does, that takes its lock and ends, that stays in its
 * guard, that writes once and ends, or that has no file descriptors left.
 */
const [directory = '', cacheKey = '', what = ''] = process.argv.slice(2);
const backend = new FileBackend({ directory });

if (what === 'lock') {
  await backend.lock(cacheKey, 1_500);
  console.log('held');
  process.kill(process.pid, 'SIGKILL');
}
if (what === 'guard') {
  await new FileGuards(directory).inTurn(cacheKey, never, (exclusively) =>
    exclusively(async () => {
      writeSync(1, 'held\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }),
  );
}
if (what === 'once') {
  await backend.set(cacheKey, Buffer.from('x'));
} else if (what === 'descriptors') {
  await backend.set(cacheKey, Buffer.from('x'));
  try {
    for (;;) openSync(directory, 'r');
  } catch {
    const failed = await Promise.allSettled(Array.from({ length: 4 }, (_, i) => backend.delete(`other:${i}`)));
    for (const one of failed) writeSync(1, `${one.status === 'rejected' ? one.reason.message : 'deleted'}\n`);
  }
} else {
  console.log('writing');
  for (let i = 0; ; i++) await backend.set(cacheKey, Buffer.alloc(4_000_000, i % 256));
}

function never(): boolean {
  return false;
}

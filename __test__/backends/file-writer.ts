import { writeSync } from 'node:fs';
import { FileBackend } from '../../src/backends/file.js';
import { FileGuards } from '../../src/backends/file-guards.js';

/* A process that writes one entry over and over, to be killed while it does, that takes its lock and ends, or that stays in its guard. */
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
console.log('writing');
for (let i = 0; ; i++) await backend.set(cacheKey, Buffer.alloc(4_000_000, i % 256));

function never(): boolean {
  return false;
}

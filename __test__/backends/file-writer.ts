import { FileBackend } from '../../src/backends/file.js';

/* A process that writes one entry over and over, to be killed while it does, or that takes its lock and ends. */
const [directory = '', cacheKey = '', what = ''] = process.argv.slice(2);
const backend = new FileBackend({ directory });

if (what === 'lock') {
  await backend.lock(cacheKey, 1_500);
  console.log('held');
  process.kill(process.pid, 'SIGKILL');
}
console.log('writing');
for (let i = 0; ; i++) await backend.set(cacheKey, Buffer.alloc(4_000_000, i % 256));

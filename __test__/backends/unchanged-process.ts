import { createInterface } from 'node:readline';
import { type BackendUnchanged, FileBackend, LmdbBackend } from '../../index.js';

/* A process in which a function runs: it says what it has done of each line that it reads. */
const [kind, directory = '', cacheKey = ''] = process.argv.slice(2);
const backend = kind === 'lmdb' ? new LmdbBackend({ directory }) : new FileBackend({ directory });
let unchanged: BackendUnchanged | undefined;

for await (const line of createInterface(process.stdin)) {
  if (line === 'begin') {
    const begun = performance.now();
    const found = (await backend.get(cacheKey))?.bytes;
    unchanged = {
      found,
      get sinceMs() {
        return performance.now() - begun;
      },
    };
    console.log(found ? 'found' : 'nothing');
  } else if (unchanged) {
    const options = Object.assign(unchanged, { ttlMs: 3_600_000 });
    console.log(String(await backend.setIfUnchanged(cacheKey, Buffer.from('result'), options)));
  }
}

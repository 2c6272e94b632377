/**
 * Run in a project where the packed packages are installed, by the Node of one platform: which addon it loads, what a round trip
 * through Redis gives, and whether workers seal and open beside each other. Prints one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createCache, EncryptionWrapper, NativeLoadError } from 'cachekit-native';

const masterKey = 'a1'.repeat(32);
const value = { id: 7, name: 'Ada Lovelace', born: new Date('1815-12-10T00:00:00Z'), bytes: new Uint8Array([1, 2]) };

/** Seals and opens what no other worker has. */
function seal() {
  const wrapper = new EncryptionWrapper({ masterKey });
  let right = 0;
  for (let i = 0; i < 500; i++) {
    const context = { cacheKey: `worker:${workerData}:${i}` };
    right +=
      wrapper.deserialize(wrapper.serialize({ i, from: workerData }, context), context).from === workerData ? 1 : 0;
  }
  parentPort.postMessage(right);
}

/** Of the report Bun and Deno know little. */
const mappedFiles = () =>
  process.platform === 'linux'
    ? readFileSync('/proc/self/maps', 'latin1')
    : process.report.getReport().sharedObjects.join('\n');

async function main() {
  const workers = await Promise.all(
    [1, 2, 3, 4].map(
      (id) =>
        new Promise((resolve, reject) => {
          new Worker(new URL(import.meta.url), { workerData: id }).once('message', resolve).once('error', reject);
        }),
    ),
  );
  // An emulator takes seconds to connect for the first time.
  const backend = process.env.REDIS_URL;
  const cache = createCache({ masterKey, namespace: 'platforms', backend, l1: false, timeout: '60s' });
  await cache.set('patient', value, { ttl: '1m' });
  const read = await cache.get('patient');
  const many = await cache.getMany(['patient', 'nobody']);
  await cache.close();
  const mapped = mappedFiles().match(/cachekit-native\.[\w-]+\.node/g) ?? [];
  console.log(
    JSON.stringify({
      addons: [...new Set(mapped)],
      node: process.version,
      arch: process.arch,
      workers,
      redis: JSON.stringify(read) === JSON.stringify(value) && many[1] === undefined,
      errors: typeof NativeLoadError,
    }),
  );
}

if (isMainThread) await main();
else seal();

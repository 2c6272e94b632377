import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Sealer } from '../../index.js';

/*
 * Seals `count` empty values with one key and gives away their nonces, 12 bytes each:
 * as a worker into the shared memory it was given, as a process on stdout.
 */
export interface NonceWork {
  masterKey: string;
  count: number;
  into?: SharedArrayBuffer;
}

const work: NonceWork = isMainThread ? JSON.parse(process.argv[2] as string) : workerData;
const nonces = new Uint8Array(work.into ?? new ArrayBuffer(work.count * 12));
using sealer = new Sealer(work.masterKey, 'nonces');
const out = new Uint8Array(28);
const nothing = new Uint8Array(0);
for (let i = 0; i < work.count; i++) {
  sealer.sealInto(out, nothing, nothing);
  nonces.set(out.subarray(0, 12), i * 12);
}

if (isMainThread) process.stdout.write(nonces);
else parentPort?.postMessage('done');

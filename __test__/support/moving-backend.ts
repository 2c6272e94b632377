import { randomFillSync } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { type Backend, createCache } from '../../index.js';

/*
 * A backend that moves to a worker, at once, every array that it gets or answers with, and frees it there. Prints how the
 * calls ended; without copies the process dies by reading freed memory, in some of the rounds at least.
 */

const [mebibytes = 0, rounds = 0] = process.argv.slice(2).map(Number);
const store = new Map<string, Uint8Array>();
let sink: Worker;
const discard = (bytes: Uint8Array) => {
  sink.postMessage(bytes, [bytes.buffer as ArrayBuffer]);
  void sink.terminate();
  globalThis.gc?.();
};
const backend: Backend = {
  get: async (cacheKey) => {
    const kept = store.get(cacheKey);
    if (kept === undefined) return undefined;
    const bytes = new Uint8Array(kept);
    setImmediate(discard, bytes);
    return { bytes };
  },
  set: async (cacheKey, bytes) => {
    store.set(cacheKey, new Uint8Array(bytes));
    setImmediate(discard, bytes);
  },
  delete: async () => false,
};
const newSink = () => {
  sink = new Worker('require("worker_threads").parentPort.on("message", () => {})', { eval: true, execArgv: [] });
};
const value = randomFillSync(new Uint8Array(mebibytes << 20));
const ends: string[] = [];
for (const l1 of [false, true]) {
  for (let round = 0; round < rounds; round++) {
    const cache = createCache({ namespace: 'n', backend, l1, timeout: '60s', masterKey: Buffer.alloc(32, 1) });
    newSink();
    await cache.set('a', value);
    newSink();
    const got = (await cache.get('a').catch((error) => error.code)) as Uint8Array;
    const right = got instanceof Uint8Array && Buffer.compare(got, value) === 0;
    ends.push(right ? 'value' : String(got));
    await cache.close();
  }
}
console.log(JSON.stringify(ends));
process.exit(0);

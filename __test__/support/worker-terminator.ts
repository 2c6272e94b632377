import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { platformName } from '../../src/native/platform.js';
import { Random } from './random.js';

/*
 * Starts workers that seal and open without end, on their own thread and on libuv's pool, and terminates each of
 * them in the middle of it. Prints how many were terminated while they were at it.
 */

const addon =
  process.env.NAPI_RS_NATIVE_LIBRARY_PATH ??
  fileURLToPath(new URL(`../../cachekit-native.${platformName()}.node`, import.meta.url));

/** Plain JavaScript on the addon itself, so that a worker is at work within some milliseconds. */
const source = `
const { parentPort } = require('node:worker_threads');
const native = require(${JSON.stringify(addon)});
const master = new native.MasterKey(Buffer.alloc(32, 1));
const sealer = master.sealer(Buffer.from('t'), new native.NonceSequence(false));
const { handle } = sealer;
// Its arrays are its own: 3 says so, without which those that begin on a page are refused.
// The handle names it only as long as it lives.
globalThis.sealer = sealer;
const plaintext = Buffer.alloc(300_000, 'x');
const aad = Buffer.alloc(3);
const sealed = Buffer.alloc(plaintext.length + 28);
if (native.sealInto(handle | 3, sealed, plaintext, aad) !== sealed.length) throw new Error('it was not sealed');
const forever = async (work) => {
  for (;;) if (await work() < 0) throw new Error('it failed');
};
const fired = new Uint8Array(1);
for (let i = 0; i < 4; i++) {
  forever(() => native.sealAsync(handle, Buffer.alloc(plaintext.length + 28), 0, plaintext, aad, 3, 0, fired));
  forever(() => native.openAsync(handle, Buffer.alloc(plaintext.length), 0, sealed, 0, aad, 3, 0));
}
forever(async () => {
  for (let i = 0; i < 20; i++) native.sealInto(handle | 3, Buffer.alloc(plaintext.length + 28), plaintext, aad);
  native.destroy(new native.MasterKey(Buffer.alloc(32, 2)).sealer(Buffer.from('u'), new native.NonceSequence(false)).handle);
  await new Promise(setImmediate);
  parentPort.postMessage('busy');
  return 0;
});
`;

const random = new Random(Number(process.argv[2]));
const count = Number(process.argv[3]);
let terminated = 0;

async function startAndTerminate(): Promise<void> {
  const worker = new Worker(source, { eval: true, execArgv: [] });
  const exited = new Promise<number>((resolve, reject) => {
    worker.once('exit', resolve);
    worker.once('error', reject);
  });
  await new Promise((resolve) => worker.once('message', resolve));
  await pause(random.below(15));
  await worker.terminate();
  if ((await exited) === 1) terminated++;
}

for (let i = 0; i < count; i += 4) await Promise.all(Array.from({ length: Math.min(4, count - i) }, startAndTerminate));
console.log(terminated);

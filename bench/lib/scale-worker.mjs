/** One worker of `scale`: seals for a while when it is told to, and answers how often in a second. JavaScript, as workers of Node 20 do not run TypeScript. */
import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const { createAad } = await import(new URL('../../dist/protocol.js', import.meta.url).href);
const { Sealer } = await import(new URL('../../dist/index.js', import.meta.url).href);
const { size, ms, kind } = workerData;
const aad = createAad({ tenantId: 'default', cacheKey: 'users:42:profile', format: 'msgpack', compressed: true });
const sealer = new Sealer(randomBytes(32), 'default');
const plaintext = randomBytes(size);
const out = Buffer.alloc(size + 28);
const BURST = 256;

let counted = 0;
const count = () => {
  for (let i = 0; i < 1000; i++) counted = (Math.imul(counted, 31) + i) | 0;
};
const burst = () => {
  for (let i = 0; i < BURST; i++) kind === 'count' ? count() : sealer.sealInto(out, plaintext, aad);
};
const warm = performance.now() + 100;
while (performance.now() < warm) burst();
parentPort.once('message', () => {
  const start = performance.now();
  let seals = 0;
  while (performance.now() - start < ms) {
    burst();
    seals += BURST;
  }
  parentPort.postMessage((seals / (performance.now() - start)) * 1000);
});
parentPort.postMessage('ready');

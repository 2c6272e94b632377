/**
 * An hour of a first tier at full speed: sizes from 20 B to 1 MiB, tags, TTLs, key rotations, and workers that come and go or
 * are terminated in the middle. Does the process grow, does a value come back wrong? `npm run bench -- endurance`, with `--quick`
 * for a minute. JavaScript, as workers of Node 20 do not run TypeScript.
 */
import { createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const { createCache, Keyring } = await import(new URL('../dist/index.js', import.meta.url).href);
const MiB = 2 ** 20;
// What does not compress.
const TEXT = randomBytes(MiB).toString('hex');
const keyOf = (generation) => createHash('sha256').update(`key ${generation}`).digest('hex');

/** Works for so long; what it counted. */
async function work({ seconds, maxBytes, ids, seed, everySecond }) {
  let state = seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let generation = 0;
  const keyring = new Keyring({ masterKey: keyOf(0) });
  const cache = createCache({ keyring, ttl: '30s', l1: { maxBytes }, onError: () => {} });
  const sizeOf = (id) => (id % 5_000 === 7 ? MiB - 200_000 : id % 500 === 3 ? 60_000 : 20 + ((id * 37) % 3_000));
  const make = (id) => ({ id, text: TEXT.slice(id, id + sizeOf(id)) });
  const load = cache.wrap({ operation: 'load', tags: (id) => [`group:${id % 50}`] })(async (id) => make(id));
  const counted = { operations: 0, wrong: 0, rotations: 0 };
  const check = (id, value) => {
    if (value !== undefined && (value.id !== id || value.text.length !== sizeOf(id))) counted.wrong++;
  };
  const end = performance.now() + seconds * 1000;
  let next = performance.now() + 1_000;
  let tick = 0;
  while (performance.now() < end) {
    for (let n = 0; n < 500; n++, counted.operations++) {
      const id = Math.floor(ids * random() ** 2);
      const kind = random();
      if (kind < 0.75) check(id, await load(id));
      else if (kind < 0.85)
        await cache.set(`named:${id}`, make(id), { ttl: 0.05 + random() * 10, tags: [`set:${id % 9}`] });
      else if (kind < 0.95) check(id, await cache.get(`named:${id}`));
      else if (kind < 0.97) await load.invalidate(id);
      else if (kind < 0.98)
        for (const [i, value] of (await cache.getMany([`named:${id}`, `named:${id + 1}`])).entries())
          check(id + i, value);
      else if (kind < 0.999) await cache.delete(`named:${id}`);
      else await cache.invalidateTags(random() < 0.5 ? `group:${id % 50}` : `set:${id % 9}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() < next) continue;
    next += 1_000;
    if (++tick % 7 === 0) {
      keyring.startRotation(keyOf(++generation));
      counted.rotations++;
    }
    if (tick % 7 === 4 && keyring.rotating) keyring.completeRotation();
    everySecond?.(cache.stats(), counted);
  }
  await cache.close();
  return counted;
}

if (!isMainThread) {
  parentPort.postMessage(await work(workerData));
} else {
  const quick = process.argv.includes('--quick');
  const seconds = quick ? 60 : 3_600;
  const program = fileURLToPath(import.meta.url);
  const workers = { begun: 0, ended: 0, terminated: 0, operations: 0, wrong: 0 };
  const samples = [];
  const begin = (second) => {
    workers.begun++;
    const worker = new Worker(program, { workerData: { seconds: 4, maxBytes: 4 * MiB, ids: 5_000, seed: second } });
    worker.once('message', ({ operations, wrong }) => {
      workers.operations += operations;
      workers.wrong += wrong;
      workers.ended++;
    });
    worker.once('error', (error) => {
      throw error;
    });
    // Every other one is ended in the middle of its work.
    if (workers.begun % 2 === 0)
      setTimeout(() => worker.terminate().then(() => workers.terminated++), 2_000 + (second % 7) * 200);
  };
  const median = (list) => list.toSorted((one, other) => one - other)[list.length >> 1];
  let second = 0;
  // Of a minute: the process, and in it the heap of JavaScript, which the collector lets grow and shrink.
  let minute = [];
  let heap = [];
  const counted = await work({
    seconds,
    maxBytes: 64 * MiB,
    ids: 200_000,
    seed: 1,
    everySecond: ({ l1Entries, l1Bytes }, { operations, wrong }) => {
      if (second++ % 10 === 0) begin(second);
      const { rss, heapTotal } = process.memoryUsage();
      minute.push(rss / 1e6);
      heap.push(heapTotal / 1e6);
      if (minute.length < (quick ? 10 : 60)) return;
      samples.push(median(minute));
      process.stdout.write(
        `${second} s: ${samples.at(-1).toFixed(1)} MB, ${median(heap).toFixed(1)} of them JavaScript's heap, ${l1Entries} entries of ${(l1Bytes / 1e6).toFixed(1)} MB, ${operations} operations, ${wrong + workers.wrong} wrong\n`,
      );
      minute = [];
      heap = [];
    },
  });
  // The first sixth is that of a heap that grows.
  const settled = samples.slice(Math.ceil(samples.length / 6));
  const third = Math.max(1, Math.floor(settled.length / 3));
  const growth = median(settled.slice(-third)) / median(settled.slice(0, third)) - 1;
  process.stdout.write(
    `${JSON.stringify({ seconds, ...counted, workers, growth: `${(growth * 100).toFixed(2)} %` })}\n`,
  );
  if (counted.wrong + workers.wrong > 0 || growth > 0.05) process.exitCode = 1;
}

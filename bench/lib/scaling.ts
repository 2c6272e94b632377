import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createAad, createCache, EncryptionWrapper, Keyring, Sealer } from './product.js';
import { session } from './values.js';

/** What a worker does: seal, or count, which only shows how much of the processor it gets. */
export type WorkerKind = 'seal' | 'count';

/** Seals of 1 KiB a second, or rounds of counting, by `count` workers together. */
export async function workersRate(count: number, ms: number, kind: WorkerKind = 'seal'): Promise<number> {
  const workers = Array.from(
    { length: count },
    () =>
      new Worker(new URL('./scale-worker.mjs', import.meta.url), {
        workerData: { size: 1024, ms, kind },
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const rates = workers.map(async (worker) => (await once(worker, 'message'))[0] as number);
  for (const worker of workers) worker.postMessage('go');
  const total = (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return total;
}

export interface MemoryUse {
  name: string;
  /** Bytes beyond what was there before, at the end of the seal: the result, and whatever else was needed. */
  bytes: number;
}

const MiB = 2 ** 20;
const aad = createAad({ tenantId: 'default', cacheKey: 'reports:42', format: 'arrow', compressed: false });

/** What sealing a value of `size` bytes adds to the process's resident memory, by every way. */
export async function memoryUse(size: number): Promise<MemoryUse[]> {
  const sealer = new Sealer(randomBytes(32), 'default');
  const buffer = Buffer.alloc(size + 28, 7);
  const out = Buffer.alloc(size + 28, 1);
  const plaintext = buffer.subarray(12, 12 + size);
  return [
    { name: 'sealInPlace', bytes: await memoryAdded(() => sealer.sealInPlace(buffer, size, aad)) },
    { name: 'sealInto', bytes: await memoryAdded(() => sealer.sealInto(out, plaintext, aad)) },
    { name: 'seal', bytes: await memoryAdded(() => sealer.seal(plaintext, aad)) },
    { name: 'sealAsync', bytes: await memoryAdded(() => sealer.sealAsync(plaintext, aad)) },
  ];
}

/** The highest resident size while `work` ran and as long as its result lives, less that before. */
export async function memoryAdded(work: () => unknown): Promise<number> {
  await settle();
  const before = process.memoryUsage.rss();
  let highest = before;
  const watch = () => {
    highest = Math.max(highest, process.memoryUsage.rss());
  };
  const timer = setInterval(watch, 1);
  const result = await work();
  watch();
  clearInterval(timer);
  // The result is needed until here.
  return result === undefined ? 0 : highest - before;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await turn();
  }
}

export interface Soak {
  seconds: number;
  operations: number;
  rssStart: number;
  rssEnd: number;
  rssHighest: number;
  collections: { minor: number; major: number; ms: number };
  samples: { second: number; rssMiB: number; heapMiB: number }[];
}

/** Writes and reads of every size for a while: what grows without end shows. */
export async function soak(seconds: number, onSecond: () => void): Promise<Soak> {
  const cache = createCache({ masterKey: randomBytes(32), l1: { maxBytes: 32 * MiB } });
  const wrapper = new EncryptionWrapper({ masterKey: randomBytes(32) });
  const values = [session(100), session(1000), Array.from({ length: 100 }, (_, i) => session(200, i))];
  const large = { bytes: randomBytes(2 * MiB) };
  const collections = { minor: 0, major: 0, ms: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as { duration: number; detail?: { kind?: number } }[]) {
      collections.ms += duration;
      if (detail?.kind === 1) collections.minor++;
      else collections.major++;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const samples: Soak['samples'] = [];
  const start = performance.now();
  let operations = 0;
  const sample = () => {
    const { rss, heapUsed, external } = process.memoryUsage();
    const second = Math.round((performance.now() - start) / 1000);
    samples.push({ second, rssMiB: rss / MiB, heapMiB: (heapUsed + external) / MiB });
  };
  while (performance.now() - start < seconds * 1000) {
    for (let i = 0; i < 1000; i++) {
      const cacheKey = `soak:${operations % 5000}`;
      const value = values[operations % values.length];
      await cache.set(cacheKey, value);
      await cache.get(`soak:${(operations * 7) % 5000}`);
      wrapper.deserialize(wrapper.serialize(value, { cacheKey }), { cacheKey });
      operations += 4;
    }
    const cacheKey = 'soak:large';
    await wrapper.deserializeAsync(await wrapper.serializeAsync(large, { cacheKey }), { cacheKey });
    operations += 2;
    await turn();
    if (performance.now() - start > samples.length * 1000) {
      sample();
      onSecond();
    }
  }
  sample();
  observer.disconnect();
  const rss = samples.map(({ rssMiB }) => rssMiB * MiB);
  // The first tenth is the process growing to its size.
  const warm = Math.min(rss.length - 1, Math.ceil(rss.length / 10));
  return {
    seconds,
    operations,
    rssStart: rss[warm] as number,
    rssEnd: rss.at(-1) as number,
    rssHighest: Math.max(...rss),
    collections,
    samples,
  };
}

const value = session(256);
const cacheKey = 'users:42:profile';

/** A write and a read for each of `count` tenants in turn, through one wrapper. */
export function tenantsRun(count: number): (i: number) => unknown {
  const wrapper = new EncryptionWrapper({ masterKey: randomBytes(32) });
  const contexts = Array.from({ length: count }, (_, i) => ({ cacheKey, tenantId: `tenant-${i}` }));
  return (i) => {
    const context = contexts[i % count] as (typeof contexts)[number];
    return wrapper.deserialize(wrapper.serialize(value, context), context);
  };
}

/**
 * Reading a value that was sealed with the oldest of `previous` + 1 keys, with a header that names its key or without one.
 */
export function keysRun(previous: number, header: boolean): () => unknown {
  const keys = Array.from({ length: previous + 1 }, () => randomBytes(32));
  const oldest = keys[0] as Buffer;
  const rotationHeader = header ? 'always' : 'never';
  const sealed = new EncryptionWrapper({ masterKey: oldest, rotationHeader }).serialize(value, { cacheKey });
  const keyring = new Keyring({ masterKey: keys.at(-1) as Buffer, previousMasterKeys: keys.slice(0, -1).reverse() });
  const wrapper = new EncryptionWrapper({ keyring });
  return () => wrapper.deserialize(sealed, { cacheKey });
}

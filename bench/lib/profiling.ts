import { Session } from 'node:inspector/promises';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

export interface Profile {
  /** Bytes of the JavaScript heap, and bytes of buffers outside it, that one operation allocates. */
  heapBytes: number;
  bufferBytes: number;
  /** In a million operations. */
  minorCollections: number;
  majorCollections: number;
  /** Of the whole time. */
  collecting: number;
  /** Where the time goes: parts of it by function, the largest first. */
  functions: { name: string; part: number }[];
}

type Work = (i: number) => unknown;

/** What one operation costs besides its time, and where its time goes; `count` of them are looked at. */
export async function profile(work: Work, count: number): Promise<Profile> {
  for (let i = 0; i < count; i++) await work(i);
  const { heapBytes, bufferBytes } = await allocations(work, count >= 1000 ? 1000 : 1);
  const collections = await collectionsOf(work, count);
  return { heapBytes, bufferBytes, ...collections, functions: await functionsOf(work, count) };
}

async function allocations(work: Work, count: number): Promise<{ heapBytes: number; bufferBytes: number }> {
  const heap: number[] = [];
  const buffers: number[] = [];
  for (let round = 0; round < 9; round++) {
    globalThis.gc?.();
    await turn();
    const before = process.memoryUsage();
    for (let i = 0; i < count; i++) {
      const result = work(i);
      if (result instanceof Promise) await result;
    }
    const after = process.memoryUsage();
    heap.push((after.heapUsed - before.heapUsed) / count);
    buffers.push((after.arrayBuffers - before.arrayBuffers) / count);
  }
  const most = (values: number[]) => Math.max(0, ...values);
  // A collection in between makes it too little, never too much.
  return { heapBytes: most(heap), bufferBytes: most(buffers) };
}

async function collectionsOf(work: Work, count: number) {
  const MINOR = 1;
  let [minor, major, ms] = [0, 0, 0];
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as { duration: number; detail?: { kind?: number } }[]) {
      ms += duration;
      if (detail?.kind === MINOR) minor++;
      else major++;
    }
  });
  globalThis.gc?.();
  await turn();
  observer.observe({ entryTypes: ['gc'] });
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const result = work(i);
    if (result instanceof Promise) await result;
  }
  const took = performance.now() - start;
  // The observer is told later.
  await sleep(50);
  observer.disconnect();
  return {
    minorCollections: (minor / count) * 1e6,
    majorCollections: (major / count) * 1e6,
    collecting: ms / took,
  };
}

async function functionsOf(work: Work, count: number): Promise<Profile['functions']> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 100 });
  await session.post('Profiler.start');
  for (let i = 0; i < count; i++) {
    const result = work(i);
    if (result instanceof Promise) await result;
  }
  const { profile: taken } = await session.post('Profiler.stop');
  session.disconnect();
  const names = new Map(taken.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const hits = new Map<string, number>();
  for (const id of taken.samples ?? []) {
    const name = names.get(id) ?? '';
    hits.set(name, (hits.get(name) ?? 0) + 1);
  }
  const total = taken.samples?.length ?? 1;
  return [...hits]
    .map(([name, number]) => ({ name, part: number / total }))
    .sort((a, b) => b.part - a.part)
    .slice(0, 12);
}

// V8 knows functions of an addon by an address that they share: the names it gives them are not theirs.
const OF_NODE = /Slice$|Write$|^(byteLengthUtf8|copy|fill|now|refresh)/;

function nameOf({ functionName, url }: { functionName: string; url: string }): string {
  const name = functionName || 'anonymous';
  const file = url.split('/dist/')[1] ?? url.split('/node_modules/').at(-1) ?? '';
  if (url === '') return name.startsWith('(') ? name : OF_NODE.test(name) ? `${name} (Node)` : 'the addon';
  return url.includes('/bench/') ? 'the benchmark itself' : `${name} ${file}`;
}

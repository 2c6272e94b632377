/** A process of its own that fills a first tier, for figures of its memory: nothing else has grown its heap. */
import { PerformanceObserver } from 'node:perf_hooks';
import { createCache } from './product.js';
import type { TierFigures } from './tier-gates.js';
import { session } from './values.js';

const [mebibytes, seconds] = process.argv.slice(2).map(Number) as [number, number];
const MiB = 2 ** 20;
const TAG_OF_TEN = 'ten of them';

const pause = () => new Promise((resolve) => setImmediate(resolve));
const rss = async (): Promise<number> => {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await pause();
  }
  return process.memoryUsage.rss();
};

/** 100 bytes as JSON, 128 sealed. */
const value = (i: number) => session(72, i);
const cache = createCache({ masterKey: '3c'.repeat(32), l1: { maxBytes: mebibytes * MiB } });
for (let i = 0; i < 1_000; i++) await cache.set(`warm:${i}`, value(i));
const before = await rss();

// Filled when it no longer grows.
let count = 0;
for (let last = -1; cache.stats().l1Entries > last; ) {
  last = cache.stats().l1Entries;
  for (let n = 0; n < 20_000; n++, count++) await cache.set(`users:${count}`, value(count));
}
const filled = await rss();
const entries = cache.stats().l1Entries;

let longest = 0;
let majors = 0;
const MAJOR = 4;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
    if (kind !== MAJOR) continue;
    majors++;
    longest = Math.max(longest, entry.duration);
  }
});
observer.observe({ entryTypes: ['gc'] });
const end = performance.now() + seconds * 1000;
let writes = 0;
let writing = 0;
while (performance.now() < end) {
  for (let n = 0; n < 1_000; n++) {
    if (n % 5 !== 0) {
      await cache.get(`users:${count - 1 - Math.floor(Math.random() * (entries / 2))}`);
      continue;
    }
    const made = value(count);
    const begun = performance.now();
    await cache.set(`users:${count++}`, made);
    writing += performance.now() - begun;
    writes++;
  }
  await pause();
}
globalThis.gc?.();
await pause();
await pause();
const churned = await rss();

const removed: number[] = [];
for (let round = 0; round < 25; round++) {
  for (let n = 0; n < 10; n++) await cache.set(`tagged:${n}`, value(n), { tags: [TAG_OF_TEN] });
  const begun = performance.now();
  if ((await cache.invalidateTags(TAG_OF_TEN)) !== 10) throw new Error('ten entries have the tag');
  removed.push(performance.now() - begun);
}
removed.sort((one, other) => one - other);
const figures: TierFigures = {
  entries,
  filledMB: (filled - before) / 1e6,
  churnedMB: (churned - before) / 1e6,
  majors,
  longestMs: longest,
  writeµs: (writing / writes) * 1000,
  tagMs: removed[12] as number,
};
process.stdout.write(JSON.stringify(figures));

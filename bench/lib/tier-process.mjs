/** A process of its own that fills a first tier, for figures of its memory and collections. JavaScript, so that no compiler is in its heap. */
import { PerformanceObserver } from 'node:perf_hooks';

const { createCache } = await import(new URL('../../dist/index.js', import.meta.url).href);

const [mebibytes, seconds] = process.argv.slice(2).map(Number);
const MiB = 2 ** 20;
const TAG_OF_TEN = 'ten of them';

const pause = () => new Promise((resolve) => setImmediate(resolve));
const rss = async () => {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await pause();
  }
  return process.memoryUsage.rss();
};

let state = 1;
const hex = (length) => {
  let text = '';
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += (state >>> 28).toString(16);
  }
  return text;
};
/** 100 bytes as JSON, which do not compress. */
const value = (i) => ({ userId: i, name: 'Ada Lovelace', active: true, token: hex(36) });
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
    const { kind } = entry.detail;
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

const removed = [];
for (let round = 0; round < 25; round++) {
  for (let n = 0; n < 10; n++) await cache.set(`tagged:${n}`, value(n), { tags: [TAG_OF_TEN] });
  const begun = performance.now();
  if ((await cache.invalidateTags(TAG_OF_TEN)) !== 10) throw new Error('ten entries have the tag');
  removed.push(performance.now() - begun);
}
removed.sort((one, other) => one - other);
/** @type {import('./tier-gates.js').TierFigures} */
const figures = {
  entries,
  filledMB: (filled - before) / 1e6,
  churnedMB: (churned - before) / 1e6,
  majors,
  longestMs: longest,
  writeµs: (writing / writes) * 1000,
  tagMs: removed[12],
};
process.stdout.write(JSON.stringify(figures));

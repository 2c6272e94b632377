import { randomBytes } from 'node:crypto';
import { CACHES, hitCases } from './caches.js';
import type { Gate } from './gates.js';
import { importPart } from './import-time.js';
import { LMDB_CACHES, lmdbCases } from './lmdb-caches.js';
import { type Case, interleave } from './measure.js';
import { cache, createCache, MemoryBackend } from './product.js';
import { memoryAdded, memoryUse } from './scaling.js';
import { NAMES, sealingCases } from './sealing.js';
import type { Target } from './targets.js';
import { CACHED_VALUES } from './values.js';
import { overheadCases, wrapping } from './wrapping.js';

const ROUNDS = 101;
const MiB = 2 ** 20;

/** The bound is the margin: some two to four times what is measured on a quiet machine. */
const bound = (kind: Target['bound'], name: string, value: number, measured: number): Target => ({
  name,
  bound: kind,
  value,
  unit: '×',
  margin: 0,
  measured,
});
const atLeast = (name: string, value: number, measured: number) => bound('least', name, value, measured);
const atMost = (name: string, value: number, measured: number) => bound('most', name, value, measured);

const sealing: Gate = {
  name: 'sealing',
  async measure() {
    const timings = await interleave(sealingCases(64), { rounds: ROUNDS });
    const faster = (ours: string, theirs: string) => timings.ratio(theirs, ours).median;
    return [
      atLeast('seal, faster than node:crypto, 64 B', 4, faster(NAMES.seal, NAMES.ncSeal)),
      atLeast('sealInto, faster than node:crypto, 64 B', 6, faster(NAMES.sealInto, NAMES.ncSeal)),
      atLeast('open, faster than node:crypto, 64 B', 3, faster(NAMES.open, NAMES.ncOpen)),
    ];
  },
};

const wrapper: Gate = {
  name: 'wrapper',
  async measure() {
    const timings = await interleave(overheadCases(await wrapping(256)), { rounds: ROUNDS });
    const part = (direction: string) => timings.ratio(`${direction}: wrapper`, `${direction}: serializer`).median;
    return [
      atMost('a write, of serializing and enveloping alone, 256 B', 3, part('write')),
      atMost('a read, of unpacking and decoding alone, 256 B', 3, part('read')),
    ];
  },
};

const hits: Gate = {
  name: 'hits',
  async measure() {
    const [small, medium] = CACHED_VALUES;
    const ofSmall = await interleave(await hitCases(small?.values ?? []), { rounds: ROUNDS });
    const ofMedium = await interleave(await hitCases(medium?.values ?? []), { rounds: ROUNDS });
    return [
      atMost('a secure hit, of one without encryption', 2.5, ofSmall.ratio(CACHES.secure, CACHES.plain).median),
      // Of small values a hit that opens is as fast: it finds a call without hashing its arguments.
      atMost(
        'a secure hit with decoded values, of one that opens, 900 B',
        0.8,
        ofMedium.ratio(CACHES.values, CACHES.secure).median,
      ),
      atMost('a secure hit, of keyv', 2, ofSmall.ratio(CACHES.secure, CACHES.keyv).median),
    ];
  },
};

const keys: Gate = {
  name: 'cache key',
  async measure() {
    const { keyFor } = cache()((_id: number, _options: object) => null);
    let id = 0;
    const yardstick = sealingCases(64).filter(({ name }) => name === NAMES.ncSeal) as Case[];
    const cases = [{ name: 'key', run: () => keyFor(id++, { a: 1 }) }, ...yardstick];
    const timings = await interleave(cases, { rounds: ROUNDS });
    return [atMost('a cache key, of sealing 64 B by node:crypto', 0.7, timings.ratio('key', NAMES.ncSeal).median)];
  },
};

const lmdb: Gate = {
  name: 'LMDB',
  async measure() {
    const { cases, close } = await lmdbCases(CACHED_VALUES[0]?.values ?? []);
    const timings = await interleave(cases, { rounds: ROUNDS });
    await close();
    const part = timings.ratio(LMDB_CACHES.secure, LMDB_CACHES.byHand).median;
    return [atMost('a secure hit in LMDB, of one by hand', 2, part)];
  },
};

/** Not times but bytes: what a large value needs beside itself. */
const memory: Gate = {
  name: 'memory',
  async measure() {
    const size = 256 * MiB;
    const used = await memoryUse(size);
    const part = (name: string) => Math.max(0, used.find((use) => use.name === name)?.bytes as number) / size;
    const written = randomBytes(128 * MiB);
    const store = createCache({
      backend: new MemoryBackend({ maxBytes: 2 ** 30 }),
      l1: false,
      masterKey: randomBytes(32),
    });
    const stored = (await memoryAdded(() => store.set('report', written))) / written.length;
    await store.close();
    return [
      atMost('memory beyond its own, sealInPlace', 0.5, part('sealInPlace')),
      atMost('memory beyond its own, seal', 1.5, part('seal')),
      atMost('memory beyond its own, cache.set of bytes', 4.5, stored),
    ];
  },
};

const start: Gate = {
  name: 'import',
  async measure() {
    return [atMost('what an import adds, of a bare start of Node', 0.6, importPart(11))];
  },
};

export const REGRESSIONS: readonly Gate[] = [sealing, wrapper, hits, keys, lmdb, memory, start];

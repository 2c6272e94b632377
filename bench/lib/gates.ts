import { CACHES, hitCases } from './caches.js';
import { bytes } from './format.js';
import { importPart } from './import-time.js';
import { interleave, spreadOf, type Timings } from './measure.js';
import { type Cost, costOf, PIPELINE_VALUES, type Pipeline, pipeline, serializing, settle } from './pipelines.js';
import { cache } from './product.js';
import { memoryUse, type WorkerKind, workersRate } from './scaling.js';
import { measureOptions, NAMES, SIZES, sealingCases } from './sealing.js';
import { atMost, faster, type Target } from './targets.js';
import { CACHED_VALUES } from './values.js';
import { overheadCases, SMALL_SIZES, wrapping } from './wrapping.js';

/** Targets that are measured together. */
export interface Gate {
  name: string;
  measure(): Promise<Target[]>;
}

/** For each size of {@link SIZES}; Infinity and 0 where nothing is promised. */
const SEALING = {
  seal: [12, 8, 6, 2, 1.4, 1.4, 1.6],
  sealInto: [16, 16, 14, 3.5, 2.2, 2, 5],
  intoOfRing: [2.2, 2.1, 1.6, 1.2, 1.35, 1.8, 1.7],
  inPlaceOfRing: [2, 2, 1.5, 1.15, 1.1, 1.25, 1.1],
  open: [9, 7, 5, 1.3, 1.3, 1.2, 1.1],
} as const;

/**
 * Margins where repeated runs of the same code, in processes of their own and beside other programs, differ by more than
 * the usual: `sealInto` took 10.9 to 14.6 times less than node:crypto at 1 KiB, and of ring's time 2.14 to 2.30 at 64 B, 1.49 to
 * 1.78 at 1 KiB, 1.19 to 1.25 at 16 KiB, 1.60 to 2.08 at 4 MiB and 1.57 to 1.88 at 64 MiB, where what else uses the memory tells.
 */
const SPREAD = {
  sealInto: [0.1, 0.1, 0.25, 0.1, 0.1, 0.1, 0.1],
  intoOfRing: [0.08, 0.04, 0.12, 0.08, 0.04, 0.15, 0.12],
} as const;

/** As below, for times of large values: there, ring alone seals 64 MiB in 9.8 ms. */
const RING_LEN = 64 * 2 ** 20;
const RING_64_MIB = 9.8e6;
const slowerRing = (timings: Timings) => Math.max(1, timings.median(NAMES.ring) / RING_64_MIB);

const sealing = (size: number, i: number): Gate => ({
  name: `sealing ${bytes(size)}`,
  async measure() {
    const timings = await interleave(sealingCases(size), measureOptions(size, false));
    const ofNode = (name: string, reference: string) => timings.ratio(reference, name).median;
    const ofRing = (name: string) => timings.ratio(name, NAMES.ring).median;
    const label = (what: string) => `${what}, ${bytes(size)}`;
    const msPerMB = (name: string) => timings.median(name) / slowerRing(timings) / size;
    return [
      ...(size < RING_LEN
        ? []
        : [
            atMost(label('sealInto'), 0.3, msPerMB(NAMES.sealInto), { unit: 'ms/MB' }),
            atMost(label('seal'), 1, msPerMB(NAMES.seal), { unit: 'ms/MB' }),
          ]),
      faster(label('seal, faster than node:crypto'), SEALING.seal[i] as number, ofNode(NAMES.seal, NAMES.ncSeal)),
      {
        ...faster(
          label('sealInto, faster than node:crypto'),
          SEALING.sealInto[i] as number,
          ofNode(NAMES.sealInto, NAMES.ncSeal),
        ),
        margin: SPREAD.sealInto[i] as number,
      },
      {
        ...atMost(label("sealInto, of ring's time"), SEALING.intoOfRing[i] as number, ofRing(NAMES.sealInto)),
        margin: SPREAD.intoOfRing[i] as number,
      },
      atMost(label("sealInPlace, of ring's time"), SEALING.inPlaceOfRing[i] as number, ofRing(NAMES.sealInPlace), {
        steady: true,
      }),
      faster(label('open, faster than node:crypto'), SEALING.open[i] as number, ofNode(NAMES.open, NAMES.ncOpen)),
    ];
  },
});

/**
 * Times are promised for the machines of the first measurements, on which node:crypto seals 64 bytes in 4.05 µs. Where that
 * takes longer, everything may; where it is faster, nothing has to be.
 */
const NODE_CRYPTO_64 = 4050;
const slower = (timings: Timings) => Math.max(1, timings.median(NAMES.ncSeal) / NODE_CRYPTO_64);
const yardstick = () => sealingCases(64).filter(({ name }) => name === NAMES.ncSeal);

const overhead = (size: number): Gate => ({
  name: `overhead ${bytes(size)}`,
  async measure() {
    const cases = [...overheadCases(await wrapping(size)), ...yardstick()];
    const timings = await interleave(cases, { rounds: 401 });
    const added = (direction: string) =>
      timings.difference(`${direction}: wrapper`, `${direction}: serializer`).median / 1000 / slower(timings);
    return [
      atMost(`wrapper adds to a write, ${bytes(size)}`, 0.4, added('write'), { unit: 'µs' }),
      atMost(`wrapper adds to a read, ${bytes(size)}`, 0.6, added('read'), { unit: 'µs' }),
    ];
  },
});

/** The most that a secure hit may be of theirs, over 1,000 keys; at 55 KB nothing is promised but that encryption itself is cheap. */
const HITS: Record<string, Partial<Record<keyof typeof CACHES, number>>> = {
  '100 B': { keyv: 0.45, cacheable: 0.3, bentocache: 0.3, cacheManager: 1.1, plain: 1.25 },
  '900 B': { keyv: 0.25, cacheable: 0.25, bentocache: 0.4, plain: 1.25 },
  '55 KB': { plain: 1.25 },
};

/**
 * What is held of it. The parts of values of 900 B are of times that these caches took on other machines and in other
 * versions, and less than opening and decoding take: docs/performance.md, "What is out of reach".
 */
const HELD: typeof HITS = {
  '100 B': { keyv: 0.6, cacheable: 0.5, bentocache: 0.5, cacheManager: 1.8, plain: 1.6 },
  '900 B': { keyv: 0.5, cacheable: 0.6, bentocache: 0.8 },
};

const hits = (label: string, values: readonly unknown[]): Gate => ({
  name: `hits ${label}`,
  async measure() {
    const timings = await interleave([...(await hitCases(values)), ...yardstick()], { rounds: 301 });
    const µs = (name: string) => timings.median(name) / 1000 / slower(timings);
    return [
      ...(label === '100 B' ? [atMost(`secure hit, ${label}`, 3, µs(CACHES.secure), { unit: 'µs' })] : []),
      atMost(`secure hit with decoded values, ${label}`, 1.5, µs(CACHES.values), { unit: 'µs' }),
      ...Object.entries(HITS[label] ?? {}).map(([name, most]) => {
        const theirs = CACHES[name as keyof typeof CACHES];
        const held = HELD[label]?.[name as keyof typeof CACHES];
        const part = timings.ratio(CACHES.secure, theirs).median;
        return atMost(`secure hit, ${label}, of ${theirs}`, most, part, { held });
      }),
    ];
  },
});

const cacheKeys: Gate = {
  name: 'cache key',
  async measure() {
    const { keyFor } = cache()((_id: number, _options: object) => null);
    let id = 0;
    // Arguments that were never there before: none of a key may be remembered.
    const cases = [{ name: 'key', run: () => keyFor(id++, { a: 1 }) }, ...yardstick()];
    const timings = await interleave(cases, { rounds: 301 });
    const µs = timings.median('key') / 1000 / slower(timings);
    return [atMost('cache key of two small arguments', 1.2, µs, { unit: 'µs' })];
  },
};

const FRAMES_ROUNDS = 9;

/** One figure of two pipelines' writes of a large frame, in turn: how much more the second costs, in per cent. */
async function beyond(label: string, part: keyof Cost, pipelines: (value: unknown) => [Pipeline, Pipeline]) {
  const { make } = PIPELINE_VALUES.find((value) => value.label === label) as (typeof PIPELINE_VALUES)[0];
  const [first, second] = pipelines(make());
  const added: number[] = [];
  for (let round = 0; round < FRAMES_ROUNDS; round++) {
    const costs: number[] = [];
    for (const { write } of [first, second]) {
      await settle();
      costs.push((await costOf(write, 1))[part]);
    }
    const [before, after] = costs as [number, number];
    added.push(((after - before) / before) * 100);
  }
  // The first rounds are those of cold code and of a heap that grows.
  return Math.max(0, spreadOf(added.slice(2)).median);
}

const RANDOM = 'frame, 100 MB, random';
const REPEATING = 'frame, 100 MB, repeating';

const frames: Gate = {
  name: 'frames',
  async measure() {
    // Of what serializing alone takes: sealing is done off the loop.
    const busy = await beyond(RANDOM, 'busy', (value) => [serializing(value, true), pipeline(value, true, true)]);
    // "Over serialization" is over what a write does without encryption: serializing, the container, and the store. The same
    // frame, the same cache, with a key and without. The documents' 2.5 % are of compressible data too.
    const wall = await beyond(REPEATING, 'wall', (value) => [
      pipeline(value, true, false),
      pipeline(value, true, true),
    ]);
    return [
      { ...atMost(`event loop beyond serializing, ${RANDOM}`, 5, busy, { unit: '%', held: 110 }), margin: 0.4 },
      { ...atMost(`write beyond that of plaintext, ${REPEATING}`, 3, wall, { unit: '%' }), margin: 0.4 },
    ];
  },
};

/**
 * Two workers of one, as on a machine that has two cores for them: other programs take their part of the cores, and it is
 * seen how large it is by workers that only count.
 */
const workers: Gate = {
  name: 'workers',
  async measure() {
    const ms = 300;
    const gains: number[] = [];
    for (let round = 0; round < 5; round++) {
      const gain = async (kind: WorkerKind) => {
        const one = await workersRate(1, ms, kind);
        return (await workersRate(2, ms, kind)) / one;
      };
      gains.push(((await gain('seal')) / (await gain('count'))) * 2);
    }
    return [faster('two workers, of one', 1.75, spreadOf(gains).median)];
  },
};

const memory: Gate = {
  name: 'memory',
  async measure() {
    const size = 256 * 2 ** 20;
    const used = await memoryUse(size);
    const part = (name: string) => Math.max(0, used.find((use) => use.name === name)?.bytes as number) / size;
    // Beside the bytes themselves there is what the process does meanwhile, some megabytes.
    return [
      { ...atMost('memory beyond its own, sealInPlace, 256 MiB', 0.05, part('sealInPlace')), margin: 0 },
      { ...atMost('memory beyond its own, seal, 256 MiB', 1.05, part('seal')), margin: 0 },
    ];
  },
};

/** Everything that is promised and can be measured in a few minutes. */
const start: Gate = {
  name: 'import',
  async measure() {
    return [atMost('what an import adds, of a bare start of Node', 0.3, importPart(21))];
  },
};

export const GATES: readonly Gate[] = [
  start,
  ...SIZES.map(sealing),
  ...SMALL_SIZES.map(overhead),
  ...CACHED_VALUES.map(({ label, values }) => hits(label, values)),
  cacheKeys,
  frames,
  workers,
  memory,
];

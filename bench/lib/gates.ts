import { CACHES, hitCases } from './caches.js';
import { bytes } from './format.js';
import { interleave, spreadOf, type Timings } from './measure.js';
import { costOf, PIPELINE_VALUES, pipeline, serializing, settle } from './pipelines.js';
import { cache } from './product.js';
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

const sealing = (size: number, i: number): Gate => ({
  name: `sealing ${bytes(size)}`,
  async measure() {
    const timings = await interleave(sealingCases(size), measureOptions(size, false));
    const ofNode = (name: string, reference: string) => timings.ratio(reference, name).median;
    const ofRing = (name: string) => timings.ratio(name, NAMES.ring).median;
    const label = (what: string) => `${what}, ${bytes(size)}`;
    return [
      faster(label('seal, faster than node:crypto'), SEALING.seal[i] as number, ofNode(NAMES.seal, NAMES.ncSeal)),
      faster(
        label('sealInto, faster than node:crypto'),
        SEALING.sealInto[i] as number,
        ofNode(NAMES.sealInto, NAMES.ncSeal),
      ),
      atMost(label("sealInto, of ring's time"), SEALING.intoOfRing[i] as number, ofRing(NAMES.sealInto), {
        steady: true,
      }),
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

/** The most that a secure hit may be of theirs; at 55 KB nothing is promised but that encryption itself is cheap. */
const HITS: Record<string, Partial<Record<keyof typeof CACHES, number>>> = {
  '100 B': { keyv: 0.25, cacheable: 0.25, bentocache: 0.25, cacheManager: 0.7, plain: 1.25 },
  '900 B': { keyv: 0.25, cacheable: 0.25, bentocache: 0.4, plain: 1.25 },
  '55 KB': { plain: 1.25 },
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
        return atMost(`secure hit, ${label}, of ${theirs}`, most, timings.ratio(CACHES.secure, theirs).median);
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

/** Of what serializing alone takes: a frame of 100 MB is sealed off the loop. */
const eventLoop: Gate = {
  name: 'event loop',
  async measure() {
    const { make, label } = PIPELINE_VALUES.find(
      ({ label }) => label === 'frame, 100 MB, random',
    ) as (typeof PIPELINE_VALUES)[0];
    const value = make();
    const [alone, encrypted] = [serializing(value, true), pipeline(value, true, true)];
    const costs: { alone: number; encrypted: number }[] = [];
    for (let round = 0; round < 9; round++) {
      const busy = async (write: () => Promise<unknown>) => {
        await settle();
        return (await costOf(write, 1)).busy;
      };
      costs.push({ alone: await busy(alone.write), encrypted: await busy(encrypted.write) });
    }
    // The first rounds are those of cold code and of a heap that grows.
    const counted = costs.slice(2);
    const added = spreadOf(counted.map((cost) => ((cost.encrypted - cost.alone) / cost.alone) * 100)).median;
    return [
      { ...atMost(`event loop beyond serializing, ${label}`, 5, Math.max(0, added), { unit: '%' }), margin: 0.4 },
    ];
  },
};

/** Everything that is promised and can be measured in a few minutes. */
export const GATES: readonly Gate[] = [
  ...SIZES.map(sealing),
  ...SMALL_SIZES.map(overhead),
  ...CACHED_VALUES.map(({ label, values }) => hits(label, values)),
  cacheKeys,
  eventLoop,
];

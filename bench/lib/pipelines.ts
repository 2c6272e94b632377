import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import * as arrow from 'apache-arrow';
import { frame } from './frames.js';
import { ArrowSerializer, createCache, MemoryBackend, StandardSerializer } from './product.js';
import { apiResponse, rows, session } from './values.js';

const MB = 1e6;

export interface PipelineValue {
  label: string;
  make: () => unknown;
  /** Tables go through Arrow, all else through MessagePack. */
  table: boolean;
  large: boolean;
}

/** What goes through a cache, from a session to a frame of 100 MB. */
export const PIPELINE_VALUES: readonly PipelineValue[] = [
  { label: 'session, 300 B', make: () => session(300), table: false, large: false },
  { label: 'API response, 22 KB', make: () => apiResponse(100), table: false, large: false },
  { label: '1,000 rows, 70 KB', make: () => rows(1000), table: false, large: false },
  { label: 'frame, 10 MB, random', make: () => frame(10 * MB, true), table: true, large: true },
  { label: 'frame, 10 MB, repeating', make: () => frame(10 * MB, false), table: true, large: true },
  { label: 'frame, 100 MB, random', make: () => frame(100 * MB, true), table: true, large: true },
  { label: 'frame, 100 MB, repeating', make: () => frame(100 * MB, false), table: true, large: true },
];

/** Milliseconds an operation: all of it, and the part in which the event loop could do nothing else. */
export interface Cost {
  wall: number;
  busy: number;
}

export interface Pipeline {
  write(): Promise<unknown>;
  read(): Promise<unknown>;
}

/** The serializer alone, without envelope, checksum or store. */
export function serializing(value: unknown, table: boolean): Pipeline {
  const serializer = table ? new ArrowSerializer<arrow.Table>({ arrow }) : new StandardSerializer();
  const payload = serializer.serialize(value as arrow.Table);
  return {
    async write() {
      return serializer.serialize(value as arrow.Table);
    },
    async read() {
      return serializer.deserialize(payload);
    },
  };
}

/** A cache in front of a store in memory, so that every write and read is a whole one: nothing is kept in L1. */
export function pipeline(value: unknown, table: boolean, encrypted: boolean): Pipeline {
  const cache = createCache({
    backend: new MemoryBackend({ maxBytes: 2 ** 30 }),
    l1: false,
    ...(table && { serializer: new ArrowSerializer({ arrow }) }),
    ...(encrypted && { masterKey: randomBytes(32) }),
  });
  return {
    async write() {
      if (!(await cache.set('reports:42', value))) throw new Error('it was not stored');
    },
    async read() {
      const read = await cache.get('reports:42');
      if (read === undefined) throw new Error('it was not there');
      return read;
    },
  };
}

/**
 * Collects the garbage of earlier runs and waits until its memory is given back, which for hundreds of megabytes would
 * otherwise keep the loop busy in somebody else's turn.
 */
export async function settle(): Promise<void> {
  globalThis.gc?.();
  await sleep(20);
}

/** The cost of one operation, by doing `count` of them one after the other. */
export async function costOf(run: () => Promise<unknown>, count: number): Promise<Cost> {
  const start = performance.now();
  const before = performance.eventLoopUtilization();
  for (let i = 0; i < count; i++) await run();
  const { active } = performance.eventLoopUtilization(before);
  const wall = performance.now() - start;
  return { wall: wall / count, busy: Math.min(active, wall) / count };
}

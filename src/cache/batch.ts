import type { CachedFunction } from './cached-types.js';
import type { CacheOptions, FunctionOptions } from './options.js';
import { count } from './parsers.js';

/** Of a batch function alone. */
export interface BatchSize {
  /** Ids that the function gets at once at most; of more, it runs several times. Default: as many as are asked for. */
  maxBatch?: number;
}

export interface BatchOptions<Id = unknown> extends FunctionOptions<[id: Id], [id: Id]>, BatchSize {}

export type CacheBatchOptions<Id = unknown> = CacheOptions<[id: Id], [id: Id]> & BatchSize;

/** A row for each id in their order, or by id. An Error is thrown to whoever asked for that id; `undefined`, or no row in a Map, is `null`. */
export type BatchRows<Id, Row> = readonly Row[] | ReadonlyMap<Id, Row>;

/** A function of one id that loads many at once. */
export interface BatchFunction<Id, Row> extends CachedFunction<unknown, [id: Id], Row> {
  /** The rows of many ids, in their order. Rejects with the first error. */
  many(ids: readonly Id[]): Promise<Row[]>;
}

/** Gives a function of many ids a cache, with an entry for each id. */
export type BatchWrap<Id> = <I extends Id, Row>(
  fn: (ids: I[]) => BatchRows<I, Row> | PromiseLike<BatchRows<I, Row>>,
) => BatchFunction<I, Exclude<Row, Error | undefined> | null>;

export const BATCH = {
  maxBatch: (value: unknown) => ({
    maxBatch: value === undefined ? Number.POSITIVE_INFINITY : count('maxBatch', value, 1),
  }),
};

import { types } from 'node:util';
import { isError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import { nextTick } from '../util/timers.js';
import type { Original } from './cached-types.js';
import type { EntryRef } from './engine/entry-ref.js';
import type { EntryStore } from './engine/entry-store.js';
import type { Request } from './engine/fetching.js';
import type { Outcome } from './engine/loader.js';
import type { EntryNames } from './key-builder.js';

type Tenant = string | undefined;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R | PromiseLike<R>) => void;
  readonly reject: (error: unknown) => void;
}

/** What is asked for until a tick and its promises are over, by tenant. `flush` runs in the context of who asked first. */
class Gathered<T, R> {
  readonly #flush: (all: readonly Waiting<T, R>[]) => void;
  readonly #byTenant = new Map<Tenant, Waiting<T, R>[]>();

  constructor(flush: (all: readonly Waiting<T, R>[]) => void) {
    this.#flush = flush;
  }

  add(tenantId: Tenant, item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      const waiting = { item, resolve, reject };
      const gathered = this.#byTenant.get(tenantId);
      if (gathered !== undefined) {
        gathered.push(waiting);
        return;
      }
      const all = [waiting];
      this.#byTenant.set(tenantId, all);
      const flush = () => {
        this.#byTenant.delete(tenantId);
        this.#flush(all);
      };
      // Behind the promises that are settled by now, whose callers may ask for more.
      Promise.resolve().then(() => nextTick(flush));
    });
  }
}

/** Makes of a function of many ids one of a single id, whose calls share reads and runs. */
export class BatchGathering {
  readonly #fn: Original;
  readonly #names: EntryNames;
  readonly #maxBatch: number;
  readonly #store: EntryStore;
  readonly #requests: Gathered<Request, Outcome>;
  readonly #loads: Gathered<unknown, unknown>;

  constructor(fn: Original, names: EntryNames, store: EntryStore, maxBatch: number) {
    this.#fn = fn;
    this.#names = names;
    this.#store = store;
    this.#maxBatch = maxBatch;
    this.#requests = new Gathered((all) => {
      try {
        const outcomes = store.fetchMany(all.map(({ item }) => item));
        for (const [i, { resolve }] of all.entries()) resolve(outcomes[i] as Promise<Outcome>);
      } catch (error) {
        for (const { reject } of all) reject(error);
      }
    });
    this.#loads = new Gathered((all) => {
      for (let at = 0; at < all.length; at += this.#maxBatch) void this.#run(all.slice(at, at + this.#maxBatch));
    });
  }

  /** @throws BackendError after `close`; who has called before gets his row. */
  readonly fetch = (ref: EntryRef, load: () => unknown): Promise<Outcome> => {
    this.#store.assertOpen();
    return this.#requests.add(ref.tenantId, { ref, load });
  };

  /** Loads one id, together with others of its tenant. */
  readonly one = (id: unknown): Promise<unknown> => this.#loads.add(this.#names.tenantId([id]), id);

  async #run(all: readonly Waiting<unknown, unknown>[]): Promise<void> {
    try {
      const ids = all.map(({ item }) => item);
      const rows = rowsOf(await this.#fn.call(undefined, ids.slice()), ids);
      for (const [i, { resolve, reject }] of all.entries()) {
        const settle = (row: unknown) => (isError(row) ? reject(row) : resolve(row ?? null));
        const row = rows[i];
        // A row that is a promise is what that brings.
        if (isPromiseLike(row)) Promise.resolve(row).then(settle, reject);
        else settle(row);
      }
    } catch (error) {
      for (const { reject } of all) reject(error);
    }
  }
}

function isPromiseLike(row: unknown): row is PromiseLike<unknown> {
  return typeof (row as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

/** @throws TypeError for what is no row for each id. */
function rowsOf(rows: unknown, ids: readonly unknown[]): readonly unknown[] {
  if (types.isMap(rows)) return ids.map((id) => rows.get(id));
  if (!Array.isArray(rows)) throw new TypeError(`A batch function must return an array or a Map, not ${kindOf(rows)}`);
  if (rows.length !== ids.length) {
    throw new TypeError(`A batch function of ${ids.length} ids must return as many rows, not ${rows.length}`);
  }
  return rows;
}

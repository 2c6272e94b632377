import { createHash } from 'node:crypto';
import type { Backend } from '../../backends/backend.js';
import { hasCode } from '../../errors.js';
import { assertCacheKey } from '../../util/bytes.js';
import { pause } from '../../util/timers.js';
import type { Coverage, Owner } from './coverage.js';

/** An entry to look at. */
export interface Listed {
  readonly cacheKey: string;
  readonly owner: Owner;
}

export interface Batch {
  readonly entries: readonly Listed[];
  /** Lists these entries again, and all behind them. */
  readonly cursor: string | undefined;
}

const TRIES = 5;
const FIRST_PAUSE_MS = 200;

/** The entries of a cache in its backend, some at a time. It goes on after a failure that passes, and from a cursor. */
export class Listing {
  /** How many entries the next batch has at most. */
  size: number;
  readonly #keys: NonNullable<Backend['keys']>;
  readonly #coverage: Coverage;
  readonly #signal: AbortSignal | undefined;
  readonly #hash: string;
  #prefix = 0;
  /** Within the listing of a prefix; null: its beginning. */
  #within: string | null = null;
  /** Whether the backend tells of places from which a listing goes on. */
  #continues = false;

  /**
   * @param binding what a cursor is of, besides the prefixes: with another one it does not fit.
   * @param from a cursor of another listing; one that does not fit begins anew.
   */
  constructor(
    keys: NonNullable<Backend['keys']>,
    coverage: Coverage,
    size: number,
    binding: string,
    from: string | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#keys = keys;
    this.#coverage = coverage;
    this.size = size;
    this.#signal = signal;
    this.#hash = createHash('sha256')
      .update(JSON.stringify([binding, coverage.prefixes]))
      .digest('hex')
      .slice(0, 16);
    if (from === undefined) return;
    const [hash, prefix, within] = decoded(from);
    if (hash !== this.#hash || !(prefix < coverage.prefixes.length)) return;
    this.#prefix = prefix;
    this.#within = within;
    this.#continues = true;
  }

  /** Where it is; undefined where it cannot be continued. */
  get cursor(): string | undefined {
    if (!this.#continues) return undefined;
    return Buffer.from(JSON.stringify([this.#hash, this.#prefix, this.#within])).toString('base64url');
  }

  /** @throws what the backend throws, when it goes on doing so. */
  async *batches(): AsyncGenerator<Batch, void, undefined> {
    const { prefixes } = this.#coverage;
    for (; this.#prefix < prefixes.length; this.#prefix++) {
      yield* this.#batchesUnder(prefixes[this.#prefix] as string);
      this.#within = null;
    }
  }

  async *#batchesUnder(prefix: string): AsyncGenerator<Batch, void, undefined> {
    let entries: Listed[] = [];
    let { cursor } = this;
    for await (const cacheKey of this.#under(prefix)) {
      // From a backend of the user's, perhaps.
      assertCacheKey(cacheKey);
      // A backend that lists what it was not asked for would have it listed twice.
      const owner = cacheKey.startsWith(prefix) ? this.#coverage.ownerOf(cacheKey) : undefined;
      if (owner === undefined) continue;
      if (entries.length === 0) cursor = this.cursor;
      entries.push({ cacheKey, owner });
      if (entries.length < this.size) continue;
      yield { entries, cursor };
      entries = [];
    }
    if (entries.length > 0) yield { entries, cursor };
  }

  /** The cache keys under a prefix, once more from the last known place after a failure. */
  async *#under(prefix: string): AsyncGenerator<string, void, undefined> {
    for (let failures = 0; ; ) {
      const from = this.#within ?? undefined;
      const onCursor = (cursor: string) => {
        this.#within = cursor;
        this.#continues = true;
        failures = 0;
      };
      try {
        yield* this.#keys({ prefix, from, onCursor, signal: this.#signal });
        return;
      } catch (error) {
        if (!passes(error) || ++failures >= TRIES || !this.#continues) throw error;
        await pause(FIRST_PAUSE_MS * 2 ** failures);
      }
    }
  }
}

/** Does it again while it fails in a way that passes: a connection that was lost, a server that is being replaced. */
export async function again<R>(work: () => Promise<R>): Promise<R> {
  for (let failures = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!passes(error) || ++failures >= TRIES) throw error;
      await pause(FIRST_PAUSE_MS * 2 ** failures);
    }
  }
}

function passes(error: unknown): boolean {
  return hasCode(error, 'ERR_TIMEOUT') || (hasCode(error, 'ERR_BACKEND') && error.transient);
}

/** @throws RangeError for what is no cursor. */
function decoded(cursor: string): [hash: string, prefix: number, within: string | null] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    parts = undefined;
  }
  if (Array.isArray(parts) && parts.length === 3) {
    const [hash, prefix, within] = parts as unknown[];
    const isWithin = within === null || typeof within === 'string';
    if (typeof hash === 'string' && Number.isSafeInteger(prefix) && (prefix as number) >= 0 && isWithin) {
      return [hash, prefix as number, within];
    }
  }
  throw new RangeError('cursor must be one that a progress has told');
}

import type { Backend, BackendEntry } from '../../backends/backend.js';
import type { Rewrapped, ValueCodec } from '../../codec/value-codec.js';
import { hasCode } from '../../errors.js';
import type { Keyring } from '../../keys/keyring.js';
import { copyOf } from '../../util/bytes.js';
import { elapsed } from '../../util/clock.js';
import { throwIfAborted } from '../../util/realms.js';
import { pause, setImmediate } from '../../util/timers.js';
import { replaceEntry } from '../engine/replace-entry.js';
import type { Coverage } from './coverage.js';
import { again, type Batch, type Listed, Listing } from './listing.js';
import type { CheckedRewrap, RewrapProgress } from './options.js';
import { Tally } from './report.js';

export interface RewrapParts {
  readonly backend: Backend & { keys: NonNullable<Backend['keys']> };
  /** What may have sealed an entry: tried in this order. */
  readonly sealers: readonly EntrySealer[];
  readonly coverage: Coverage;
  readonly options: CheckedRewrap;
}

export interface EntrySealer {
  readonly codec: ValueCodec;
  readonly keyring: Keyring;
  /** Whose an entry may be whose cache key names no tenant: tried in this order. */
  readonly tenants: readonly string[];
}

/** After so many, an entry is left to its writer. */
const MOST_CHANGES = 3;
const BATCH = 100;
/** Of the values of one batch together: large ones are taken in smaller batches. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** Of failures that are the entry's: it is no value of these keys. */
const UNOPENED = [
  'ERR_AUTHENTICATION',
  'ERR_UNKNOWN_KEY',
  'ERR_SEALED_FORMAT',
  'ERR_ENVELOPE',
  'ERR_SERIALIZATION',
  'ERR_VALUE_TOO_LARGE',
] as const;

/** Seals entries with the current key, without decoding any, or only counts which key they need. */
export class Rewrapping {
  readonly tally = new Tally();
  readonly #parts: RewrapParts;

  constructor(parts: RewrapParts) {
    this.#parts = parts;
  }

  /** @throws what the backend throws, when it goes on doing so, and the signal's reason: when what was under way is over. */
  async *steps(): AsyncGenerator<RewrapProgress, void, undefined> {
    const { backend, coverage, options } = this.#parts;
    const { signal, concurrency, cursor, rate } = options;
    const total = options.total && cursor === undefined ? await this.#count() : undefined;
    const listing = new Listing(backend.keys, coverage, Math.min(BATCH, concurrency), this.#binding(), cursor, signal);
    const underWay: { readonly done: Promise<void>; readonly cursor: string | undefined }[] = [];
    const most = Math.max(1, Math.floor(concurrency / BATCH));
    const begun = elapsed();
    let started = 0;
    const next = async () => {
      await underWay.shift()?.done;
      return { ...this.tally.report, total, cursor: underWay[0]?.cursor ?? listing.cursor };
    };
    try {
      for await (const batch of listing.batches()) {
        throwIfAborted(signal);
        await paced(begun + (started * 1000) / rate, signal);
        started += batch.entries.length;
        const done = again(() => this.#batch(batch, listing));
        // It is waited for in its turn.
        done.catch(() => {});
        underWay.push({ done, cursor: batch.cursor });
        if (underWay.length >= most) yield await next();
      }
      while (underWay.length > 0) yield await next();
    } finally {
      await Promise.allSettled(underWay.map(({ done }) => done));
    }
  }

  /** A cursor of another rotation, or of a part, would leave entries out. */
  #binding(): string {
    const { sealers, coverage, options } = this.#parts;
    return JSON.stringify([sealers.map(({ keyring }) => keyring.currentFingerprint), coverage.names, options.pattern]);
  }

  async #count(): Promise<number> {
    const { backend, coverage, options } = this.#parts;
    let entries = 0;
    const listing = new Listing(backend.keys, coverage, 1000, '', undefined, options.signal);
    for await (const batch of listing.batches()) {
      throwIfAborted(options.signal);
      entries += batch.entries.length;
    }
    return entries;
  }

  async #batch({ entries }: Batch, listing: Listing): Promise<void> {
    const { backend, options } = this.#parts;
    const known = entries.filter(({ owner }) => owner.unnamed === undefined);
    const cacheKeys = known.map(({ cacheKey }) => cacheKey);
    // Stores that answer without waiting would hold the event loop from one batch to the next.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const found = await (backend.getMany?.(cacheKeys) ?? Promise.all(cacheKeys.map((name) => backend.get(name))));
    // Before anything is awaited: what a user's backend returned may be detached or changed later.
    const own = known.map((_, i) => ownBytes(found[i]));
    const bytes = own.reduce((sum, one) => sum + (one?.length ?? 0), 0);
    const average = bytes / Math.max(1, known.length);
    listing.size = Math.max(1, Math.min(BATCH, options.concurrency, Math.floor(BATCH_BYTES / Math.max(1, average))));
    const counts = await Promise.all(known.map((listed, i) => this.#one(listed, own[i])));
    // Last, so that a batch that is done again counts once.
    for (const { owner } of entries) if (owner.unnamed !== undefined) this.tally.unnamed(owner.unnamed);
    for (const count of counts) count?.();
  }

  /** What is to be counted; undefined: nothing was there. @param changes how often others have stored something meanwhile. */
  async #one(listed: Listed, bytes: Buffer | undefined, changes = 0): Promise<(() => void) | undefined> {
    if (bytes === undefined) return undefined;
    const { cacheKey, owner } = listed;
    const { sealers, options } = this.#parts;
    let notHeld: string | undefined;
    for (const { codec, keyring, tenants } of sealers) {
      for (const tenantId of owner.tenantId === undefined ? tenants : [owner.tenantId]) {
        let rewrapped: Rewrapped;
        try {
          rewrapped = await codec.rewrap(bytes, { cacheKey, tenantId }, options.dryRun);
        } catch (error) {
          if (!UNOPENED.some((code) => hasCode(error, code))) throw error;
          if (hasCode(error, 'ERR_UNKNOWN_KEY')) notHeld = error.fingerprint;
          continue;
        }
        return this.#opened(listed, bytes, rewrapped, keyring.currentFingerprint, changes);
      }
    }
    return owner.certain ? () => this.tally.unopened(notHeld) : undefined;
  }

  /** Stores what was sealed anew. @param current of the keyring that opened it. */
  async #opened(
    listed: Listed,
    bytes: Buffer,
    { fingerprint, sealed }: Rewrapped,
    current: string,
    changes: number,
  ): Promise<(() => void) | undefined> {
    const { tally } = this;
    const { backend } = this.#parts;
    const { cacheKey } = listed;
    const done = sealed && (await replaceEntry(backend, cacheKey, bytes, sealed));
    if (done === 'changed') {
      // By a process that still seals with a previous key, perhaps.
      const now = changes < MOST_CHANGES ? ownBytes(await backend.get(cacheKey)) : undefined;
      return now === undefined ? () => tally.count('changed') : this.#one(listed, now, changes + 1);
    }
    if (done === 'replaced') return () => tally.needs(current, 'rewrapped');
    if (changes > 0 && fingerprint === current) return () => tally.count('changed');
    return () => tally.needs(fingerprint, fingerprint === current ? 'current' : 'left');
  }
}

function ownBytes(entry: BackendEntry | undefined | null): Buffer | undefined {
  return entry ? copyOf(entry.bytes) : undefined;
}

/** Waits until this time of `elapsed()`, or until the signal fires. */
async function paced(at: number, signal: AbortSignal | undefined): Promise<void> {
  for (let left = at - elapsed(); left > 0; left = at - elapsed()) {
    await pause(Math.min(left, 100));
    throwIfAborted(signal);
  }
}

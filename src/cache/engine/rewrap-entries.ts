import type { Backend, BackendEntry } from '../../backends/backend.js';
import type { ValueCodec } from '../../codec/value-codec.js';
import { BackendError, isCacheKitError } from '../../errors.js';
import { assertCacheKey, copyOf } from '../../util/bytes.js';
import { throwIfAborted } from '../../util/realms.js';

/** What has become of the entries so far. */
export interface RewrapReport {
  /** Entries looked at. */
  seen: number;
  /** Of those, sealed again with the current key. */
  rewrapped: number;
  /** Sealed with the current key already. */
  current: number;
  /** Did not open: of other keys or tenants, or not sealed at all. They were left as they are. */
  unopened: number;
  /** Changed or ended during the work, or without a known end in a store that cannot replace: their writer used a current key. */
  changed: number;
}

export interface RewrapOptions {
  /** Tenants whose entries are sealed again too, besides those of the cache itself. */
  tenants?: readonly string[];
  /** Called after every hundred entries. */
  onProgress?: (report: RewrapReport) => void;
  /** Stops between two entries; what was sealed again stays so. */
  signal?: AbortSignal;
}

const BATCH = 100;

/** Seals entries with the codec's current key, without decoding any. */
export class Rewrapping {
  readonly report: RewrapReport = { seen: 0, rewrapped: 0, current: 0, unopened: 0, changed: 0 };
  readonly #backend: Backend;
  readonly #codec: ValueCodec;
  readonly #options: RewrapOptions;

  constructor(backend: Backend, codec: ValueCodec, options: RewrapOptions) {
    this.#backend = backend;
    this.#codec = codec;
    this.#options = options;
  }

  /** @throws BackendError for a backend that cannot list its entries, what the backend throws, and the signal's reason. */
  async run(prefix: string, tenantId: string | undefined): Promise<void> {
    const { keys } = this.#backend;
    if (keys === undefined) throw new BackendError('This backend cannot list its entries');
    let batch: string[] = [];
    for await (const cacheKey of keys({ prefix })) {
      batch.push(cacheKey);
      if (batch.length < BATCH) continue;
      await this.#batch(batch, tenantId);
      batch = [];
    }
    await this.#batch(batch, tenantId);
  }

  async #batch(cacheKeys: readonly string[], tenantId: string | undefined): Promise<void> {
    if (cacheKeys.length === 0) return;
    const { getMany } = this.#backend;
    const entries = await (getMany?.(cacheKeys) ??
      Promise.all(cacheKeys.map((cacheKey) => this.#backend.get(cacheKey))));
    // Before anything is awaited: what a user's backend returned may be detached or changed later.
    const own = entries.map((entry) => entry && { ...entry, bytes: copyOf(entry.bytes) });
    for (const [i, cacheKey] of cacheKeys.entries()) {
      throwIfAborted(this.#options.signal);
      const entry = own[i];
      if (entry === undefined || entry === null) continue;
      this.report.seen++;
      await this.#one(cacheKey, tenantId, entry);
    }
    this.#options.onProgress?.({ ...this.report });
  }

  async #one(cacheKey: string, tenantId: string | undefined, entry: BackendEntry): Promise<void> {
    // From a backend of the user's, perhaps.
    assertCacheKey(cacheKey);
    let sealed: Buffer | undefined;
    try {
      sealed = await this.#codec.rewrap(entry.bytes, { cacheKey, tenantId });
    } catch (error) {
      if (!isCacheKitError(error)) throw error;
      this.report.unopened++;
      return;
    }
    if (sealed === undefined) this.report.current++;
    else if (await this.#replaced(cacheKey, entry, sealed)) this.report.rewrapped++;
    else this.report.changed++;
  }

  async #replaced(cacheKey: string, { bytes }: BackendEntry, sealed: Buffer): Promise<boolean> {
    const { replace } = this.#backend;
    if (replace !== undefined) return replace(cacheKey, bytes, sealed);
    const now = await this.#backend.get(cacheKey, { ttl: true });
    if (now === undefined || Buffer.compare(now.bytes, bytes) !== 0) return false;
    // A store that neither replaces nor says when an entry ends could only be made to keep it forever.
    if (!now.expiresInMs) return false;
    await this.#backend.set(cacheKey, sealed, { ttlMs: now.expiresInMs });
    return true;
  }
}

import type { BackendEntry } from '../../backends/backend.js';
import type { SealingCodec } from '../../codec/sealing-codec.js';
import { copyOf } from '../../util/bytes.js';
import { elapsed } from '../../util/clock.js';
import type { EntryRef } from './entry-ref.js';
import type { L2 } from './l2.js';
import type { PrivateNames } from './private-keys.js';
import { replaceEntry } from './replace-entry.js';

/** Entries at once; more wait for their next reader. */
const MOST = 64;

/** Seals entries with the current key when they are read: behind the read, and only what a previous key has sealed. */
export class RewrapOnRead {
  readonly #codec: SealingCodec;
  readonly #l2: L2;
  readonly #names: PrivateNames | undefined;
  readonly #underWay = new Set<string>();

  constructor(codec: SealingCodec, l2: L2, names: PrivateNames | undefined) {
    this.#codec = codec;
    this.#l2 = l2;
    this.#names = names;
  }

  /** An entry of the backend was read and opened. */
  readonly read = (ref: EntryRef, { bytes }: BackendEntry): void => {
    const { cacheKey, tenantId } = ref;
    if (this.#codec.isAsWritten(bytes, tenantId)) return;
    if (this.#underWay.size >= MOST || this.#underWay.has(cacheKey)) return;
    this.#underWay.add(cacheKey);
    const own = copyOf(bytes);
    this.#l2.ask(ref, () => this.#replace(ref, own)).finally(() => this.#underWay.delete(cacheKey));
  };

  async #replace(ref: EntryRef, bytes: Buffer): Promise<void> {
    const { sealed } = await this.#codec.rewrap(bytes, ref, false);
    if (sealed === undefined) return;
    const { backend } = this.#l2;
    const name = this.#l2.name(ref);
    const done = await replaceEntry(backend, name, bytes, sealed);
    if (done === 'changed' && this.#names !== undefined) await this.#move(ref, this.#names, name, bytes, sealed);
  }

  /** From its name under a previous key to that under the current one, unless there is an entry by now. */
  async #move(ref: EntryRef, names: PrivateNames, name: string, bytes: Buffer, sealed: Buffer): Promise<void> {
    const { get, setIfUnchanged, isTagged, delete: remove } = this.#l2.backend;
    if (setIfUnchanged === undefined || isTagged === undefined) return;
    for (const older of names.all(ref).slice(1)) {
      const begun = elapsed();
      const found = await get(older, { ttl: true });
      if (found === undefined || Buffer.compare(found.bytes, bytes) !== 0) continue;
      // Names of tags are of a key as well, and only the writer knows the tags themselves.
      if (!found.expiresInMs || (await isTagged(older))) return;
      const options = { ttlMs: found.expiresInMs, found: undefined, sinceMs: elapsed() - begun };
      if (await setIfUnchanged(name, sealed, options)) await remove(older, { ifBytes: bytes });
      return;
    }
  }
}

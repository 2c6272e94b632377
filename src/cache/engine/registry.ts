import type { Backend } from '../../backends/backend.js';
import type { SealingCodec } from '../../codec/sealing-codec.js';
import { BackendError, hasCode } from '../../errors.js';
import { overWithin } from '../../util/deadlines.js';
import { clearTimeout, idle, pause, setTimeout } from '../../util/timers.js';

/** What is stored in the name of a namespace, besides what begins with that name. */
export interface RegisteredNames {
  /** Tenants that calls bring. */
  readonly tenants: ReadonlySet<string>;
  /** Tenants of caches, whose cache keys name none. */
  readonly owners: ReadonlySet<string>;
  /** Of functions that have another one. */
  readonly namespaces: ReadonlySet<string>;
  /** Whether functions have a `key` of their own. */
  readonly ownKeys: boolean;
  /** False: there is an entry that does not open, and what it knows is not known here. */
  readonly whole: boolean;
}

interface Content {
  tenants: string[];
  owners: string[];
  namespaces: string[];
  ownKeys: boolean;
}

export interface RegistryParts {
  readonly backend: Backend;
  /** Seals the entry. */
  readonly codec: SealingCodec<Content>;
  readonly namespace: string;
  readonly onError: ((error: unknown) => void) | undefined;
  /** For so long, what was written is taken to be there still. Default ten minutes. */
  readonly checkMs?: number;
}

/** All caches of a namespace read the entry, whatever tenant they are of. */
const TENANT = 'default';

/** Tenants in an entry; with more of them, those whose ids nobody gives are counted by the hash in their cache keys. */
const MAX_TENANTS = 10_000;
/** For so long, names are gathered before they are written. */
const GATHER_MS = 1_000;
/** A store may evict the entry, or lose it with all others. */
const CHECK_MS = 600_000;
const MAX_OWNERS = 100;
const TRIES = 10;
const FIRST_PAUSE_MS = 20;
const MOST_PAUSE_MS = 500;

/**
 * One sealed entry of a namespace that tells what else belongs to it, so that a key can be replaced whose values are not
 * found by the namespace alone. It is written behind the values: when a process ends before, the next one that stores for the
 * tenant does it.
 */
export class Registry {
  /** The tenant of which `stored` has nothing to do; null: whoever comes first. */
  last: string | undefined | null = null;
  readonly #parts: RegistryParts;
  /** What the entry is stored under. */
  readonly cacheKey: string;
  readonly #tenants = new Set<string>();
  readonly #owners: readonly string[];
  readonly #namespaces = new Set<string>();
  #ownKeys = false;
  #pending: boolean;
  #check: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.cacheKey = `ns:${parts.namespace}:registry`;
    const { tenantId } = parts.codec;
    this.#owners = tenantId === TENANT ? [] : [tenantId];
    this.#pending = this.#owners.length > 0;
  }

  /** A value was stored for a tenant; undefined: the cache's own. */
  stored(tenantId: string | undefined): void {
    this.last = tenantId;
    if (tenantId !== undefined && !this.#tenants.has(tenantId) && this.#tenants.size < MAX_TENANTS) {
      this.#tenants.add(tenantId);
      this.#pending = true;
    }
    if (this.#pending && this.#writing === undefined && !this.#closed) {
      this.#writing = this.#writeLater();
    }
  }

  /** Functions store what the namespace does not show. It is written with the first value. */
  note({ namespace, ownKey }: { readonly namespace: string | undefined; readonly ownKey: boolean }): void {
    const { namespace: own } = this.#parts;
    const other = namespace !== undefined && namespace !== own && !this.#namespaces.has(namespace);
    if (!other && (!ownKey || this.#ownKeys)) return;
    if (other) this.#namespaces.add(namespace);
    this.#ownKeys ||= ownKey;
    this.#pending = true;
    this.last = null;
  }

  /** What this process and all others know. @throws what the backend throws. */
  async names(): Promise<RegisteredNames> {
    const read = await this.#readable();
    return { ...this.#merged(read?.content), whole: read === undefined || read.content !== undefined };
  }

  /** Writes what is pending, and the entry with the current key, unless it is of a key that is not held. @throws what the backend throws. */
  async seal(): Promise<void> {
    if (isSealedElsewhere(await this.#readable())) return;
    await this.#writeInTurn(true, pause);
  }

  /** The master key that the entry needs, by its fingerprint; undefined: there is none. @throws what the backend throws. */
  async neededKey(): Promise<string | undefined> {
    return (await this.#readable())?.fingerprint;
  }

  /** Writes what is pending, if that takes no longer than a second. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#check);
    if (this.#pending || this.#flushing !== undefined) await overWithin(GATHER_MS, this.#flush(), true);
  }

  async #writeLater(): Promise<void> {
    await idle(GATHER_MS);
    if (!this.#closed && this.#pending) await this.#flush();
    this.#writing = undefined;
    // What came during the write.
    if (this.#pending) this.last = null;
  }

  /** One behind the other. */
  async #flush(): Promise<void> {
    await this.#flushing;
    this.#flushing = this.#pending ? this.#flushOnce() : undefined;
    await this.#flushing;
    this.#flushing = undefined;
  }

  async #flushOnce(): Promise<void> {
    this.#pending = false;
    try {
      await this.#writeInTurn(false, idle);
      if (!this.#closed) this.#checkLater();
    } catch (error) {
      this.#again();
      this.#parts.onError?.(error);
    }
  }

  #checkLater(): void {
    clearTimeout(this.#check);
    this.#check = setTimeout(() => this.#again(), this.#parts.checkMs ?? CHECK_MS).unref();
  }

  /** The next value that is stored has it written. */
  #again(): void {
    this.#pending = true;
    this.last = null;
  }

  /** @throws what the backend throws, BackendError when other processes have written at the same time again and again. */
  async #writeInTurn(always: boolean, wait: (ms: number) => Promise<void>): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (await this.#write(always)) return;
      await wait(Math.random() * Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt));
    }
    throw new BackendError('Other processes have written the registry at the same time', { transient: true });
  }

  /** @returns false when another process has written at the same time. */
  async #write(always: boolean): Promise<boolean> {
    const { backend, codec } = this.#parts;
    const read = await this.#read();
    const names = this.#merged(read?.content);
    const { ownKeys } = names;
    const [tenants, owners, namespaces] = [[...names.tenants], [...names.owners], [...names.namespaces]];
    const content = { tenants, owners, namespaces, ownKeys };
    if (sizeOf(content) === 0) return true;
    if (!always && read?.content !== undefined && sizeOf(read.content) === sizeOf(content)) return true;
    const cacheKey = this.cacheKey;
    const sealed = await codec.serialize(content, { cacheKey, tenantId: TENANT });
    if (read === undefined) {
      if (backend.setIfUnchanged !== undefined) {
        return backend.setIfUnchanged(cacheKey, sealed, { sinceMs: 0, found: undefined });
      }
    } else if (backend.replace !== undefined) {
      return backend.replace(cacheKey, read.bytes, sealed);
    }
    await backend.set(cacheKey, sealed);
    return true;
  }

  async #read(): Promise<{ bytes: Uint8Array; content?: Content; fingerprint?: string } | undefined> {
    const { backend, codec } = this.#parts;
    const cacheKey = this.cacheKey;
    const bytes = (await backend.get(cacheKey))?.bytes;
    if (bytes === undefined) return undefined;
    try {
      const context = { cacheKey, tenantId: TENANT };
      const { fingerprint } = await codec.rewrap(bytes, context, true);
      return { bytes, fingerprint, content: contentOf(await codec.deserialize(bytes, context)) };
    } catch (error) {
      // Of a process that has a newer key: what it knows is not to be lost.
      if (hasCode(error, 'ERR_UNKNOWN_KEY') || hasCode(error, 'ERR_KEY')) throw error;
      return { bytes };
    }
  }

  /** As `#read`, without a content where a key that is not held has sealed it. */
  async #readable(): Promise<{ bytes?: Uint8Array; content?: Content; fingerprint?: string } | undefined> {
    try {
      return await this.#read();
    } catch (error) {
      if (hasCode(error, 'ERR_UNKNOWN_KEY')) return {};
      throw error;
    }
  }

  #merged(content: Content | undefined): Omit<RegisteredNames, 'whole'> {
    return {
      tenants: new Set([...(content?.tenants ?? []), ...this.#tenants].slice(0, MAX_TENANTS)),
      owners: new Set([...(content?.owners ?? []), ...this.#owners].slice(0, MAX_OWNERS)),
      namespaces: new Set([...(content?.namespaces ?? []), ...this.#namespaces]),
      ownKeys: this.#ownKeys || (content?.ownKeys ?? false),
    };
  }
}

function sizeOf({ tenants, owners, namespaces, ownKeys }: Content): number {
  return 2 * (tenants.length + owners.length + namespaces.length) + Number(ownKeys);
}

function contentOf(value: unknown): Content {
  const { tenants, owners, namespaces, ownKeys } = (value ?? {}) as Partial<Content>;
  const texts = (list: unknown) => (Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []);
  return { tenants: texts(tenants), owners: texts(owners), namespaces: texts(namespaces), ownKeys: ownKeys === true };
}

function isSealedElsewhere(read: { bytes?: Uint8Array } | undefined): boolean {
  return read !== undefined && read.bytes === undefined;
}

import type { Backend } from '../../backends/backend.js';
import type { SealingCodec } from '../../codec/sealing-codec.js';
import { hasCode } from '../../errors.js';
import { overWithin } from '../../util/deadlines.js';
import { setTimeout } from '../../util/timers.js';

/** What is stored in the name of a namespace, besides what begins with that name. */
export interface RegisteredNames {
  /** Tenants that calls bring. */
  readonly tenants: ReadonlySet<string>;
  /** Of functions that have another one. */
  readonly namespaces: ReadonlySet<string>;
  /** Whether functions have a `key` of their own. */
  readonly ownKeys: boolean;
}

interface Content {
  tenants: string[];
  namespaces: string[];
  ownKeys: boolean;
}

export interface RegistryParts {
  readonly backend: Backend;
  /** Seals the entry. */
  readonly codec: SealingCodec<Content>;
  readonly namespace: string;
  /** The cache's own, which needs no registering. */
  readonly tenantId: string | undefined;
  readonly onError: ((error: unknown) => void) | undefined;
}

/** Tenants in an entry; with more of them, those whose ids nobody gives are counted by the hash in their cache keys. */
const MAX_TENANTS = 10_000;
/** For so long, names are gathered before they are written. */
const GATHER_MS = 1_000;
const TRIES = 5;

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
  readonly #namespaces = new Set<string>();
  #ownKeys = false;
  #pending = false;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.cacheKey = `ns:${parts.namespace}:registry`;
  }

  /** A value was stored for a tenant; undefined: the cache's own. */
  stored(tenantId: string | undefined): void {
    this.last = tenantId;
    const own = tenantId === undefined || tenantId === this.#parts.tenantId;
    if (!own && !this.#tenants.has(tenantId) && this.#tenants.size < MAX_TENANTS) {
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
    return this.#merged((await this.#read())?.content);
  }

  /** Writes what is pending, and the entry with the current key. @throws what the backend throws. */
  async seal(): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) if (await this.#write(true)) return;
  }

  /** The master key that the entry needs, by its fingerprint; undefined: there is none. @throws what the backend throws. */
  async neededKey(): Promise<string | undefined> {
    return (await this.#read())?.fingerprint;
  }

  /** Writes what is pending, if that takes no longer than a second. */
  async close(): Promise<void> {
    this.#closed = true;
    const writing = this.#pending ? this.#flush() : undefined;
    if (writing !== undefined) await overWithin(GATHER_MS, writing, true);
  }

  async #writeLater(): Promise<void> {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, GATHER_MS).unref();
    });
    await this.#flush();
    this.#writing = undefined;
  }

  async #flush(): Promise<void> {
    this.#pending = false;
    try {
      for (let attempt = 0; attempt < TRIES; attempt++) if (await this.#write(false)) return;
    } catch (error) {
      // The next value for a new tenant tries again.
      this.#pending = true;
      this.#parts.onError?.(error);
    }
  }

  /** @returns false when another process has written at the same time. */
  async #write(always: boolean): Promise<boolean> {
    const { backend, codec } = this.#parts;
    const read = await this.#read();
    const names = this.#merged(read?.content);
    const content = { tenants: [...names.tenants], namespaces: [...names.namespaces], ownKeys: names.ownKeys };
    if (content.tenants.length + content.namespaces.length === 0 && !content.ownKeys) return true;
    if (!always && read?.content !== undefined && sizeOf(read.content) === sizeOf(content)) return true;
    const cacheKey = this.cacheKey;
    const sealed = await codec.serialize(content, { cacheKey });
    if (read === undefined) {
      const { setIfUnchanged } = backend;
      if (setIfUnchanged !== undefined) return setIfUnchanged(cacheKey, sealed, { sinceMs: 0, found: undefined });
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
      const { fingerprint } = await codec.rewrap(bytes, { cacheKey }, true);
      return { bytes, fingerprint, content: contentOf(await codec.deserialize(bytes, { cacheKey })) };
    } catch (error) {
      // Of a process that has a newer key: what it knows is not to be lost.
      if (hasCode(error, 'ERR_UNKNOWN_KEY') || hasCode(error, 'ERR_KEY')) throw error;
      return { bytes };
    }
  }

  #merged(content: Content | undefined): RegisteredNames {
    return {
      tenants: new Set([...(content?.tenants ?? []), ...this.#tenants].slice(0, MAX_TENANTS)),
      namespaces: new Set([...(content?.namespaces ?? []), ...this.#namespaces]),
      ownKeys: this.#ownKeys || (content?.ownKeys ?? false),
    };
  }
}

function sizeOf({ tenants, namespaces, ownKeys }: Content): number {
  return 2 * (tenants.length + namespaces.length) + Number(ownKeys);
}

function contentOf(value: unknown): Content {
  const { tenants, namespaces, ownKeys } = (value ?? {}) as Partial<Content>;
  const texts = (list: unknown) => (Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []);
  return { tenants: texts(tenants), namespaces: texts(namespaces), ownKeys: ownKeys === true };
}

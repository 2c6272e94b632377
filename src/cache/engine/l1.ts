import type { NativeAccess, ValueCodec } from '../../codec/value-codec.js';
import { ValueTooLargeError } from '../../errors.js';
import { type NativeL1, type NativeL1Site, native } from '../../native/addon.js';
import { encodeTags, keysOf, NO_TAGS, UNKNOWN_TAGS } from '../../native/l1.js';
import { guarded, NATIVE_CODE, nativeError } from '../../native/result.js';
import type { SharedBytes } from '../../protocol/interop-args.js';
import { CacheKeyBuffer } from '../../util/cache-key-bytes.js';
import { now } from '../../util/clock.js';
import type { CallSite } from './entry-ref.js';
import {
  copyMs,
  type EntryIdentity,
  type EntryTags,
  type EntryTimes,
  type FirstTier,
  type L1Entry,
  type L1Settings,
  MISS,
} from './first-tier.js';

/** Tenants, and tenants of a function, whose sites are kept; others are made again. */
const MAX_SITES = 1_000;
const OWN_TENANT = new Uint8Array(0);

interface Site extends CallSite {
  readonly native: NativeL1Site;
  readonly access: NativeAccess;
}

const keys = new CacheKeyBuffer();
const NOWHERE = new Uint8Array(0);
const expires = new Uint8Array(8);

/** The first tier as it is stored: in native memory, which the garbage collector does not see. */
export class L1 implements FirstTier {
  readonly maxBytes: number;
  readonly #native: NativeL1;
  readonly #handle: number;
  readonly #codec: ValueCodec;
  readonly #settings: L1Settings;
  #graceMs: number;
  readonly #named = new Sites((tenantId) => this.#site(tenantId, undefined));
  #copyMs: number;
  /** Whether entries may have been kept by the arguments of calls. */
  #ofCalls = false;
  #closed = false;

  constructor(maxBytes: number, codec: ValueCodec, settings: L1Settings) {
    this.maxBytes = maxBytes;
    this.#codec = codec;
    this.#settings = settings;
    this.#copyMs = settings.ttlMs;
    this.#graceMs = settings.graceMs;
    this.#native = guarded(() => new native.L1(maxBytes));
    this.#handle = this.#native.handle;
  }

  set tracked(tracked: boolean) {
    this.#copyMs = copyMs(this.#settings.ttlMs, tracked);
  }

  /** The sites of a function's calls, by tenant. @param name what its cache keys have before and after the digest. */
  callSites(name: (tenantId: string | undefined) => readonly [before: string, after: string]): Sites {
    this.#ofCalls = true;
    return new Sites((tenantId) => this.#site(tenantId, name(tenantId)));
  }

  hit(cacheKey: string, tenantId: string | undefined): unknown {
    const site = this.#named.of(tenantId);
    const length = keys.write(cacheKey);
    return this.#open(site, keys.bytes, length);
  }

  /** As {@link hit}, of a call. A value that throws while it is decoded is none: user code may have run. */
  hitCall(site: CallSite, { buffer, length }: SharedBytes): unknown {
    return this.#open(site as Site, buffer, length);
  }

  #open({ id, access }: Site, identity: Uint8Array, length: number): unknown {
    const { out, outOffset } = access;
    const opened = native.l1Hit(this.#handle, id, identity, length, out, outOffset, access.handle(), now());
    return opened < 0 ? MISS : access.opened(opened);
  }

  get(cacheKey: string, tenantId: string | undefined): L1Entry | undefined {
    return this.#read(cacheKey, tenantId, 0);
  }

  withinGrace(cacheKey: string, tenantId: string | undefined, graceMs: number): L1Entry | undefined {
    return this.#read(cacheKey, tenantId, graceMs);
  }

  keepFor(graceMs: number): void {
    this.#graceMs = graceMs;
  }

  #read(cacheKey: string, tenantId: string | undefined, graceMs: number): L1Entry | undefined {
    if (this.#closed || (graceMs === 0 && !this.#ofCalls && !this.#isFresh(cacheKey, tenantId))) return undefined;
    const entry = guarded(() =>
      this.#native.read(tenantBytes(tenantId), Buffer.from(cacheKey), now(), graceMs, this.#graceMs),
    );
    return entry === null ? undefined : { bytes: entry.bytes, value: undefined, expiresAt: entry.expires };
  }

  /** Whether there is one that was kept by its cache key: a fifth of what `read` takes to say no. */
  #isFresh(cacheKey: string, tenantId: string | undefined): boolean {
    const site = this.#namedOf(tenantId);
    // What is there can still be counted and deleted.
    if (site === undefined) return true;
    const length = keys.write(cacheKey);
    return native.l1Copy(this.#handle, site.id, keys.bytes, length, NOWHERE, expires, now()) !== NATIVE_CODE.MISSING;
  }

  keep(ref: EntryIdentity, bytes: Uint8Array, _value: unknown, about: EntryTimes & EntryTags): boolean {
    if (this.#closed) return false;
    const { tags, validity, expiresAt } = about;
    if (validity?.ended) {
      this.forget(ref.cacheKey);
      return true;
    }
    const until = Math.min(about.until, now() + this.#copyMs);
    const { call } = ref;
    const site = (call?.site as Site | undefined) ?? this.#namedOf(ref.tenantId);
    if (site === undefined) return false;
    const { id, access } = site;
    const offset = access.offsetOf(bytes);
    const written = tags === undefined ? UNKNOWN_TAGS : tags.length === 0 ? NO_TAGS : encodeTags(tags);
    const length = call === undefined ? keys.write(ref.cacheKey) : call.args.length;
    const identity = call === undefined ? keys.bytes : call.args;
    return native.l1Put(this.#handle, id, identity, length, bytes, offset, until, expiresAt, written) >= 0;
  }

  /**
   * Where L1 is the store: what seals and keeps a value in one call, as long as nothing else is serialized; or its payload, where
   * that takes more.
   */
  direct(ref: EntryIdentity, value: unknown): DirectWrite | Uint8Array {
    const site = (ref.call?.site as Site | undefined) ?? this.#named.of(ref.tenantId);
    const payload = site.access.payload(value);
    if (this.#closed || !site.access.canSeal(payload)) return payload;
    return (until, tags) => this.#seal(site, ref, payload, until, encodeTags(tags));
  }

  /** @throws ValueTooLargeError for an entry that does not fit; what the codec throws. */
  #seal({ id, access }: Site, ref: EntryIdentity, payload: Uint8Array, until: number, tags: Uint8Array): void {
    const { call, cacheKey } = ref;
    const length = call === undefined ? keys.write(cacheKey) : call.args.length;
    const identity = call === undefined ? keys.bytes : call.args;
    const seal = () =>
      native.l1Seal(this.#handle, id, identity, length, payload, access.handle(), access.prefix(), until, tags);
    let sealed = seal();
    if (sealed === NATIVE_CODE.NONCE_EXHAUSTED) {
      access.renew();
      sealed = seal();
    }
    if (sealed === NATIVE_CODE.MISSING) throw new ValueTooLargeError('The entry does not fit into l1.maxBytes');
    if (sealed < 0) throw nativeError(sealed);
    access.sealed();
  }

  expire({ cacheKey, tenantId, ttlMs }: { cacheKey: string; tenantId: string | undefined; ttlMs: number }): boolean {
    const at = now();
    return guarded(() => this.#native.expire(tenantBytes(tenantId), Buffer.from(cacheKey), at + ttlMs, at));
  }

  delete(cacheKey: string, tenantId: string | undefined): boolean {
    if (this.#closed) return false;
    return guarded(() => this.#native.remove(tenantBytes(tenantId), Buffer.from(cacheKey), now()));
  }

  forget(cacheKey: string): void {
    guarded(() => this.#native.forget(Buffer.from(cacheKey)));
  }

  invalidateTags(tags: readonly string[], of: { readonly tenantId: string | undefined } | undefined): number {
    return guarded(() => {
      this.#native.endUnknown(of && tenantBytes(of.tenantId));
      return this.#native.invalidateTags(tags, now() - this.#graceMs);
    });
  }

  keys(tenantId: string | undefined, prefix: string): Iterable<string> {
    return keysOf(this.#native, tenantBytes(tenantId), prefix, now);
  }

  clear(): void {
    guarded(() => this.#native.clear());
  }

  close(): void {
    this.#closed = true;
    guarded(() => this.#native.close());
  }

  get usage(): { l1Entries: number; l1Bytes: number } {
    const [l1Entries, l1Bytes] = guarded(() => this.#native.usage());
    return { l1Entries, l1Bytes };
  }

  /** undefined: the keys were destroyed. */
  #namedOf(tenantId: string | undefined): Site | undefined {
    try {
      return this.#named.of(tenantId);
    } catch {
      return undefined;
    }
  }

  #site(tenantId: string | undefined, name: readonly [before: string, after: string] | undefined): Site {
    const access = this.#codec.native(tenantId);
    const { aad, format, mode } = access;
    const around: [Uint8Array, Uint8Array] | undefined = name && [Buffer.from(name[0]), Buffer.from(name[1])];
    const site = guarded(() => this.#native.site(tenantBytes(tenantId), around, aad[0], aad[1], format, mode));
    return { id: site.id, native: site, access };
  }
}

/** Seals and keeps the payload. @throws ValueTooLargeError, what the codec throws. */
export type DirectWrite = (until: number, tags: readonly string[]) => void;

/** A site for each tenant. */
export class Sites {
  readonly #make: (tenantId: string | undefined) => Site;
  readonly #ofTenants = new Map<string, Site>();
  #own: Site | undefined;

  constructor(make: (tenantId: string | undefined) => Site) {
    this.#make = make;
  }

  of(tenantId: string | undefined): Site {
    if (tenantId === undefined) {
      this.#own ??= this.#make(undefined);
      return this.#own;
    }
    let site = this.#ofTenants.get(tenantId);
    if (site === undefined) {
      site = this.#make(tenantId);
      const { value: oldest } = this.#ofTenants.keys().next();
      if (this.#ofTenants.size >= MAX_SITES && oldest !== undefined) this.#ofTenants.delete(oldest);
      this.#ofTenants.set(tenantId, site);
    }
    return site;
  }
}

/** The codec's own tenant has no name here. */
function tenantBytes(tenantId: string | undefined): Uint8Array {
  return tenantId === undefined ? OWN_TENANT : Buffer.from(tenantId);
}

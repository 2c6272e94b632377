import { loadAddon } from './load-addon.js';
import type { NativeResult } from './result.js';

/** A value's container, in bits 0–1 of `mode`. */
export const CONTAINER = { none: 0, envelope: 1, checksum: 2, 'interop-v2': 3 } as const;
/** Write without compression: literals-only LZ4 in an envelope. */
export const MODE_LITERALS = 1 << 2;
/** On opening, check the payload as untrusted MessagePack (docs/protocol.md, "Decode bounds"). */
export const MODE_CHECK_MSGPACK = 1 << 3;
/** On sealing without an envelope: the payload stands in the output and is overwritten. A failure but `Panic` leaves it as it was. */
export const MODE_IN_PLACE = 1 << 4;
/** Bits of a handle: the output or the inputs are known to be valid. Otherwise the addon checks, and may answer `NEEDS_VALIDATION`. */
export const TRUSTED_OUT = 1;
export const TRUSTED_INPUTS = 2;
export const TRUSTED = TRUSTED_OUT | TRUSTED_INPUTS;
/** Bits 8–15: length of the envelope's format string, whose bytes follow the AAD in the scratch buffer. */
export const MODE_FORMAT_SHIFT = 8;

/** What a private name is of. */
export const NAME_KIND = { entry: 0, tag: 1 } as const;

/** One tenant's key with its nonce sequence, for as long as this object is held. */
export interface NativeSealer {
  /** What the functions below know it by. */
  readonly handle: number;
}

/** One function serves all sealers: V8 calls a function the slow way where it has seen several. All memory is the caller's. */
export interface NativeSealerFunctions {
  sealInto(handle: number, out: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): NativeResult;
  openInto(handle: number, out: Uint8Array, sealed: Uint8Array, aad: Uint8Array): NativeResult;
  sealInPlace(handle: number, buffer: Uint8Array, plaintextLen: number, aad: Uint8Array): NativeResult;
  openInPlace(handle: number, buffer: Uint8Array, aad: Uint8Array): NativeResult;
  /** Seals with a container. `aad` is read up to `aadLen`; every array is this package's own. */
  sealValue(
    handle: number,
    out: Uint8Array,
    outOffset: number,
    payload: Uint8Array,
    aad: Uint8Array,
    aadLen: number,
    mode: number,
  ): NativeResult;
  /** Opens with a container. Only `sealed` may be an untrusted array. What surrounds the payload in `out` is lent. */
  openValue(
    handle: number,
    out: Uint8Array,
    outOffset: number,
    sealed: Uint8Array,
    sealedOffset: number,
    aad: Uint8Array,
    aadLen: number,
    mode: number,
  ): NativeResult;
  /** Fills `out` with what the last `openValue` opened, if it was this sealer's and answered `NEEDS - n`. */
  takeOpened(handle: number, out: Uint8Array, outOffset: number): NativeResult;
  /** `text` and `table`: src-rs/binding/batch.rs. An item lies in one of `payloads`; sealed ones lie one behind the other in `out`. */
  sealMany(
    handle: number,
    out: Uint8Array,
    payloads: Uint8Array[],
    text: Uint8Array,
    table: Int32Array,
    count: number,
    mode: number,
  ): NativeResult;
  /** As `sealMany`. */
  openMany(
    handle: number,
    out: Uint8Array,
    sealed: Uint8Array[],
    text: Uint8Array,
    table: Int32Array,
    count: number,
    mode: number,
  ): NativeResult;
  /** Cancelled if the first byte of `fired`, written by `Atomics.store`, is not 0 when the work starts; early failures are answered at once. */
  sealAsync(
    handle: number,
    out: Uint8Array,
    outOffset: number,
    plaintext: Uint8Array,
    aad: Uint8Array,
    aadLen: number,
    mode: number,
    fired?: Uint8Array,
  ): Promise<NativeResult> | NativeResult;
  openAsync(
    handle: number,
    out: Uint8Array,
    outOffset: number,
    sealed: Uint8Array,
    sealedOffset: number,
    aad: Uint8Array,
    aadLen: number,
    mode: number,
    fired?: Uint8Array,
  ): Promise<NativeResult | NativeOpened> | NativeResult;
  fingerprint(handle: number, out: Uint8Array): NativeResult;
  /** 64 hex digits for `text[0..textLen]`, UTF-8, after `deriveNameKey`; `kind` is one of `NAME_KIND`. */
  privateName(handle: number, text: Uint8Array, textLen: number, kind: number): string | NativeResult;
  /** Wipes the keys; async work under way finishes. */
  destroy(handle: number): void;
}

/** What entries of a first tier have in common; given up with this object. */
export interface NativeL1Site {
  readonly id: number;
}

/** A first tier of entries in native memory. Of times only differences mean something; what fails throws, with a code. */
export interface NativeL1 {
  readonly handle: number;
  /**
   * @param tenant empty: the codec's own.
   * @param name before and after the digest of arguments in the cache keys of a function; undefined: any cache keys.
   * @param aadPrefix what the AAD has before the length of the cache key; empty without encryption.
   */
  site(
    tenant: Uint8Array,
    name: [Uint8Array, Uint8Array] | undefined,
    aadPrefix: Uint8Array,
    aadSuffix: Uint8Array,
    format: Uint8Array,
    mode: number,
  ): NativeL1Site;
  /** A copy of the entry of a cache key, for `graceMs` longer than it is fresh; one that is met after `keptMs` is removed. */
  read(
    tenant: Uint8Array,
    cacheKey: Uint8Array,
    now: number,
    graceMs: number,
    keptMs: number,
  ): { bytes: Buffer; until: number; expires: number } | null;
  /** Whether there was a fresh entry of the tenant. */
  remove(tenant: Uint8Array, cacheKey: Uint8Array, now: number): boolean;
  /** Of whatever tenant. */
  forget(cacheKey: Uint8Array): void;
  expire(tenant: Uint8Array, cacheKey: Uint8Array, until: number, now: number): boolean;
  /** Other bytes for a fresh entry that has `ifBytes`: 1; 0: it has not; -1: they do not fit, and it is as it was. */
  replace(tenant: Uint8Array, cacheKey: Uint8Array, ifBytes: Uint8Array, bytes: Uint8Array, now: number): 1 | 0 | -1;
  /** @returns how many of them were fresh. */
  invalidateTags(tags: readonly string[], now: number): number;
  /** The cache keys of the entries with one of the tags. */
  keysTagged(tags: readonly string[]): string[];
  /** Entries whose tags are not known end, of a tenant or of all. */
  endUnknown(tenant: Uint8Array | undefined): void;
  /** The cache keys of fresh entries, in steps. */
  keys(tenant: Uint8Array): { next(limit: number, now: number): string[] | null };
  /** Number of entries, and their bytes. */
  usage(): [number, number];
  clear(): void;
  /** Gives the memory back. */
  close(): void;
}

/** The frequent calls of first tiers. An identity is a cache key, or the arguments of the site's function; `MISSING` and `NOT_HERE` are answers. */
export interface NativeL1Functions {
  /** Opens the fresh entry of an identity to `out`: the payload's length. `sealer` is a handle, of no meaning without encryption. */
  l1Hit(
    tier: number,
    site: number,
    identity: Uint8Array,
    identityLen: number,
    out: Uint8Array,
    outOffset: number,
    sealer: number,
    now: number,
  ): NativeResult;
  /** Copies the fresh entry of an identity as it is stored, and its end to `expires`, the bytes of one number. */
  l1Copy(
    tier: number,
    site: number,
    identity: Uint8Array,
    identityLen: number,
    out: Uint8Array,
    expires: Uint8Array,
    now: number,
  ): NativeResult;
  /** Keeps an entry in the place of one of the same cache key. `tags`: each a length, u32 little-endian, and UTF-8; a single byte: not known. */
  l1Put(
    tier: number,
    site: number,
    identity: Uint8Array,
    identityLen: number,
    stored: Uint8Array,
    offset: number,
    until: number,
    expires: number,
    tags: Uint8Array,
  ): NativeResult;
  /** Seals a payload behind `prefix` and keeps it, as `l1Put`. */
  l1Seal(
    tier: number,
    site: number,
    identity: Uint8Array,
    identityLen: number,
    payload: Uint8Array,
    sealer: number,
    prefix: Uint8Array,
    until: number,
    tags: Uint8Array,
  ): NativeResult;
}

/** An opened container whose payload waits, in native memory, for an output of `length` bytes. */
export interface NativeOpened {
  readonly length: number;
  take(out: Uint8Array, outOffset: number): Promise<NativeResult> | NativeResult;
}

export interface NativeSequence {
  readonly instanceId: bigint;
  /** Seals done, 0 … 2^32. */
  readonly used: number;
}

export interface NativeMasterKey {
  fingerprint(out: Uint8Array): NativeResult;
  sealer(tenantId: Uint8Array, sequence: NativeSequence): NativeSealer;
  /** Derives what `privateName` needs into the sealer of this handle, which must be this key's and tenant's. */
  deriveNameKey(handle: number, tenantId: Uint8Array): void;
  /** Wipes the keys of all sealers made of this one. */
  destroySealers(): void;
  destroy(): void;
}

/** A lock between processes, and between the threads of one, that ends with its holder. What fails throws, with a code as `EACCES`. */
export interface NativeFileLock {
  /** Never waits: 1 locked, 0 held by another, -1 the file was removed, and others may lock a new one. */
  tryLock(exclusive: boolean): 1 | 0 | -1;
  /** Waits for the lock, alone, behind those that wait already, without holding the event loop or keeping the process alive. One wait at a time. */
  wait(done: () => void): void;
  /** Ends the wait: as `tryLock`, 0 for one that is not over. */
  endWait(): 1 | 0 | -1;
  isRemoved(): boolean;
  unlock(): void;
  close(): void;
}

export interface NativeAddon extends NativeSealerFunctions, NativeL1Functions {
  L1: new (maxBytes: number) => NativeL1;
  /** Opens the file of a lock, which is made when it is missing and never removed. */
  FileLock: new (
    path: string,
  ) => NativeFileLock;
  MasterKey: new (bytes: Uint8Array) => NativeMasterKey;
  NonceSequence: new (random: boolean) => NativeSequence;
  deriveDomainKey(out: Uint8Array, masterKey: Uint8Array, domain: Uint8Array, tenantSalt: Uint8Array): NativeResult;
  keyFingerprint(out: Uint8Array, key: Uint8Array): NativeResult;
  blake2b256(out: Uint8Array, data: Uint8Array): NativeResult;
  /** Lower-case hex of BLAKE2b over `data[0..len]`; `hashLen` is 16 or 32 bytes. */
  blake2bHex(data: Uint8Array, len: number, hashLen: number): string | NativeResult;
  /** Container without a seal; the format's bytes are `format[0..]`, their length in `mode`. */
  pack(out: Uint8Array, outOffset: number, payload: Uint8Array, format: Uint8Array, mode: number): NativeResult;
  unpack(out: Uint8Array, outOffset: number, packed: Uint8Array, packedOffset: number, mode: number): NativeResult;
  /** An envelope with a format of any length. */
  envelopeStore(out: Uint8Array, data: Uint8Array, format: Uint8Array): NativeResult;
  /** Checks an envelope's structure and limits; writes [original size, offset of the format, its length] in bytes. */
  envelopeInfo(envelope: Uint8Array, info: Uint32Array): NativeResult;
  /** MessagePack structure: one complete document, nesting <= 1,024, no more claimed than the input backs. */
  checkMsgpack(bytes: Uint8Array): NativeResult;
  /** `content` as one LZ4 frame; `OUTPUT_TOO_SMALL` for one that is longer than `out`. */
  lz4FrameCompress(out: Uint8Array, content: Uint8Array): NativeResult;
  /** What one LZ4 frame holds, which fills `out`; `ENVELOPE` for anything else. */
  lz4FrameDecompress(out: Uint8Array, frame: Uint8Array): NativeResult;
  /** 1 if all indices, of `width` bytes (1, 2, 4) and read without a sign, are below `count`, else 0. No shared memory. */
  indicesBelow(indices: Uint8Array, width: number, count: number): NativeResult;
  /** 1 if none of the offsets, of `width` bytes (4, 8), is negative or less than the one before it, else 0. No shared memory. */
  offsetsRise(offsets: Uint8Array, width: number): NativeResult;
  hardware(): string | NativeResult;
  /** `VERSION` of the sources that it was built from. */
  version(): string | NativeResult;
  /** Lets the system map memory that JavaScript is about to write in large pages. Of its own outputs the addon sees to it. */
  askForLargePages(memory: Uint8Array): void;
}

export const native = loadAddon() as NativeAddon;

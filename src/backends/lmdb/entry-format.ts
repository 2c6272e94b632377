import { createHash } from 'node:crypto';

/*
 * An entry in the table `heads`, under its name (below). Numbers are big-endian.
 *
 * offset  length  content
 *      0       1  layout, 1
 *      1       1  flags: 1 = the bytes lie in the table `bodies`, 2 = there is a trailer
 *      2       6  expiry in Unix milliseconds, ff ff ff ff ff ff = none
 *      8       6  when it was given that expiry, in Unix milliseconds
 *     14       4  length of the bytes
 *     18          the bytes, unless they lie in `bodies`
 *                 trailer: JSON, [cache key or null when it is the name, [tags]]
 */
const LAYOUT = 1;
const IN_BODIES = 1;
const HAS_TRAILER = 2;
const EXPIRY_OFFSET = 2;
const WRITTEN_OFFSET = 8;
const LENGTH_OFFSET = 14;
export const HEAD_LEN = 18;

/** An expiry that never comes. Times after it, in the year 10,889, are never as well. */
export const NEVER = 0xffff_ffff_ffff;

/** Larger bytes lie in `bodies`, so that replacing, expiring and evicting an entry need not read them. */
export const MAX_INLINE_LEN = 8 * 1024;

/** How far the clock may be set back before entries count as written in the future. */
const CLOCK_STEP_MS = 60_000;

/** Names are at most so long, so that behind two times they still are a key of LMDB's (1,978 bytes). */
const MAX_NAME_LEN = 1_000;
/** So many UTF-16 units are at most {@link MAX_NAME_LEN} bytes. */
const SURELY_SHORT = 333;
/** UTF-8 has no such byte: a name that begins with it is a hash. */
export const HASHED = 0xff;

export interface Times {
  /** Unix milliseconds or {@link NEVER}. */
  expiry: number;
  written: number;
}

/** What is known of an entry without its bytes. */
export interface Head extends Times {
  inBodies: boolean;
  length: number;
  /** The cache key, where the name is a hash of it. */
  cacheKey: string | undefined;
  tags: readonly string[];
}

/** What an entry's cache key, or a tag, is called in the tables: itself, or its hash when it is long. */
export function nameOf(text: string): string | Buffer {
  if (text.length <= SURELY_SHORT || Buffer.byteLength(text) <= MAX_NAME_LEN) return text;
  return Buffer.concat([Buffer.of(HASHED), createHash('sha256').update(text).digest()]);
}

export function encodeEntry(
  bytes: Uint8Array,
  { expiry, written }: Times,
  cacheKey: string | undefined,
  tags: readonly string[],
): { head: Buffer; body: Uint8Array | undefined } {
  const inBodies = bytes.length > MAX_INLINE_LEN;
  const inline = inBodies ? 0 : bytes.length;
  const hasTrailer = cacheKey !== undefined || tags.length > 0;
  const trailer = hasTrailer ? Buffer.from(JSON.stringify([cacheKey ?? null, tags])) : undefined;
  const head = Buffer.allocUnsafe(HEAD_LEN + inline + (trailer?.length ?? 0));
  head[0] = LAYOUT;
  head[1] = (inBodies ? IN_BODIES : 0) | (hasTrailer ? HAS_TRAILER : 0);
  head.writeUIntBE(expiry, EXPIRY_OFFSET, 6);
  head.writeUIntBE(written, WRITTEN_OFFSET, 6);
  head.writeUInt32BE(bytes.length, LENGTH_OFFSET);
  if (!inBodies) head.set(bytes, HEAD_LEN);
  if (trailer) head.set(trailer, HEAD_LEN + inline);
  return { head, body: inBodies ? bytes : undefined };
}

/** `undefined` for what is not an entry of this layout. Nothing in the answer shares memory with `value`. */
export function decodeHead(value: Buffer): Head | undefined {
  if (!isEntry(value)) return undefined;
  const inBodies = isInBodies(value);
  const length = lengthOf(value);
  const [cacheKey, tags] = trailerOf(value, HEAD_LEN + (inBodies ? 0 : length));
  return { expiry: expiryOf(value), written: writtenOf(value), inBodies, length, cacheKey, tags };
}

export function isEntry(value: Buffer): boolean {
  if (value.length < HEAD_LEN || value[0] !== LAYOUT) return false;
  return isInBodies(value) || value.length >= HEAD_LEN + lengthOf(value);
}

/** Only of what {@link isEntry}, as the functions below. */
export function isInBodies(value: Buffer): boolean {
  return ((value[1] as number) & IN_BODIES) !== 0;
}

export function lengthOf(value: Buffer): number {
  return uint32(value, LENGTH_OFFSET);
}

export function expiryOf(value: Buffer): number {
  return time(value, EXPIRY_OFFSET);
}

export function writtenOf(value: Buffer): number {
  return time(value, WRITTEN_OFFSET);
}

/** Six bytes, which {@link isEntry} has seen: what Buffer's own method checks again costs more than reading them. */
function time(value: Buffer, at: number): number {
  return (((value[at] as number) << 8) | (value[at + 1] as number)) * 2 ** 32 + uint32(value, at + 2);
}

function uint32(value: Buffer, at: number): number {
  const high = ((value[at] as number) << 24) | ((value[at + 1] as number) << 16);
  return (high | ((value[at + 2] as number) << 8) | (value[at + 3] as number)) >>> 0;
}

/**
 * Milliseconds left of an entry: `Infinity` when it never expires, 0 or less when it has expired. Never more than its
 * whole TTL, and none when it was written in the future: then the clock was set back since.
 */
export function remainingMs(expiry: number, written: number, now: number): number {
  if (expiry === NEVER) return Number.POSITIVE_INFINITY;
  if (written > now) return isOfFuture(written, now) ? 0 : expiry - written;
  return expiry - now;
}

/** Whether the clock was set back since by more than what may be a correction. */
export function isOfFuture(written: number, now: number): boolean {
  return written > now + CLOCK_STEP_MS;
}

export function timesFrom(ttlMs: number | undefined, now: number): Times {
  const expiry = ttlMs === undefined ? NEVER : Math.min(now + ttlMs, NEVER);
  return { expiry, written: now };
}

/*
 * A key of the table `order`, in which the entries that expire soonest come first, and those that never do last, the
 * oldest of them first. Big-endian.
 *
 * offset  length  content
 *      0       6  expiry as in the entry
 *      6       6  when it was given as in the entry
 *     12          name
 */
const NAME_OFFSET = 12;

export function encodeOrder({ expiry, written }: Times, name: string | Uint8Array): Buffer {
  const bytes = typeof name === 'string' ? Buffer.from(name) : name;
  const key = Buffer.allocUnsafe(NAME_OFFSET + bytes.length);
  key.writeUIntBE(expiry, 0, 6);
  key.writeUIntBE(written, 6, 6);
  key.set(bytes, NAME_OFFSET);
  return key;
}

export function decodeOrder(key: Buffer): Times & { name: Buffer } {
  return { expiry: key.readUIntBE(0, 6), written: key.readUIntBE(6, 6), name: key.subarray(NAME_OFFSET) };
}

function trailerOf(value: Buffer, offset: number): [cacheKey: string | undefined, tags: readonly string[]] {
  if (((value[1] as number) & HAS_TRAILER) === 0) return [undefined, []];
  try {
    const [cacheKey, tags] = JSON.parse(value.toString('utf8', offset, value.length)) as [unknown, unknown];
    const own = Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
    return [typeof cacheKey === 'string' ? cacheKey : undefined, own];
  } catch {
    return [undefined, []];
  }
}

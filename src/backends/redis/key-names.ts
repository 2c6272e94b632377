const SLOTS = 16_384;
/** CRC-16/XMODEM, which the cluster specification asks for. */
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});
/** Which place of the table has this lower byte: each byte is one of them once. */
const PLACE_OF = new Uint8Array(256);
for (const [place, crc] of CRC_TABLE.entries()) PLACE_OF[crc & 0xff] = place;

const [OPEN, CLOSE] = [0x7b, 0x7d];

/** The slot of a key, by the part in its first `{…}` when there is something in it. */
export function slotOf(key: string): number {
  return slotOfBytes(Buffer.from(key));
}

export function slotOfBytes(bytes: Uint8Array): number {
  const open = bytes.indexOf(OPEN);
  const close = open < 0 ? -1 : bytes.indexOf(CLOSE, open + 1);
  return (close > open + 1 ? crcOf(bytes.subarray(open + 1, close)) : crcOf(bytes)) % SLOTS;
}

/** The name of a key with something behind it that lies in the same slot. `suffix` has no braces. */
export function besideKey(name: Uint8Array, suffix: Uint8Array): Buffer {
  const open = name.indexOf(OPEN);
  const close = open < 0 ? -1 : name.indexOf(CLOSE, open + 1);
  if (close > open + 1) return Buffer.concat([name, suffix]);
  const slot = slotOfBytes(name);
  const longer = Buffer.concat([name, suffix]);
  // A brace that nothing closes would be closed by whatever comes behind it.
  const closed = open >= 0 && close < 0;
  const hashed = crcOf(closed ? longer.subarray(open + 1) : longer);
  for (let crc = slot; crc < 0x10000; crc += SLOTS) {
    const two = bytesBetween(hashed, crc);
    if (!closed) return Buffer.concat([longer, two]);
    if (!two.includes(CLOSE)) return Buffer.concat([longer, two, Uint8Array.of(CLOSE)]);
  }
  throw new Error('Each slot can be reached by two bytes in four ways');
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ (CRC_TABLE[(crc >> 8) ^ byte] ?? 0)) & 0xffff;
  return crc;
}

/** The two bytes that lead from one checksum to another. */
function bytesBetween(from: number, to: number): Uint8Array {
  const last = PLACE_OF[to & 0xff] ?? 0;
  const first = PLACE_OF[((to ^ (CRC_TABLE[last] ?? 0)) >> 8) & 0xff] ?? 0;
  const between = ((from << 8) ^ (CRC_TABLE[first] ?? 0)) & 0xffff;
  return Uint8Array.of(first ^ (from >> 8), last ^ (between >> 8));
}

/*
 * A record or mark is named like its entry or tag with a suffix: it has the owner's prefix, matches the same ACL patterns, and
 * lies in the same slot. 0xFF is in no UTF-8, so that no entry has such a name.
 */
const RECORD = Buffer.from([0xff, ...Buffer.from('tags')]);
const MARK = Buffer.from([0xff, ...Buffer.from('gone')]);
/** The same in scripts for one server. */
export const RECORD_IN_LUA = "'\\255tags'";
export const MARK_IN_LUA = "'\\255gone'";

/** What the servers' names of keys depend on. */
interface Namespace {
  readonly sharded: boolean;
  readonly keyPrefix: string;
}

/** The record of an entry's tags. */
export function recordOf(commands: Namespace, cacheKey: string): Buffer {
  return beside(commands, cacheKey, RECORD);
}

/** The mark that an entry was deleted, or a tag invalidated. */
export function markOf(commands: Namespace, name: string): Buffer {
  return beside(commands, name, MARK);
}

function beside({ sharded, keyPrefix }: Namespace, name: string, suffix: Buffer): Buffer {
  if (!sharded) return Buffer.concat([Buffer.from(name), suffix]);
  const full = Buffer.from(keyPrefix + name);
  return besideKey(full, suffix).subarray(Buffer.byteLength(keyPrefix));
}

import { native } from '../native/addon.js';
import { CHECKSUM_LEN } from '../native/memory.js';
import { allocate } from '../util/bytes.js';
import type { WireProfile } from './wire-profile.js';

type Container = WireProfile['container'];

const NONCE_LEN = 12;
/** Bytes behind a payload that is sealed where it is: the tag's. */
export const TAG_LEN = 16;

/** Memory of this length and more is fresh, as a rule; what JavaScript writes is worth telling the system about. */
const LARGE_LEN = 8 * 1024 * 1024;

/** As `allocate`, for what JavaScript is about to write. */
export function allocateForWriting(length: number): Buffer {
  const memory = allocate(length);
  if (length >= LARGE_LEN) native.askForLargePages(memory);
  return memory;
}

/** Payloads in memory that is owned and has the size of their sealed value. */
const inPlace = new WeakSet<Uint8Array>();

/** Bytes in front of a payload that is sealed where it is: a header or frame of `prefixLen` bytes, the nonce, a checksum. */
export function headroomLen(prefixLen: number, container: Container): number {
  return prefixLen + NONCE_LEN + (container === 'checksum' ? CHECKSUM_LEN : 0);
}

/** The payload in memory that was made for it and its sealed value. */
export function payloadWithin(memory: Uint8Array, headroom: number): Uint8Array {
  const payload = memory.subarray(headroom, memory.length - TAG_LEN);
  inPlace.add(payload);
  return payload;
}

/** The memory around a payload that can be sealed in place, handed out once; undefined for a payload that cannot. */
export function claimInPlaceBuffer(payload: Uint8Array, prefixLen: number, container: Container): Buffer | undefined {
  if (container === 'envelope' || container === 'interop-v2' || !inPlace.delete(payload)) return undefined;
  const { buffer, byteOffset, length } = payload;
  const headroom = headroomLen(prefixLen, container);
  // A result in larger memory would keep all of it alive, uncounted.
  if (byteOffset !== headroom || buffer.byteLength !== headroom + length + TAG_LEN) return undefined;
  return Buffer.from(buffer as ArrayBuffer);
}

import { createHash, randomUUID } from 'node:crypto';
import { fromBase64 } from '../../util/base64.js';
import { machineTime, readBootId } from '../../util/machine-time.js';

/*
 * The `value` of a Keyv entry: base64 of the bytes, and of an entry that ends `@`, the machine's start, `:`, and when it ends by
 * the clock that all processes of the machine share, in whole milliseconds. Keyv's own `expires` goes by the wall clock,
 * which may be set back.
 */

/** Names this start of the machine, or this process where the system has no name for it; hashed, as stores may be public. */
const start = createHash('sha256')
  .update(readBootId() ?? randomUUID())
  .digest('hex')
  .slice(0, 12);

/** @param ttlMs undefined for an entry that does not end. */
export function encodeValue(bytes: Buffer, ttlMs: number | undefined): string {
  const text = bytes.toString('base64');
  return ttlMs === undefined ? text : `${text}@${start}:${Math.ceil(machineTime() + ttlMs)}`;
}

/** The bytes, and what is left of the entry by the machine's clock: infinity where that does not know it. Undefined for another text. */
export function decodeValue(text: string): { bytes: Buffer; leftMs: number } | undefined {
  const [encoded = '', stamp] = text.split('@');
  const bytes = fromBase64(encoded);
  if (bytes === undefined) return undefined;
  const [of, end] = stamp?.split(':') ?? [];
  return { bytes, leftMs: of === start ? Number(end) - machineTime() : Number.POSITIVE_INFINITY };
}

/*
 * A zstd frame (RFC 8878, section 3.1.1); all numbers are little-endian:
 *
 *   0           4            5
 *   28 b5 2f fd | descriptor | window (0 or 1) | dictionary id (0–4) | content size (0–8) | blocks … | checksum (0 or 4)
 *
 *   descriptor: bits 0–1 length of the dictionary id, 2 checksum, 3 reserved, 5 no window, 6–7 length of the content size
 *   block: 3 bytes (bit 0 last, 1–2 type, 3–23 size) and what they say
 */
const MAGIC = 0xfd2f_b528;
const BLOCK_HEADER_LEN = 3;
/** A block of one byte that is repeated, and the type that there is not. */
const [REPEATED, RESERVED] = [1, 3];

/**
 * Checks that bytes are exactly one whole frame: what decompresses them may stop before their end, or where they were cut
 * off. Its checksum is left to what decompresses.
 *
 * @throws RangeError for any other bytes, and for a frame that says another length of its content.
 */
export function assertFrame(bytes: Uint8Array, contentLen: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const descriptor = view.getUint8(4);
  if (view.getUint32(0, true) !== MAGIC || (descriptor & 0x08) !== 0) throw new RangeError('Not a zstd frame');
  const hasWindow = (descriptor & 0x20) === 0;
  let at = 5 + (hasWindow ? 1 : 0) + ([0, 1, 2, 4][descriptor & 3] as number);
  const sizeLen = [hasWindow ? 0 : 1, 2, 4, 8][descriptor >> 6] as number;
  if (sizeLen > 0 && contentSize(view, at, sizeLen) !== BigInt(contentLen)) throw new RangeError('Of another size');
  at += sizeLen;
  for (let isLast = false; !isLast; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (header >> 1) & 3;
    if (type === RESERVED) throw new RangeError('Not a zstd block');
    at += BLOCK_HEADER_LEN + (type === REPEATED ? 1 : header >> 3);
    isLast = (header & 1) !== 0;
  }
  if (at + (descriptor & 0x04) !== bytes.length) throw new RangeError('Not one whole zstd frame');
}

function contentSize(view: DataView, at: number, length: number): bigint {
  if (length === 1) return BigInt(view.getUint8(at));
  if (length === 2) return BigInt(view.getUint16(at, true) + 256);
  return length === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
}

import { type ArrowData, bitsFrom } from './memory.js';

/* A view is 16 bytes: i32le length, then up to 12 bytes inline, or the first 4 bytes, the buffer's number and the offset (i32le each). */
const VIEW_LEN = 16;
const INLINE_LEN = 12;

/** Views with offset 0, which the writer of `apache-arrow` would add twice. A small slice gets a buffer of its own values. */
export function viewsFromFirst(data: ArrowData): ArrowData {
  if (data.offset === 0 && !isSmallPart(data)) return data;
  const { length, nullBitmap } = data;
  const hasBitmap = nullBitmap !== undefined && nullBitmap.length > 0;
  const bitmap = hasBitmap && data.offset > 0 ? bitsFrom(nullBitmap, data.offset, length) : nullBitmap;
  const { values, buffers } = compacted(data);
  return data.clone(data.type, 0, length, data._nullCount, [undefined, values, bitmap], [], buffers);
}

/** Whether the buffers have so much more than the views can need that looking costs little beside copying them. */
function isSmallPart({ length, variadicBuffers }: ArrowData): boolean {
  return lengthOf(variadicBuffers) > 1024 + length * 64;
}

function compacted({ values, length, variadicBuffers }: ArrowData): {
  values: Uint8Array;
  buffers: readonly Uint8Array[];
} {
  const given = (values as Uint8Array).subarray(0, length * VIEW_LEN);
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  let needed = 0;
  for (let at = 0; at < given.length; at += VIEW_LEN) {
    const valueLen = view.getInt32(at, true);
    if (valueLen > INLINE_LEN) needed += valueLen;
  }
  if (needed >= lengthOf(variadicBuffers)) return { values: given, buffers: variadicBuffers };
  const views = given.slice();
  const target = new DataView(views.buffer);
  const own = new Uint8Array(needed);
  let used = 0;
  for (let at = 0; at < views.length; at += VIEW_LEN) {
    const valueLen = target.getInt32(at, true);
    if (valueLen <= INLINE_LEN) continue;
    const from = target.getInt32(at + 12, true);
    own.set(variadicBuffers[target.getInt32(at + 8, true)]?.subarray(from, from + valueLen) ?? [], used);
    target.setInt32(at + 8, 0, true);
    target.setInt32(at + 12, used, true);
    used += valueLen;
  }
  return { values: views, buffers: needed === 0 ? [] : [own] };
}

function lengthOf(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}

/** The bytes of a view's value. */
export function valueOfView({ values, variadicBuffers }: ArrowData, index: number): Uint8Array {
  const bytes = values as Uint8Array;
  const at = index * VIEW_LEN;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, VIEW_LEN);
  const length = view.getInt32(0, true);
  if (length <= INLINE_LEN) return bytes.subarray(at + 4, at + 4 + length);
  const from = view.getInt32(12, true);
  return variadicBuffers[view.getInt32(8, true)]?.subarray(from, from + length) ?? new Uint8Array(0);
}

import { type ArrowData, type ArrowField, type ArrowType, TYPE, type Values } from './memory.js';

/** Whether the buffers of data, without its children, have less than its rows need. */
export function isShort(data: ArrowData, { typeId }: ArrowType): boolean {
  const { length, offset, nullBitmap, values, valueOffsets, typeIds, stride } = data;
  if (data._nullCount !== 0 && nullBitmap !== undefined && nullBitmap.length > 0) {
    if (nullBitmap.length * 8 < offset + length) return true;
  }
  switch (typeId) {
    case TYPE.null:
    case TYPE.struct:
    case TYPE.fixedSizeList:
      return false;
    case TYPE.bool:
      return values.length * 8 < offset + length;
    case TYPE.union:
      return typeIds.length < length || (valueOffsets !== undefined && valueOffsets.length < length);
    case TYPE.binaryView:
    case TYPE.utf8View:
      return values.length < length * 16;
    default:
      return valueOffsets === undefined ? values.length < length * stride : valueOffsets.length <= length;
  }
}

/** The first of the rows at the end whose values are not there, as far as the buffers tell. */
export function rowsThere(data: ArrowData, { typeId }: ArrowType): number {
  const { length, values, valueOffsets, typeIds, stride, offset } = data;
  if (typeId === TYPE.union) return typeIds.length;
  if (valueOffsets !== undefined) return Math.max(0, valueOffsets.length - 1);
  if (values === undefined) return length;
  if (typeId === TYPE.bool) return values.length * 8 - offset;
  return Math.floor(values.length / (typeId === TYPE.binaryView || typeId === TYPE.utf8View ? 16 : stride));
}

/** Data of so many rows, of which those that it lacked are null: for callers that know that nothing refers to them. */
export function padded(data: ArrowData, type: ArrowType, length: number): ArrowData {
  if (data.length > length) return padded(data.slice(0, length), type, length);
  if (type.typeId === TYPE.union && data.length < length) return paddedUnion(data, type, length);
  const { offset, values, valueOffsets, typeIds } = data;
  const nullBitmap = data.length < length ? withNulls(data, length) : data.nullBitmap;
  const rest = [
    valueOffsets && (type.typeId === TYPE.union ? longer(valueOffsets, length) : rising(valueOffsets, length + 1)),
    values && longer(values, type.typeId === TYPE.bool ? (offset + length + 7) >> 3 : valuesLen(data, type, length)),
    nullBitmap?.length ? longer(nullBitmap, (offset + length + 7) >> 3) : nullBitmap,
    typeIds && longer(typeIds, length),
  ] as const;
  const fields = type.children ?? [];
  const children = data.children.map((child, i) => {
    const field = fields[i];
    if (field === undefined || valueOffsets !== undefined) return child;
    return padded(child, field.type, type.typeId === TYPE.fixedSizeList ? length * type.listSize : length);
  });
  const isWhole =
    data.length === length &&
    rest[0] === valueOffsets &&
    rest[1] === values &&
    rest[2] === nullBitmap &&
    rest[3] === typeIds &&
    children.every((child, i) => child === data.children[i]);
  return isWhole
    ? data
    : data.clone(data.type, offset, length, data.length === length && data._nullCount === 0 ? 0 : -1, rest, children);
}

/** A union has no nulls of its own: the rows that it lacks refer to a null of its first child. */
function paddedUnion(data: ArrowData, type: ArrowType, length: number): ArrowData {
  const typeIds = longer(data.typeIds.slice(0, data.length), length).fill(type.typeIds[0] as number, data.length);
  const fields = type.children ?? [];
  const { valueOffsets } = data;
  if (valueOffsets === undefined) {
    const children = data.children.map((child, i) => padded(child, (fields[i] as ArrowField).type, length));
    return data.clone(data.type, data.offset, length, -1, [undefined, undefined, undefined, typeIds], children);
  }
  const [first, ...others] = data.children;
  const at = first?.length ?? 0;
  const offsets = longer((valueOffsets as Int32Array).slice(0, data.length), length).fill(at, data.length);
  const children = first === undefined ? [] : [padded(first, (fields[0] as ArrowField).type, at + 1), ...others];
  return data.clone(data.type, data.offset, length, -1, [offsets, undefined, undefined, typeIds], children);
}

function withNulls(data: ArrowData, length: number): Uint8Array {
  const bitmap = new Uint8Array((data.offset + length + 7) >> 3);
  for (let row = 0; row < data.length; row++) {
    const at = data.offset + row;
    if (data.getValid(row)) bitmap[at >> 3] = (bitmap[at >> 3] as number) | (1 << (at & 7));
  }
  return bitmap;
}

/** Elements of the values that so many rows have. Those of views are bytes; those of offsets stay as they are. */
function valuesLen({ valueOffsets, values, stride }: ArrowData, { typeId }: ArrowType, length: number): number {
  if (valueOffsets !== undefined) return values.length;
  return length * (typeId === TYPE.binaryView || typeId === TYPE.utf8View ? 16 : stride);
}

function longer<T extends Values | Int8Array>(given: T, length: number): T {
  if (given.length >= length) return given;
  const all = new (given.constructor as new (length: number) => T)(length);
  all.set(given as never);
  return all;
}

/** Offsets of which none is less than the one before it. */
function rising(given: Int32Array | BigInt64Array, length: number): Int32Array | BigInt64Array {
  let isRising = given.length >= length;
  for (let i = 1; i < length && isRising; i++) isRising = (given[i] as number) >= (given[i - 1] as number);
  if (isRising) return given;
  const all = longer(given.slice(0, length) as Int32Array, length);
  for (let i = 1; i < length; i++) if ((all[i] as number) < (all[i - 1] as number)) all[i] = all[i - 1] as number;
  return all;
}

import { type ArrowData, type ArrowField, type ArrowType, TYPE, type Values } from './arrow-memory.js';

/**
 * A dense union whose offset is 0, with the parts of its children that it refers to: the writer of `apache-arrow` takes those of a
 * slice for one row after the other.
 */
export function denseUnion(data: ArrowData, type: ArrowType): ArrowData {
  const { length, typeIds, children } = data;
  const valueOffsets = data.valueOffsets as Int32Array;
  if (data.offset === 0) return data;
  const first = children.map(() => Number.POSITIVE_INFINITY);
  const end = children.map(() => 0);
  const childOf = (row: number) => type.typeIdToChildIndex[typeIds[row] as number] ?? -1;
  for (let row = 0; row < length; row++) {
    const child = childOf(row);
    const at = valueOffsets[row] as number;
    if (at < (first[child] ?? 0)) first[child] = at;
    if (at >= (end[child] ?? Number.POSITIVE_INFINITY)) end[child] = at + 1;
  }
  const offsets = valueOffsets.slice(0, length).map((at, row) => at - (first[childOf(row)] ?? 0));
  const parts = children.map((child, i) => {
    const count = end[i] as number;
    return count === 0 ? child.slice(0, 0) : child.slice(first[i] as number, count - (first[i] as number));
  });
  return data.clone(data.type, 0, length, -1, [offsets, undefined, undefined, typeIds.subarray(0, length)], parts);
}

/** A sparse union whose children have all its rows: its builder leaves out the last ones of a child, if they are another's. */
export function sparseUnion(data: ArrowData, fields: readonly ArrowField[]): ArrowData {
  const { length, typeIds } = data;
  const children = data.children.map((child, i) => padded(child, (fields[i] as ArrowField).type, length));
  if (typeIds.length === length && children.every((child, i) => child === data.children[i])) return data;
  return data.clone(data.type, 0, length, -1, [undefined, undefined, undefined, typeIds.subarray(0, length)], children);
}

/** Data of so many rows, the last of which may hold anything: no union refers to them. */
function padded(data: ArrowData, type: ArrowType, length: number): ArrowData {
  if (data.length > length) return padded(data.slice(0, length), type, length);
  const { offset, values, valueOffsets, nullBitmap, typeIds } = data;
  const rest = [
    valueOffsets && rising(valueOffsets, length + 1),
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
  return isWhole ? data : data.clone(data.type, offset, length, data._nullCount === 0 ? 0 : -1, rest, children);
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

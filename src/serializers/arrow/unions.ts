import type { ArrowData, ArrowField, ArrowType } from './memory.js';
import { padded, rowsThere } from './padding.js';

const DENSE = 1;

/** Whether each row refers to one that is there, of a child that is there. */
export function hasItsRows({ length, typeIds, valueOffsets, children }: ArrowData, type: ArrowType): boolean {
  const byId: (ArrowData | undefined)[] = [];
  const there: number[] = [];
  for (const [i, { type: of }] of (type.children ?? []).entries()) {
    const id = type.typeIds[i] as number;
    const child = children[i];
    byId[id] = child;
    there[id] = child === undefined ? 0 : Math.min(child.length, rowsThere(child, of));
  }
  const offsets = type.mode === DENSE ? (valueOffsets as Int32Array) : undefined;
  for (let row = 0; row < length; row++) {
    const id = typeIds[row] as number;
    const at = offsets === undefined ? row : (offsets[row] as number);
    if (at >= 0 && at < (there[id] ?? 0)) continue;
    // Columns that were made longer by nulls have no values for them.
    const child = byId[id];
    if (child === undefined || !(at >= 0 && at < child.length) || child.getValid(at)) return false;
  }
  return true;
}

/** A dense union with offset 0: the writer of `apache-arrow` takes the children of a slice for one row after the other. */
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

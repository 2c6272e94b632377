import { type ArrowData, type ArrowType, type ColumnsModule, TYPE, type Values, validityOf } from './memory.js';
import { valueOfView } from './views.js';

const NULL = '';

/** What tells two values of a type apart, bit by bit: null, or the bytes of the value. Undefined for nested types. */
export function keyOf({ typeId, children }: ArrowType): ((data: ArrowData, index: number) => string) | undefined {
  if (typeId === TYPE.dictionary || typeId === TYPE.bool || typeId === TYPE.null || (children?.length ?? 0) > 0)
    return undefined;
  const bytes = isView(typeId) ? valueOfView : isVariable(typeId) ? variableValue : fixedValue;
  return (data, index) => {
    if (!data.getValid(index)) return NULL;
    const { buffer, byteOffset, byteLength } = bytes(data, index);
    return `=${Buffer.from(buffer, byteOffset, byteLength).toString('latin1')}`;
  };
}

function variableValue({ values, valueOffsets }: ArrowData, index: number): Values {
  return values.subarray(Number(valueOffsets[index]), Number(valueOffsets[index + 1]));
}

function fixedValue({ values, stride }: ArrowData, index: number): Values {
  return values.subarray(index * stride, (index + 1) * stride);
}

/** Values in one piece: not every reader of files knows dictionaries that come in parts. Undefined for nested types. */
export function merged(
  Data: ColumnsModule['Data'],
  type: ArrowType,
  parts: readonly ArrowData[],
): ArrowData | undefined {
  if (keyOf(type) === undefined) return undefined;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const validity = mergedValidity(parts, length);
  const nulls = validity === undefined ? 0 : -1;
  if (isView(type.typeId)) return mergedViews(type, parts, length, nulls, validity);
  if (!isVariable(type.typeId)) {
    const values = joined(parts.map((part) => part.values.subarray(0, part.length * part.stride)));
    return new Data(type, 0, length, nulls, [undefined, values, validity]);
  }
  const [first] = parts as [ArrowData];
  const offsets = new (first.valueOffsets.constructor as new (length: number) => Int32Array)(length + 1);
  const isLarge = (offsets as unknown) instanceof BigInt64Array;
  let row = 0;
  let at = 0;
  const values = parts.map((part) => {
    const start = Number(part.valueOffsets[0]);
    for (let i = 1; i <= part.length; i++) {
      const end = at + Number(part.valueOffsets[i]) - start;
      offsets[++row] = (isLarge ? BigInt(end) : end) as number;
    }
    const used = part.values.subarray(start, Number(part.valueOffsets[part.length]));
    at += used.length;
    return used;
  });
  return new Data(type, 0, length, nulls, [offsets, joined(values), validity]);
}

function mergedViews(
  type: ArrowType,
  parts: readonly ArrowData[],
  length: number,
  nulls: number,
  validity: Uint8Array | undefined,
): ArrowData {
  const views = joined(parts.map((part) => part.values.subarray(0, part.length * 16)));
  const view = new DataView(views.buffer);
  const buffers: Uint8Array[] = [];
  let row = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++, row++) {
      const at = row * 16;
      if (view.getInt32(at, true) > 12) view.setInt32(at + 8, view.getInt32(at + 8, true) + buffers.length, true);
    }
    buffers.push(...part.variadicBuffers);
  }
  return (parts[0] as ArrowData).clone(type, 0, length, nulls, [undefined, views, validity], [], buffers);
}

function mergedValidity(parts: readonly ArrowData[], length: number): Uint8Array | undefined {
  if (parts.every((part) => validityOf(part) === undefined)) return undefined;
  const bits = new Uint8Array((length + 7) >> 3);
  let row = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++, row++) {
      if (part.getValid(i)) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7));
    }
  }
  return bits;
}

function joined<T extends Values>(parts: readonly T[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new ((parts[0] as T).constructor as new (length: number) => T)(length);
  let at = 0;
  for (const part of parts) {
    all.set(part as never, at);
    at += part.length;
  }
  return all;
}

function isView(typeId: number): boolean {
  return typeId === TYPE.binaryView || typeId === TYPE.utf8View;
}

function isVariable(typeId: number): boolean {
  return typeId === TYPE.binary || typeId === TYPE.utf8 || typeId === TYPE.largeBinary || typeId === TYPE.largeUtf8;
}

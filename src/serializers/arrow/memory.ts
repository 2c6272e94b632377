/** What is used here of the classes of `apache-arrow`: columns in memory, and their types. */
export interface ArrowType {
  readonly typeId: number;
  readonly children?: readonly ArrowField[];
  /** Of a union. */
  readonly mode: number;
  readonly typeIds: ArrayLike<number>;
  readonly typeIdToChildIndex: Record<number, number>;
  /** Of a list of fixed size. */
  readonly listSize: number;
  /** Of a dictionary. */
  readonly id: number;
  readonly indices: ArrowType;
  readonly dictionary: ArrowType;
  readonly isOrdered: boolean;
  /** Of numbers and times. */
  readonly bitWidth: number;
  readonly isSigned: boolean;
  readonly precision: number;
  readonly scale: number;
  readonly unit: number;
  readonly timezone: string | null | undefined;
  /** Of binary values of fixed length. */
  readonly byteWidth: number;
  /** Of the values. */
  readonly ArrayType: { readonly name: string } | undefined;
}

export interface ArrowField {
  name: string;
  readonly type: ArrowType;
}

export type Values = Uint8Array | Int32Array | BigInt64Array;
export type Indices = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
type Buffers = readonly (ArrayBufferView | undefined)[] | ArrowData;

/** Rows of a column, or of a part of one. `offset` counts bits of the bitmaps only; all else begins with the first row. */
export interface ArrowData {
  readonly type: ArrowType;
  readonly offset: number;
  readonly length: number;
  /** As `nullCount`, or −1 when it has to be counted. */
  readonly _nullCount: number;
  readonly nullCount: number;
  readonly stride: number;
  readonly values: Values;
  readonly valueOffsets: Int32Array | BigInt64Array;
  readonly nullBitmap: Uint8Array | undefined;
  readonly typeIds: Int8Array;
  readonly children: readonly ArrowData[];
  readonly dictionary: ArrowVector | undefined;
  readonly variadicBuffers: readonly Uint8Array[];
  slice(offset: number, length: number): ArrowData;
  getValid(index: number): boolean;
  clone(
    type: ArrowType,
    offset: number,
    length: number,
    nullCount: number,
    buffers: Buffers,
    children?: readonly ArrowData[],
    variadicBuffers?: readonly Uint8Array[],
  ): ArrowData;
}

export interface ArrowVector {
  readonly data: readonly ArrowData[];
  readonly length: number;
}

export interface ArrowSchema {
  readonly fields: readonly ArrowField[];
  readonly metadata: unknown;
}

export interface ArrowBatch {
  schema: ArrowSchema;
  readonly data: ArrowData;
  readonly numRows: number;
  readonly metadata: unknown;
}

/** What is used here of the module. */
export interface ColumnsModule {
  readonly Data: {
    readonly prototype: object;
    new (
      type: ArrowType,
      offset: number,
      length: number,
      nullCount: number,
      buffers: Buffers,
      children?: readonly ArrowData[],
      dictionary?: ArrowVector,
    ): ArrowData;
  };
  readonly makeData: (rows: {
    type: ArrowType;
    length: number;
    children: readonly ArrowData[];
    child: ArrowData | undefined;
  }) => ArrowData;
  readonly DataType: { readonly prototype: object };
  readonly Vector: new (data: readonly ArrowData[]) => ArrowVector;
  readonly Schema: new (fields: readonly ArrowField[], metadata: unknown) => ArrowSchema;
  readonly RecordBatch: new (schema: ArrowSchema, data: ArrowData, metadata: unknown) => ArrowBatch;
}

/** Types by their numbers in `apache-arrow`: those of Schema.fbs, and one for dictionaries. */
export const TYPE = {
  dictionary: -1,
  null: 1,
  binary: 4,
  utf8: 5,
  bool: 6,
  list: 12,
  struct: 13,
  union: 14,
  fixedSizeList: 16,
  map: 17,
  largeBinary: 19,
  largeUtf8: 20,
  largeList: 21,
  binaryView: 23,
  utf8View: 24,
} as const;

/** A bitmap's bits from `offset` on, from the first bit of a byte on. */
export function bitsFrom(bitmap: Uint8Array, offset: number, length: number): Uint8Array {
  const first = offset >> 3;
  const shift = offset & 7;
  const bits = new Uint8Array((length + 7) >> 3);
  if (shift === 0) {
    bits.set(bitmap.subarray(first, first + bits.length));
    return bits;
  }
  for (let i = 0; i < bits.length; i++) {
    bits[i] = ((bitmap[first + i] ?? 0) >> shift) | ((bitmap[first + i + 1] ?? 0) << (8 - shift));
  }
  return bits;
}

/** The validity of all rows, from the first bit on; undefined when all are valid. */
export function validityOf(data: ArrowData): Uint8Array | undefined {
  const { nullBitmap, offset, length } = data;
  if (nullBitmap === undefined || nullBitmap.length === 0 || data.nullCount === 0) return undefined;
  return offset === 0 ? nullBitmap : bitsFrom(nullBitmap, offset, length);
}

import * as arrow from 'apache-arrow';

/** Numbers from a seed (mulberry32). */
export class Random {
  constructor(private state: number) {}

  /** 0 … below − 1 */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

type Data = arrow.Data;
type Type = arrow.DataType;

const FIXED: (() => Type)[] = [
  ...[arrow.Int8, arrow.Int16, arrow.Int32, arrow.Int64, arrow.Uint8, arrow.Uint16, arrow.Uint32, arrow.Uint64],
  ...[arrow.Float16, arrow.Float32, arrow.Float64, arrow.DateDay, arrow.DateMillisecond],
  ...[arrow.TimeSecond, arrow.TimeMillisecond, arrow.TimeMicrosecond, arrow.TimeNanosecond],
  ...[arrow.TimestampSecond, arrow.TimestampMillisecond, arrow.TimestampMicrosecond, arrow.TimestampNanosecond],
  ...[arrow.DurationSecond, arrow.DurationMillisecond, arrow.DurationMicrosecond, arrow.DurationNanosecond],
  ...[arrow.IntervalDayTime, arrow.IntervalYearMonth, arrow.IntervalMonthDayNano],
].map((Type) => () => new (Type as new () => Type)());
FIXED.push(
  () => new arrow.Decimal(2, 20, 128),
  () => new arrow.Decimal(3, 60, 256),
  () => new arrow.FixedSizeBinary(5),
  () => new arrow.Timestamp(arrow.TimeUnit.MICROSECOND, 'Europe/Vienna'),
);
const VARIABLE: (() => Type)[] = [
  () => new arrow.Utf8(),
  () => new arrow.LargeUtf8(),
  () => new arrow.Binary(),
  () => new arrow.LargeBinary(),
];
const VIEWS: (() => Type)[] = [() => new arrow.Utf8View(), () => new arrow.BinaryView()];
const INDICES = [arrow.Int8, arrow.Int16, arrow.Int32, arrow.Uint8, arrow.Uint16, arrow.Uint32];

const field = (name: string, type: Type) => new arrow.Field(name, type, true);

/** A type that is nested at most `depth` deep. */
export function randomType(random: Random, depth: number): Type {
  const child = () => randomType(random, depth - 1);
  const choice = random.below(depth > 0 ? 16 : 7);
  switch (choice) {
    case 0:
      return new arrow.Null();
    case 1:
      return new arrow.Bool();
    case 2:
    case 3:
      return random.pick(FIXED)();
    case 4:
      return random.pick(VARIABLE)();
    case 5:
    case 6:
      return random.pick(VIEWS)();
    case 7:
      return new arrow.List(field('item', child()));
    case 8:
      return new arrow.LargeList(field('', child()));
    case 9:
      return new arrow.FixedSizeList(1 + random.below(3), field('item', child()));
    case 10:
    case 11:
      return new arrow.Struct([field('a', child()), field('b', child())]);
    case 12:
      return new arrow.SparseUnion(Int32Array.of(0, 5), [field('0', child()), field('1', child())] as never);
    case 13:
      return new arrow.DenseUnion(Int32Array.of(1, 0), [field('0', child()), field('1', child())] as never);
    case 14: {
      const entry = new arrow.Struct([new arrow.Field('key', new arrow.Utf8(), false), field('value', child())]);
      return new arrow.Map_(new arrow.Field('entries', entry, false) as never);
    }
    default: {
      let values = child();
      while (arrow.DataType.isDictionary(values)) values = child();
      return new arrow.Dictionary(values, new (random.pick(INDICES))() as never);
    }
  }
}

function validity(random: Random, length: number): { nullBitmap?: Uint8Array; nullCount?: number } {
  return random.below(3) === 0 ? {} : { nullBitmap: random.bytes((length + 7) >> 3) };
}

/** Offsets that do not begin with 0, and lists of which some are empty. */
function rising(random: Random, length: number, first: number): number[] {
  const offsets = [first];
  for (let i = 0; i < length; i++) offsets.push((offsets[i] as number) + random.below(4));
  return offsets;
}

/** Rows of a type, made from buffers: what builders do wrong is not in the way. */
export function randomData(random: Random, type: Type, length: number): Data {
  const { makeData } = arrow as unknown as { makeData(props: object): Data };
  const rows = { type, length, ...validity(random, length) };
  const childOf = (i: number, count: number) => randomData(random, (type.children[i] as arrow.Field).type, count);
  const offsetsOf = (offsets: number[]) =>
    type instanceof arrow.LargeUtf8 || type instanceof arrow.LargeBinary || type instanceof arrow.LargeList
      ? BigInt64Array.from(offsets, BigInt)
      : Int32Array.from(offsets);
  if (arrow.DataType.isNull(type)) return makeData({ type, length });
  if (arrow.DataType.isBool(type)) return makeData({ ...rows, data: random.bytes((length + 7) >> 3) });
  if (
    arrow.DataType.isUtf8(type) ||
    arrow.DataType.isLargeUtf8(type) ||
    arrow.DataType.isBinary(type) ||
    arrow.DataType.isLargeBinary(type)
  ) {
    const offsets = rising(random, length, random.below(3));
    const data = random.bytes((offsets[length] as number) + random.below(3)).map((byte) => 97 + (byte % 3));
    return makeData({ ...rows, valueOffsets: offsetsOf(offsets), data });
  }
  if (arrow.DataType.isUtf8View(type) || arrow.DataType.isBinaryView(type)) return views(random, type, rows);
  if (arrow.DataType.isList(type) || arrow.DataType.isLargeList(type) || arrow.DataType.isMap(type)) {
    const offsets = rising(random, length, random.below(3));
    const child = childOf(0, (offsets[length] as number) + random.below(3));
    return makeData({ ...rows, valueOffsets: offsetsOf(offsets), child });
  }
  if (arrow.DataType.isFixedSizeList(type)) return makeData({ ...rows, child: childOf(0, length * type.listSize) });
  if (arrow.DataType.isStruct(type)) return makeData({ ...rows, children: [childOf(0, length), childOf(1, length)] });
  if (arrow.DataType.isUnion(type)) {
    const typeIds = Int8Array.from({ length }, () => random.pick([...type.typeIds]));
    if (arrow.DataType.isSparseUnion(type)) {
      return makeData({ type, length, typeIds, children: [childOf(0, length), childOf(1, length)] });
    }
    const children = [childOf(0, 1 + random.below(9)), childOf(1, 1 + random.below(9))];
    const valueOffsets = Int32Array.from(typeIds, (id) =>
      random.below((children[type.typeIdToChildIndex[id] as number] as Data).length),
    );
    return makeData({ type, length, typeIds, valueOffsets, children });
  }
  if (arrow.DataType.isDictionary(type)) {
    const chunks = Array.from({ length: 1 + random.below(2) }, () =>
      randomData(random, type.dictionary, 1 + random.below(6)),
    );
    const dictionary = new arrow.Vector(chunks);
    const { ArrayType } = type.indices as unknown as { ArrayType: new (length: number) => Int32Array };
    const data = new ArrayType(length).map(() => random.below(dictionary.length));
    return makeData({ ...rows, data, dictionary });
  }
  const { ArrayType } = type as unknown as { ArrayType: new (buffer: ArrayBufferLike) => ArrayBufferView };
  const data = new ArrayType(random.bytes(length * bytesOf(type)).buffer);
  return makeData({ ...rows, data });
}

function bytesOf(type: Type): number {
  const { ArrayType } = type as unknown as { ArrayType: { BYTES_PER_ELEMENT: number } };
  return ArrayType.BYTES_PER_ELEMENT * strideOf(type);
}

function strideOf(type: Type): number {
  return (arrow as unknown as { makeData(props: object): Data }).makeData({ type, length: 0 }).stride;
}

function views(random: Random, type: Type, rows: { length: number }): Data {
  const variadicBuffers = Array.from({ length: 1 + random.below(3) }, () => random.bytes(30 + random.below(2000)));
  for (const buffer of variadicBuffers)
    for (let i = 0; i < buffer.length; i++) buffer[i] = 97 + ((buffer[i] as number) % 26);
  const bytes = new Uint8Array(rows.length * 16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < rows.length; i++) {
    const length = random.below(30);
    view.setInt32(i * 16, length, true);
    if (length <= 12) {
      for (let j = 0; j < length; j++) bytes[i * 16 + 4 + j] = 97 + random.below(26);
      continue;
    }
    const index = random.below(variadicBuffers.length);
    const buffer = variadicBuffers[index] as Uint8Array;
    const offset = random.below(buffer.length - length + 1);
    bytes.set(buffer.subarray(offset, offset + 4), i * 16 + 4);
    view.setInt32(i * 16 + 8, index, true);
    view.setInt32(i * 16 + 12, offset, true);
  }
  return (arrow as unknown as { makeData(props: object): Data }).makeData({
    ...rows,
    type,
    views: bytes,
    variadicBuffers,
  });
}

/** A value bit by bit, without the package's getters: null, hexadecimal bytes, or a list of such. */
export function exactly(data: Data, index: number): unknown {
  const { type } = data;
  if (arrow.DataType.isNull(type)) return null;
  if (arrow.DataType.isUnion(type)) {
    const id = data.typeIds[index] as number;
    const child = data.children[type.typeIdToChildIndex[id] as number] as Data;
    return [id, exactly(child, arrow.DataType.isDenseUnion(type) ? (data.valueOffsets[index] as number) : index)];
  }
  if (data.nullBitmap?.length && data.nullCount > 0) {
    const bit = data.offset + index;
    if ((((data.nullBitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) return null;
  }
  const hex = (bytes: ArrayBufferView) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  const range = () => [Number(data.valueOffsets[index]), Number(data.valueOffsets[index + 1])] as const;
  const all = (child: Data, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => exactly(child, from + i));
  const [child] = data.children as [Data];
  if (arrow.DataType.isBool(type)) {
    const bit = data.offset + index;
    return (((data.values as Uint8Array)[bit >> 3] as number) >> (bit & 7)) & 1;
  }
  if (arrow.DataType.isDictionary(type)) {
    let at = Number((data.values as Int32Array)[index]);
    for (const chunk of (data.dictionary as arrow.Vector).data) {
      if (at < chunk.length) return exactly(chunk, at);
      at -= chunk.length;
    }
    return 'outside';
  }
  if (arrow.DataType.isStruct(type)) return data.children.map((part) => exactly(part, index));
  if (arrow.DataType.isFixedSizeList(type)) return all(child, index * type.listSize, (index + 1) * type.listSize);
  if (arrow.DataType.isList(type) || arrow.DataType.isLargeList(type) || arrow.DataType.isMap(type))
    return all(child, ...range());
  if (arrow.DataType.isUtf8View(type) || arrow.DataType.isBinaryView(type)) {
    const view = (data.values as Uint8Array).subarray(index * 16, index * 16 + 16);
    const [length, , buffer, offset] = new Int32Array(view.slice().buffer) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return hex(
      length <= 12
        ? view.subarray(4, 4 + length)
        : (data.variadicBuffers[buffer] as Uint8Array).subarray(offset, offset + length),
    );
  }
  if (data.valueOffsets !== undefined) return hex((data.values as Uint8Array).subarray(...range()));
  return hex((data.values as Uint8Array).subarray(index * data.stride, (index + 1) * data.stride));
}

/** All values of a table, column by column. */
export function exactColumns(table: arrow.Table): unknown[][] {
  return table.schema.fields.map((_, i) =>
    table.batches.flatMap(({ data, numRows }) =>
      Array.from({ length: numRows }, (_, row) => exactly(data.children[i] as Data, row)),
    ),
  );
}

/** Several batches, of which some are slices of slices and some are there twice. */
export function randomTable(random: Random): arrow.Table {
  const fields = Array.from(
    { length: 1 + random.below(4) },
    (_, i) =>
      new arrow.Field(
        random.pick([`a${i}`, i === 0 ? '' : `é${i}`, `c${i}`]),
        randomType(random, 3),
        true,
        new Map([['k', 'v']]),
      ),
  );
  const schema = new arrow.Schema(fields, new Map([['table', 'x']]));
  const batches = Array.from({ length: 1 + random.below(3) }, () => {
    const length = random.below(20);
    const children = fields.map(({ type }) => randomData(random, type, length));
    const data = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children } as never);
    return new arrow.RecordBatch(schema, data as never, new Map([['batch', 'y']]));
  });
  let table = new arrow.Table(schema, batches);
  for (let slices = random.below(3); slices > 0; slices--) {
    const from = random.below(table.numRows + 1);
    table = table.slice(from, from + random.below(table.numRows - from + 1));
  }
  if (random.below(3) === 0) table = table.concat(table.slice(random.below(table.numRows + 1)));
  return table;
}

/**
 * Columns of several chunks each, whose boundaries and numbers of rows differ: the package cuts them, and fills up with nulls.
 * Some say that they have other numbers of nulls than their bitmaps, some are there twice.
 */
export function unevenTable(random: Random): arrow.Table {
  const columns: Record<string, arrow.Vector> = {};
  for (let i = 0; i <= random.below(3); i++) {
    let type = randomType(random, 2);
    // Unions have no nulls to be filled up with.
    while (String(type).includes('Union')) type = randomType(random, 2);
    const chunks = Array.from({ length: 1 + random.below(3) }, () => {
      const data = randomData(random, type, random.below(9));
      const nulls = random.below(4) === 0 ? random.pick([0, -1, 1, 3, 5, 99]) : data.nullCount;
      const counted = (data as unknown as { clone(...rest: unknown[]): Data }).clone(
        type,
        data.offset,
        data.length,
        nulls,
      );
      const from = random.below(data.length + 1);
      return random.below(2) === 0 ? counted : counted.slice(from, random.below(data.length - from + 1));
    });
    const vector = new arrow.Vector(chunks);
    columns[`c${i}`] = random.below(4) === 0 ? vector.memoize() : vector;
    if (random.below(5) === 0) columns[`d${i}`] = vector;
  }
  return new arrow.Table(columns);
}

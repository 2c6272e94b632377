import { Dictionaries } from './dictionaries.js';
import {
  type ArrowBatch,
  type ArrowData,
  type ArrowField,
  type ArrowSchema,
  type ArrowType,
  type ArrowVector,
  type ColumnsModule,
  TYPE,
} from './memory.js';
import { isShort, padded, rowsThere } from './padding.js';
import { TableRefusal } from './refusal.js';
import { areRising } from './scans.js';
import { labelOf, MAX_LEVELS } from './schema.js';
import { hasArraysOfType, isAlike } from './types.js';
import { denseUnion, hasItsRows, sparseUnion } from './unions.js';
import { viewsFromFirst } from './views.js';

const DENSE = 1;

/** Whether a row and all behind it are null, or belong to what is. */
type NullFrom = (row: number) => boolean;

/**
 * A table's batches, with those columns rebuilt that the writer of `apache-arrow` (21.2.0) does not write as they
 * are: slices of views and of unions, lists of such, children that are longer than their parents, and dictionaries that
 * differ between batches. Without any of these it is the batches as they are.
 *
 * @throws TableRefusal for what cannot be written, with the column's position; what a getter of the table throws.
 */
export function writableBatches(
  arrow: ColumnsModule,
  { schema, batches }: { schema: ArrowSchema; batches: readonly ArrowBatch[] },
): readonly ArrowBatch[] {
  const columns = new Columns(arrow, schema, batches);
  return batches.map((batch) => columns.batch(batch));
}

class Columns {
  readonly #arrow: ColumnsModule;
  readonly #schema: ArrowSchema;
  readonly #dictionaries: Dictionaries | undefined;
  /** The column that is being looked at. */
  #index = 0;

  constructor(arrow: ColumnsModule, schema: ArrowSchema, batches: readonly ArrowBatch[]) {
    this.#arrow = arrow;
    this.#schema = schema;
    const encoded: boolean[] = [];
    this.#index = 0;
    for (const { type } of schema.fields) {
      encoded.push(this.#checkType(type, 0));
      this.#index++;
    }
    if (encoded.includes(true)) this.#dictionaries = this.#collect(batches, encoded);
  }

  batch(batch: ArrowBatch): ArrowBatch {
    const { data, numRows, metadata } = batch;
    const children: ArrowData[] = [];
    let isSame = true;
    this.#index = this.#schema.fields.length;
    if (data.children.length > this.#index) throw this.#refused('is not in the schema');
    this.#index = 0;
    for (const { type } of this.#schema.fields) {
      const child = data.children[this.#index];
      const plain = this.#ofLength(dataOf(child), type, numRows, never);
      if (plain !== child) isSame = false;
      children.push(plain);
      this.#index++;
    }
    if (isSame) return batch;
    const { RecordBatch } = this.#arrow;
    const made = new RecordBatch(this.#schema, data.clone(data.type, 0, numRows, 0, [], children), metadata);
    // Its constructor mixes up fields of the same name.
    made.schema = this.#schema;
    return made;
  }

  #collect(batches: readonly ArrowBatch[], encoded: readonly boolean[]): Dictionaries {
    const dictionaries = new Dictionaries(
      this.#arrow,
      (data, type) => this.#plain(data, type, never),
      (data, type) => this.#assertFits(data, type),
    );
    for (const { data } of batches) {
      this.#index = 0;
      for (const { type } of this.#schema.fields) {
        const child = encoded[this.#index] ? dataOf(data.children[this.#index]) : undefined;
        if (child !== undefined) dictionaries.collect(child, type);
        this.#index++;
      }
    }
    return dictionaries;
  }

  /** Whether there are dictionaries in a type. */
  #checkType(type: ArrowType, level: number): boolean {
    this.#assertOurs(this.#arrow.DataType.prototype, type);
    if (level > MAX_LEVELS) throw this.#refused(`is nested deeper than ${MAX_LEVELS} levels`);
    const values = type.typeId === TYPE.dictionary ? type.dictionary : type;
    if (values !== type) this.#assertOurs(this.#arrow.DataType.prototype, values);
    if (values.typeId === TYPE.dictionary) throw this.#refused('is a dictionary of dictionaries');
    if (values !== type) {
      this.#assertOurs(this.#arrow.DataType.prototype, type.indices);
      if (type.indices.bitWidth === 64) throw this.#refused('is a dictionary whose indices have 64 bits');
    }
    let found = values !== type;
    for (const child of values.children ?? []) found = this.#checkType(child.type, level + 1) || found;
    return found;
  }

  #assertOurs(prototype: object, part: unknown): void {
    if (!isOf(prototype, part)) throw this.#refused('is of another copy of apache-arrow than the Table');
  }

  /** Each part of the data is what the schema says that it is, since that is what it is read as. */
  #assertFits(data: ArrowData, type: ArrowType): void {
    const { Data, DataType } = this.#arrow;
    this.#assertOurs(Data.prototype, data);
    if (data.type !== type) {
      this.#assertOurs(DataType.prototype, data.type);
      if (!isAlike(data.type, type)) throw this.#refused('has data of another type than its field in the schema');
    }
    if (!hasArraysOfType(data)) throw this.#refused('has arrays of another type than its data');
    if (data.children.length > 0 && data.children.length > fieldsOf(type).length)
      throw this.#refused('has more children than its type');
  }

  #refused(why: string): TableRefusal {
    const name: unknown = this.#schema.fields[this.#index]?.name;
    return new TableRefusal(`${labelOf(this.#index, typeof name === 'string' ? name : '')} ${why}`);
  }

  /** A column or child of so many rows, of which those that it lacks are null in what it is part of. */
  #ofLength(given: ArrowData | undefined, type: ArrowType, length: number, isNullAbove: NullFrom): ArrowData {
    const data = given ?? this.#empty(type);
    if (data.length === length) return this.#plain(data, type, isNullAbove);
    if (data.length > length) return this.#plain(data.slice(0, length), type, isNullAbove);
    this.#assertFits(data, type);
    if (!isNullAbove(data.length)) throw this.#refused('has fewer rows than what it is part of');
    return this.#plain(padded(data, type, length), type, isNullAbove);
  }

  /** Data without rows, with its children: a union of the package's own would have none. */
  #empty(type: ArrowType): ArrowData {
    const children = fieldsOf(type).map((field) => this.#empty(field.type));
    return this.#arrow.makeData({ type, length: 0, children, child: children[0] });
  }

  /** Data that the writer writes as it is; the same, unless it would not. */
  #plain(given: ArrowData, type: ArrowType, isNullAbove: NullFrom): ArrowData {
    this.#assertFits(given, type);
    if (type.typeId === TYPE.null) return countableNulls(given);
    const counted = hasWrongCount(given) ? withCount(given) : given;
    const data = isShort(counted, type) ? this.#whole(counted, type, isNullAbove) : counted;
    switch (type.typeId) {
      case TYPE.binary:
      case TYPE.utf8:
      case TYPE.largeBinary:
      case TYPE.largeUtf8:
        if (Number(data.valueOffsets[data.length]) > data.values.length)
          throw this.#refused('has fewer bytes than its values');
        this.#assertRising(data);
        return data;
      case TYPE.binaryView:
      case TYPE.utf8View:
        return viewsFromFirst(data);
      case TYPE.struct:
        return this.#parent(data, type, 1, isNullAbove);
      case TYPE.fixedSizeList:
        return this.#parent(data, type, type.listSize, isNullAbove);
      case TYPE.list:
      case TYPE.largeList:
      case TYPE.map:
        return this.#list(data, type);
      case TYPE.union:
        return this.#union(data, type);
      case TYPE.dictionary:
        return (this.#dictionaries as Dictionaries).indices(data, type, (why) => this.#refused(why));
      default:
        return data;
    }
  }

  /** Columns that were made longer by nulls have no values for them; slices of their children claim rows that are not there. */
  #whole(data: ArrowData, type: ArrowType, isNullAbove: NullFrom): ArrowData {
    const there = rowsThere(data, type);
    if (isNullFrom(data, there)) return padded(data, type, data.length);
    if (!isNullAbove(there)) throw this.#refused('has fewer values than rows');
    return padded(data.slice(0, there), type, data.length);
  }

  #parent(data: ArrowData, type: ArrowType, perRow: number, isNullAbove: NullFrom): ArrowData {
    const isNull = (child: number) => {
      const row = Math.floor(child / perRow);
      return isNullFrom(data, row) || isNullAbove(row);
    };
    const { length } = data;
    const fields = fieldsOf(type);
    const children = fields.map(({ type }, i) => this.#ofLength(data.children[i], type, length * perRow, isNull));
    if (children.every((child, i) => child === data.children[i])) return data;
    return data.clone(data.type, data.offset, length, data._nullCount, data, children);
  }

  #list(data: ArrowData, type: ArrowType): ArrowData {
    const [field] = fieldsOf(type);
    if (field === undefined) return data;
    const given = data.children[0];
    const child = given ?? this.#empty(field.type);
    const { valueOffsets, length } = data;
    const first = Number(valueOffsets[0] ?? 0);
    const count = Number(valueOffsets[length] ?? 0) - first;
    if (count < 0 || first + count > child.length) throw this.#refused('has fewer values than its lists');
    this.#assertRising(data);
    const part = first === 0 && count === child.length ? child : child.slice(first, count);
    const plain = this.#plain(part, field.type, never);
    // The writer takes the same part of a child.
    if (plain === part && given !== undefined) return data;
    const offsets =
      valueOffsets instanceof BigInt64Array
        ? valueOffsets.slice(0, length + 1).map((offset) => offset - BigInt(first))
        : valueOffsets.slice(0, length + 1).map((offset) => offset - first);
    return data.clone(data.type, data.offset, length, data._nullCount, [offsets, undefined, data.nullBitmap], [plain]);
  }

  #assertRising({ valueOffsets, length }: ArrowData): void {
    if (valueOffsets.length > length && !areRising(valueOffsets, length + 1))
      throw this.#refused('has offsets that are negative or fall');
  }

  #union(data: ArrowData, type: ArrowType): ArrowData {
    const fields = fieldsOf(type);
    if (!hasItsRows(data, type)) throw this.#refused('refers to rows or children that its union has not');
    const whole = type.mode === DENSE ? denseUnion(data, type) : sparseUnion(data, fields);
    const children = whole.children.map((child, i) => this.#plain(child, (fields[i] as ArrowField).type, never));
    if (whole === data && children.every((child, i) => child === data.children[i])) return data;
    return whole.clone(data.type, 0, whole.length, whole._nullCount, whole, children);
  }
}

/** Not `instanceof`: the package answers true for the objects of all its copies, whose types it cannot tell apart. */
function isOf(prototype: object, part: unknown): boolean {
  return Object.prototype.isPrototypeOf.call(prototype, part as object);
}

/** A table without rows may have vectors in the place of data, of any number of chunks. */
function dataOf(child: ArrowData | ArrowVector | undefined): ArrowData | undefined {
  return child !== undefined && 'data' in child ? child.data[0] : child;
}

/** Whether more nulls are counted than the bitmap can have: the writer leaves out all-null booleans, and a reader refuses more nulls than rows. */
function hasWrongCount({ _nullCount, nullBitmap, length }: ArrowData): boolean {
  return _nullCount > 0 && (_nullCount >= length || nullBitmap === undefined || nullBitmap.length === 0);
}

function withCount(data: ArrowData): ArrowData {
  return data.clone(data.type, data.offset, data.length, data.nullBitmap?.length ? -1 : 0, data, data.children);
}

/** The writer takes slices of children, which count their nulls by a bitmap. */
function countableNulls(data: ArrowData): ArrowData {
  const { offset, length, nullBitmap } = data;
  if (data.nullCount === length && nullBitmap !== undefined && nullBitmap.length * 8 >= offset + length) return data;
  return data.clone(data.type, 0, length, length, [undefined, undefined, new Uint8Array((length + 7) >> 3)]);
}

/** Whether a row and all behind it are null. A union has no nulls of its own. */
function isNullFrom(data: ArrowData, first: number): boolean {
  if (data.type.typeId === TYPE.union) return first >= data.length;
  for (let row = Math.max(0, first); row < data.length; row++) if (data.getValid(row)) return false;
  return true;
}

function never(): boolean {
  return false;
}

function fieldsOf(type: ArrowType): readonly ArrowField[] {
  return type.children ?? [];
}

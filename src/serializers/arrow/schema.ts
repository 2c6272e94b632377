import { SerializationError } from '../../errors.js';
import type { FlatBuffer } from './flatbuffer.js';

/** How the values of a column lie in its buffers. */
export type Layout =
  | { kind: 'null' | 'view' | 'struct' }
  | { kind: 'fixed'; bits: number }
  | { kind: 'variable' | 'list'; offsetLen: 4 | 8 }
  | { kind: 'fixedList'; size: number }
  | { kind: 'union'; dense: boolean };

/** Of a column, for messages. */
export type Label = () => string;

/** A column of a file's schema, or a part of one. */
export interface Column {
  readonly label: Label;
  /** The writer of `apache-arrow` leaves an empty one out. */
  readonly hasName: boolean;
  readonly layout: Layout;
  /** With a dictionary, those of its values. */
  readonly children: readonly Column[];
  /** The dictionary that has the values; the layout is then that of the indices. */
  readonly dictionary: number | undefined;
}

export interface FileSchema {
  readonly columns: readonly Column[];
  /** The values of each dictionary, by its id. */
  readonly dictionaries: ReadonlyMap<number, Column>;
}

/** Levels below a column: the tables of a deeper schema would nest deeper than they are followed. */
export const MAX_LEVELS = 60;

const [NAME, TYPE, DICTIONARY, CHILDREN] = [0, 3, 4, 5];
const NOT_READ: Record<number, string> = { 22: 'RunEndEncoded', 25: 'ListView', 26: 'LargeListView' };

/**
 * The columns of a schema whose structure has been checked.
 *
 * @throws SerializationError for what `apache-arrow` 21 does not read, by its name.
 */
export function schemaOf(flat: FlatBuffer, schema: number): FileSchema {
  if (schema !== 0 && flat.number(schema, 0, 2, 0) !== 0) throw notSupported('big-endian data');
  const dictionaries = new Map<number, Column>();
  const fields = schema === 0 ? [] : flat.tables(schema, 1);
  const columns = fields.map((field, i) =>
    columnOf(flat, field, () => labelOf(i, flat.string(field, NAME)), dictionaries, 0),
  );
  return { columns, dictionaries };
}

/** A column in messages: its position, as in `getChildAt`, and its name if that looks like one and not like data. */
export function labelOf(index: number, name: string): string {
  return `the column at index ${index}${/^[A-Za-z_]\w{0,39}$/.test(name) ? ` (${name})` : ''}`;
}

export function notSupported(what: string, label?: Label): SerializationError {
  return new SerializationError(
    `Arrow files with ${what} are not supported${label === undefined ? '' : `: ${label()}`}`,
  );
}

function columnOf(
  flat: FlatBuffer,
  field: number,
  label: Label,
  dictionaries: Map<number, Column>,
  level: number,
): Column {
  if (level > MAX_LEVELS) throw notSupported(`columns nested deeper than ${MAX_LEVELS} levels`, label);
  const children = flat.tables(field, CHILDREN).map((child) => columnOf(flat, child, label, dictionaries, level + 1));
  const layout = layoutOf(flat, field, children, label);
  const hasName = flat.slot(field, NAME) !== 0;
  const column: Column = { label, hasName, layout, children, dictionary: undefined };
  const encoding = flat.table(field, DICTIONARY);
  if (encoding === 0) return column;
  const id = flat.long(encoding, 0);
  if (!dictionaries.has(id)) dictionaries.set(id, column);
  const indices = flat.table(encoding, 1);
  const bits = indices === 0 ? 32 : flat.number(indices, 0, 4, 0);
  // Their values would be BigInts, with which `apache-arrow` cannot look anything up.
  if (bits === 64) throw notSupported('dictionaries whose indices have 64 bits', label);
  return { label, hasName, layout: integer(bits, label), children, dictionary: id };
}

function layoutOf(flat: FlatBuffer, field: number, children: readonly Column[], label: Label): Layout {
  const kind = flat.number(field, 2, 1, 0);
  const type = flat.table(field, TYPE);
  const short = (index: number, ifAbsent: number) => (type === 0 ? ifAbsent : flat.number(type, index, 2, ifAbsent));
  const int = (index: number, ifAbsent: number) => (type === 0 ? ifAbsent : flat.number(type, index, 4, ifAbsent));
  const layout = simpleLayout(kind, short, int, label);
  const wanted =
    layout.kind === 'list' || layout.kind === 'fixedList'
      ? children.length === 1
      : layout.kind === 'struct' || layout.kind === 'union' || children.length === 0;
  const isNegative = (layout.kind === 'fixed' && layout.bits < 0) || (layout.kind === 'fixedList' && layout.size < 0);
  if (!wanted || isNegative) throw new SerializationError('The payload is not an Arrow file');
  return layout;
}

type Field = (index: number, ifAbsent: number) => number;

/** By the number of the type in Schema.fbs. */
function simpleLayout(kind: number, short: Field, int: Field, label: Label): Layout {
  switch (kind) {
    case 1: // Null
      return { kind: 'null' };
    case 2: // Int
      return integer(int(0, 0), label);
    case 3: // FloatingPoint: half, single, double
      return { kind: 'fixed', bits: 16 << short(0, 0) };
    case 4: // Binary
    case 5: // Utf8
      return { kind: 'variable', offsetLen: 4 };
    case 19: // LargeBinary
    case 20: // LargeUtf8
      return { kind: 'variable', offsetLen: 8 };
    case 6: // Bool
      return { kind: 'fixed', bits: 1 };
    case 7: // Decimal
      return { kind: 'fixed', bits: int(2, 128) };
    case 8: // Date: days, milliseconds
      return { kind: 'fixed', bits: short(0, 1) === 0 ? 32 : 64 };
    case 9: // Time
      return { kind: 'fixed', bits: int(1, 32) };
    case 10: // Timestamp
    case 18: // Duration
      return { kind: 'fixed', bits: 64 };
    case 11: // Interval: months, days and milliseconds, months and days and nanoseconds
      return { kind: 'fixed', bits: 32 << short(0, 0) };
    case 12: // List
    case 17: // Map
      return { kind: 'list', offsetLen: 4 };
    case 21: // LargeList
      return { kind: 'list', offsetLen: 8 };
    case 13: // Struct
      return { kind: 'struct' };
    case 14: // Union
      return { kind: 'union', dense: short(0, 0) === 1 };
    case 15: // FixedSizeBinary
      return { kind: 'fixed', bits: int(0, 0) * 8 };
    case 16: // FixedSizeList
      return { kind: 'fixedList', size: int(0, 0) };
    case 23: // BinaryView
    case 24: // Utf8View
      return { kind: 'view' };
    default:
      throw notSupported(NOT_READ[kind] ?? `the type of number ${kind}`, label);
  }
}

function integer(bits: number, label: Label): Layout {
  if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64) throw notSupported(`integers of ${bits} bits`, label);
  return { kind: 'fixed', bits };
}

import { SerializationError } from '../../errors.js';

/** What a slot of a table holds. */
export interface Slot {
  readonly kind: 'scalar' | 'bytes' | 'table' | 'tables' | 'type';
  /** Of the tables. */
  readonly of: Slots;
  /** Of a vector of bytes, of which a string is one. */
  readonly elementLen: number;
}
export type Slots = readonly Slot[];

/** Those of a table of numbers need no check. */
export const SCALARS: Slots = [];
export const SCALAR: Slot = { kind: 'scalar', of: SCALARS, elementLen: 0 };
export const STRING = bytes(1);
/** The table of a field's type, whose number is in the slot before. */
export const TYPE: Slot = { kind: 'type', of: SCALARS, elementLen: 0 };

export function bytes(elementLen: number): Slot {
  return { kind: 'bytes', of: SCALARS, elementLen };
}

export function table(of: Slots): Slot {
  return { kind: 'table', of, elementLen: 0 };
}

export function tables(of: Slots): Slot {
  return { kind: 'tables', of, elementLen: 0 };
}

/** Tables nest no deeper; those of a column, its type and its dictionary are at four levels of them. */
const MAX_DEPTH = 64;

/** More than any table of Arrow has. */
const MAX_SLOTS = 16;

/** The types of a field that hold more than numbers, by their numbers. */
const TYPES: Record<number, Slots> = { 10: [SCALAR, STRING], 14: [SCALAR, bytes(4)] };

/** What there may still be: what several tables refer to is read for each of them. */
export interface Budget {
  tables: number;
  /** In strings and vectors of numbers. */
  bytes: number;
}

/** One FlatBuffer at `start..end`, whose checked tables, vectors and strings lie inside. A position of 0 is a missing slot. */
export class FlatBuffer {
  readonly root: number;

  constructor(
    private readonly view: DataView,
    readonly start: number,
    private readonly end: number,
    private readonly budget: Budget,
  ) {
    this.root = start + view.getUint32(start, true);
  }

  check(root: Slots): boolean {
    return this.checkTable(this.root, root, 0);
  }

  /** Where a table's vtable has the offset of a slot. */
  entry(table: number, index: number): number {
    const vtable = table - this.view.getInt32(table, true);
    const entry = 4 + index * 2;
    return entry >= this.view.getUint16(vtable, true) ? 0 : vtable + entry;
  }

  slot(table: number, index: number): number {
    const entry = this.entry(table, index);
    const offset = entry === 0 ? 0 : this.view.getUint16(entry, true);
    return offset === 0 ? 0 : table + offset;
  }

  table(table: number, index: number): number {
    const slot = this.slot(table, index);
    return slot === 0 ? 0 : this.follow(slot);
  }

  vector(table: number, index: number): { at: number; length: number } {
    const vector = this.table(table, index);
    return vector === 0 ? { at: 0, length: 0 } : { at: vector + 4, length: this.view.getUint32(vector, true) };
  }

  /** The tables of a vector. */
  tables(table: number, index: number): number[] {
    const { at, length } = table === 0 ? { at: 0, length: 0 } : this.vector(table, index);
    const found: number[] = [];
    for (let i = 0; i < length; i++) found.push(this.follow(at + i * 4));
    return found;
  }

  /** A number of a table's slot: 2 and 4 bytes are signed, 1 is not. */
  number(table: number, index: number, bytes: 1 | 2 | 4, ifAbsent: number): number {
    const slot = this.slot(table, index);
    if (slot === 0) return ifAbsent;
    if (bytes === 1) return this.view.getUint8(slot);
    return bytes === 2 ? this.view.getInt16(slot, true) : this.view.getInt32(slot, true);
  }

  /** As `number`, of 8 bytes. Beyond 2^53 it is not exact, and beyond every length. */
  long(table: number, index: number): number {
    const slot = this.slot(table, index);
    return slot === 0 ? 0 : this.view.getUint32(slot, true) + this.view.getInt32(slot + 4, true) * 2 ** 32;
  }

  string(table: number, index: number): string {
    const { at, length } = this.vector(table, index);
    return Buffer.from(this.view.buffer, this.view.byteOffset + at, length).toString();
  }

  private checkTable(table: number, slots: Slots, depth: number): boolean {
    if (depth > MAX_DEPTH)
      throw new SerializationError('Arrow files with columns nested deeper than 60 levels are not supported');
    if (this.budget.tables-- <= 0 || !this.holds(table, 4)) return false;
    const vtable = table - this.view.getInt32(table, true);
    if (!this.holds(vtable, 4)) return false;
    const vtableLen = this.view.getUint16(vtable, true);
    const tableLen = this.view.getUint16(vtable + 2, true);
    if (vtableLen < 4 || tableLen < 4 || !this.holds(vtable, vtableLen) || !this.holds(table, tableLen)) return false;
    // A vtable can be shared, and longer than any that Arrow has: fields that are not read are not checked.
    const count = Math.min((vtableLen - 4) >> 1, MAX_SLOTS);
    for (let index = 0; index < count; index++) {
      const offset = this.view.getUint16(vtable + 4 + index * 2, true);
      if (offset >= tableLen) return false;
      const kind = slots[index];
      if (offset === 0 || kind === undefined || kind === SCALAR) continue;
      if (!this.checkSlot(table, table + offset, kind, depth)) return false;
    }
    return true;
  }

  private checkSlot(table: number, slot: number, { kind, of, elementLen }: Slot, depth: number): boolean {
    if (!this.holds(slot, 4)) return false;
    const target = this.follow(slot);
    if (kind === 'bytes') return this.checkBytes(target, elementLen);
    if (kind === 'table') return this.checkTable(target, of, depth + 1);
    if (kind === 'type') return this.checkTable(target, this.typeOf(table), depth + 1);
    if (!this.checkVector(target, 4)) return false;
    const length = this.view.getUint32(target, true);
    for (let i = 0; i < length; i++) {
      if (!this.checkTable(this.follow(target + 4 + i * 4), of, depth + 1)) return false;
    }
    return true;
  }

  private checkBytes(vector: number, elementLen: number): boolean {
    if (!this.checkVector(vector, elementLen)) return false;
    this.budget.bytes -= this.view.getUint32(vector, true) * elementLen;
    return this.budget.bytes >= 0;
  }

  private checkVector(vector: number, elementLen: number): boolean {
    return this.holds(vector, 4) && this.holds(vector + 4, this.view.getUint32(vector, true) * elementLen);
  }

  /** The table of a field's type, by the number in the slot before it. */
  private typeOf(field: number): Slots {
    const slot = this.slot(field, 2);
    return TYPES[slot === 0 ? 0 : this.view.getUint8(slot)] ?? SCALARS;
  }

  private follow(slot: number): number {
    return slot + this.view.getUint32(slot, true);
  }

  private holds(at: number, length: number): boolean {
    return at >= this.start && at + length <= this.end;
  }
}

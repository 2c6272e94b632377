/*
 * The structure of an Arrow IPC file, which `apache-arrow` follows without checking: bytes that somebody altered
 * make it loop for ever. Everything that has an offset or a length is checked here before it sees them.
 *
 *   0             8                                             length − 10 − n     length − 10   length − 6
 *   "ARROW1" 00 00 | messages, each at the offset of its block … | footer (n bytes) | n (u32le) | "ARROW1"
 *
 *   message: ffffffff | m (i32le) | metadata (m bytes) | body
 *
 * Footer and metadata are FlatBuffers. The tables below list their slots, as in Arrow's Schema.fbs, Message.fbs and File.fbs.
 */
type Slot = 'scalar' | 'string' | 'type' | { table: Table } | { vectorOf: Table } | { vectorOfBytes: number };
type Table = readonly Slot[];

const MAGIC = [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31];
const HEAD_LEN = 8;
const TAIL_LEN = 10;
const BLOCK_LEN = 24;
const MESSAGE_PREFIX_LEN = 8;
const MAX_DEPTH = 64;
const LENGTH_PREFIX_LEN = 8;
/** In all buffers of a file; the protocol's limit for a value. */
const MAX_DECOMPRESSED_LEN = 512 * 1024 * 1024;

/** By the number in a batch's `BodyCompression`. */
const CODECS = ['lz4', 'zstd'] as const;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;
const TIMESTAMP = 10;
const UNION = 14;

const KEY_VALUE: Table = ['string', 'string'];
const METADATA: Slot = { vectorOf: KEY_VALUE };
const SCALARS: Table = [];
const TIMESTAMP_TYPE: Table = ['scalar', 'string'];
const UNION_TYPE: Table = ['scalar', { vectorOfBytes: 4 }];
const DICTIONARY_ENCODING: Table = ['scalar', { table: SCALARS }];
const FIELD: Slot[] = ['string', 'scalar', 'scalar', 'type', { table: DICTIONARY_ENCODING }];
FIELD.push({ vectorOf: FIELD }, METADATA);
const SCHEMA: Table = ['scalar', { vectorOf: FIELD }, METADATA, { vectorOfBytes: 8 }];
const FOOTER: Table = [
  'scalar',
  { table: SCHEMA },
  { vectorOfBytes: BLOCK_LEN },
  { vectorOfBytes: BLOCK_LEN },
  METADATA,
];
const BATCH: Table = ['scalar', { vectorOfBytes: 16 }, { vectorOfBytes: 16 }, { table: SCALARS }, { vectorOfBytes: 8 }];
const DICTIONARY: Table = ['scalar', { table: BATCH }, 'scalar'];
const messageOf = (header: Table): Table => ['scalar', 'scalar', { table: header }, 'scalar', METADATA];

/**
 * How the columns of an Arrow file are compressed; `undefined` unless bytes are one whose every offset and length stays
 * inside it, and whose buffers claim 512 MiB at most.
 */
export function compressionOf(bytes: Uint8Array): 'none' | 'lz4' | 'zstd' | undefined {
  try {
    return hasMagic(bytes) ? new ArrowFile(bytes).compression() : undefined;
  } catch (error) {
    // A read outside the bytes.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function hasMagic(bytes: Uint8Array): boolean {
  const tail = bytes.length - MAGIC.length;
  return bytes.length >= HEAD_LEN + TAIL_LEN && MAGIC.every((byte, i) => bytes[i] === byte && bytes[tail + i] === byte);
}

class ArrowFile {
  private readonly view: DataView;
  /** Tables that the bytes have room for: one that several others refer to is no way to make more of them. */
  private tablesLeft: number;
  private codec: 'none' | 'lz4' | 'zstd' = 'none';
  private decompressedLen = 0;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.tablesLeft = bytes.length / 8;
  }

  compression(): 'none' | 'lz4' | 'zstd' | undefined {
    return this.check() ? this.codec : undefined;
  }

  private check(): boolean {
    const end = this.view.byteLength - TAIL_LEN;
    const footer = new Flat(this.view, end - this.view.getUint32(end, true), end, () => this.tablesLeft-- > 0);
    if (footer.start < HEAD_LEN || !footer.check(FOOTER)) return false;
    const columns = footer.tables(footer.table(footer.root, 1), 1).map((field) => nodesOf(footer, field));
    return this.blocks(footer, 2, DICTIONARY_BATCH) && this.blocks(footer, 3, RECORD_BATCH, columns);
  }

  private blocks(footer: Flat, slot: number, headerType: number, columns?: readonly number[]): boolean {
    const { at, length } = footer.vector(footer.root, slot);
    for (let i = 0; i < length; i++) {
      const block = at + i * BLOCK_LEN;
      const offset = this.int64(block);
      const metadataLen = this.view.getInt32(block + 8, true);
      const bodyLen = this.int64(block + 16);
      if (offset < HEAD_LEN || metadataLen <= MESSAGE_PREFIX_LEN || bodyLen < 0) return false;
      if (offset + metadataLen + bodyLen > footer.start) return false;
      if (!this.message(offset, metadataLen - MESSAGE_PREFIX_LEN, bodyLen, headerType, columns)) return false;
    }
    return true;
  }

  private message(
    offset: number,
    metadataLen: number,
    bodyLen: number,
    headerType: number,
    columns?: readonly number[],
  ): boolean {
    const { view } = this;
    if (view.getInt32(offset, true) !== -1 || view.getInt32(offset + 4, true) !== metadataLen) return false;
    const start = offset + MESSAGE_PREFIX_LEN;
    const message = new Flat(view, start, start + metadataLen, () => this.tablesLeft-- > 0);
    if (!message.check(messageOf(headerType === RECORD_BATCH ? BATCH : DICTIONARY))) return false;
    const type = message.slot(message.root, 1);
    const body = message.slot(message.root, 3);
    if (type === 0 || view.getUint8(type) !== headerType) return false;
    if ((body === 0 ? 0 : this.int64(body)) !== bodyLen) return false;
    const header = message.table(message.root, 2);
    const batch = headerType === RECORD_BATCH || header === 0 ? header : message.table(header, 1);
    return batch !== 0 && this.batch(message, batch, start + metadataLen, bodyLen, columns);
  }

  private batch(
    message: Flat,
    batch: number,
    body: number,
    bodyLen: number,
    columns: readonly number[] | undefined,
  ): boolean {
    if (!this.sameLength(message, batch, columns)) return false;
    const buffers = message.vector(batch, 2);
    for (let i = 0; i < buffers.length; i++) {
      const offset = this.int64(buffers.at + i * 16);
      const length = this.int64(buffers.at + i * 16 + 8);
      if (offset < 0 || length < 0 || offset + length > bodyLen) return false;
    }
    const compression = message.table(batch, 3);
    return compression === 0 || this.compressed(message, compression, buffers, body);
  }

  /** One codec in all batches; in front of each buffer that is not empty, its length when decompressed, or −1. */
  private compressed(
    message: Flat,
    compression: number,
    buffers: { at: number; length: number },
    body: number,
  ): boolean {
    const slot = message.slot(compression, 0);
    const codec = CODECS[slot === 0 ? 0 : this.view.getUint8(slot)];
    if (codec === undefined || (this.codec !== 'none' && this.codec !== codec)) return false;
    this.codec = codec;
    for (let i = 0; i < buffers.length; i++) {
      const length = this.int64(buffers.at + i * 16 + 8);
      if (length === 0) continue;
      const decompressed = length < LENGTH_PREFIX_LEN ? -2 : this.int64(body + this.int64(buffers.at + i * 16));
      if (decompressed < -1) return false;
      if (decompressed > 0) this.decompressedLen += decompressed;
      if (this.decompressedLen > MAX_DECOMPRESSED_LEN) return false;
    }
    return true;
  }

  /**
   * Whether all columns have the batch's number of rows: `apache-arrow` fills up those that are shorter.
   * A column has one node for itself and those of its children behind it; `columns` are their counts.
   */
  private sameLength(message: Flat, batch: number, columns: readonly number[] | undefined): boolean {
    const nodes = message.vector(batch, 1);
    const slot = message.slot(batch, 0);
    const rows = slot === 0 ? 0 : this.int64(slot);
    if (rows < 0 || !Number.isSafeInteger(rows)) return false;
    let node = 0;
    for (const count of columns ?? [nodes.length]) {
      if (node + count > nodes.length || this.int64(nodes.at + node * 16) !== rows) return false;
      node += count;
    }
    return node === nodes.length;
  }

  private int64(at: number): number {
    return Number(this.view.getBigInt64(at, true));
  }
}

/** The nodes that a column has in a batch. Its values are elsewhere when it has a dictionary, and with them its children. */
function nodesOf(footer: Flat, field: number): number {
  if (footer.slot(field, 4) !== 0) return 1;
  return footer.tables(field, 5).reduce((sum, child) => sum + nodesOf(footer, child), 1);
}

/** One FlatBuffer at `start..end`. A position of 0 is a slot that is not there. */
class Flat {
  readonly root: number;

  constructor(
    private readonly view: DataView,
    readonly start: number,
    private readonly end: number,
    private readonly takeTable: () => boolean,
  ) {
    this.root = start + view.getUint32(start, true);
  }

  check(table: Table): boolean {
    return this.checkTable(this.root, table, 0);
  }

  slot(table: number, index: number): number {
    const vtable = table - this.view.getInt32(table, true);
    const entry = 4 + index * 2;
    if (entry >= this.view.getUint16(vtable, true)) return 0;
    const offset = this.view.getUint16(vtable + entry, true);
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
    return Array.from({ length }, (_, i) => this.follow(at + i * 4));
  }

  private checkTable(table: number, slots: Table, depth: number): boolean {
    if (depth > MAX_DEPTH || !this.takeTable() || !this.holds(table, 4)) return false;
    const vtable = table - this.view.getInt32(table, true);
    if (!this.holds(vtable, 4)) return false;
    const vtableLen = this.view.getUint16(vtable, true);
    const tableLen = this.view.getUint16(vtable + 2, true);
    if (vtableLen < 4 || tableLen < 4 || !this.holds(vtable, vtableLen) || !this.holds(table, tableLen)) return false;
    for (let at = vtable + 4; at + 2 <= vtable + vtableLen; at += 2) {
      if (this.view.getUint16(at, true) >= tableLen) return false;
    }
    return slots.every((kind, index) => this.checkSlot(table, index, kind, depth));
  }

  private checkSlot(table: number, index: number, kind: Slot, depth: number): boolean {
    const slot = this.slot(table, index);
    if (slot === 0 || kind === 'scalar') return true;
    if (!this.holds(slot, 4)) return false;
    const target = this.follow(slot);
    if (kind === 'string') return this.checkVector(target, 1);
    if (kind === 'type') return this.checkTable(target, this.typeOf(table), depth + 1);
    if ('table' in kind) return this.checkTable(target, kind.table, depth + 1);
    if ('vectorOfBytes' in kind) return this.checkVector(target, kind.vectorOfBytes);
    if (!this.checkVector(target, 4)) return false;
    const length = this.view.getUint32(target, true);
    for (let i = 0; i < length; i++) {
      if (!this.checkTable(this.follow(target + 4 + i * 4), kind.vectorOf, depth + 1)) return false;
    }
    return true;
  }

  private checkVector(vector: number, elementLen: number): boolean {
    return this.holds(vector, 4) && this.holds(vector + 4, this.view.getUint32(vector, true) * elementLen);
  }

  /** The table of a field's type, by the number in the slot before it. */
  private typeOf(field: number): Table {
    const slot = this.slot(field, 2);
    const type = slot === 0 ? 0 : this.view.getUint8(slot);
    return type === TIMESTAMP ? TIMESTAMP_TYPE : type === UNION ? UNION_TYPE : SCALARS;
  }

  private follow(slot: number): number {
    return slot + this.view.getUint32(slot, true);
  }

  private holds(at: number, length: number): boolean {
    return at >= this.start && at + length <= this.end;
  }
}

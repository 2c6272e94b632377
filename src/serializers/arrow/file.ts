/*
 * The structure of an Arrow IPC file, which `apache-arrow` follows without checking: altered bytes can
 * make it loop endlessly. Everything that has an offset or a length is checked here before it sees them.
 *
 *   0             8                                             length − 10 − n     length − 10   length − 6
 *   "ARROW1" 00 00 | messages, each at the offset of its block … | footer (n bytes) | n (u32le) | "ARROW1"
 *
 *   message: ffffffff | m (i32le) | metadata (m bytes) | body
 *
 * Footer and metadata are FlatBuffers. The tables below list their slots, as in Arrow's Schema.fbs, Message.fbs and File.fbs.
 */
import { SerializationError } from '../../errors.js';
import { type Batch, checkColumns, int64, regionOf, VERSION_4, VERSION_5 } from './batch.js';
import type { ArrowCompression } from './codecs.js';
import {
  type Budget,
  bytes,
  FlatBuffer,
  SCALAR,
  SCALARS,
  type Slot,
  type Slots,
  STRING,
  TYPE,
  table,
  tables,
} from './flatbuffer.js';
import { type Column, type FileSchema, notSupported, schemaOf } from './schema.js';

const MAGIC = [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31];
export const HEAD_LEN = 8;
export const TAIL_LEN = 10;
const BLOCK_LEN = 24;
const MESSAGE_PREFIX_LEN = 8;
/** In all buffers of a file that has compressed ones; the protocol's limit for a value. */
const MAX_PLAIN_LEN = 512 * 1024 * 1024;

/** By the number in a batch's `BodyCompression`. */
const CODECS = ['lz4', 'zstd'] as const;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;

const METADATA = tables([STRING, STRING]);
const DICTIONARY_ENCODING: Slots = [SCALAR, table(SCALARS)];
const FIELD: Slot[] = [STRING, SCALAR, SCALAR, TYPE, table(DICTIONARY_ENCODING)];
FIELD.push(tables(FIELD), METADATA);
const SCHEMA: Slots = [SCALAR, tables(FIELD), METADATA, bytes(8)];
const FOOTER: Slots = [SCALAR, table(SCHEMA), bytes(BLOCK_LEN), bytes(BLOCK_LEN), METADATA];
const BATCH: Slots = [SCALAR, bytes(16), bytes(16), table(SCALARS), bytes(8)];
const RECORDS: Slots = [SCALAR, SCALAR, table(BATCH), SCALAR, METADATA];
const DICTIONARY: Slots = [SCALAR, SCALAR, table([SCALAR, table(BATCH), SCALAR]), SCALAR, METADATA];

/** What is known of a file that has been checked. */
export interface ArrowFile {
  readonly compression: ArrowCompression | 'none';
  readonly schema: FileSchema;
  readonly footer: { readonly start: number; readonly end: number };
  /** Those of dictionaries, then those of records. */
  readonly batches: readonly Batch[];
}

/**
 * Checks that bytes are an Arrow file whose every offset and length stays inside it, whose batches have what their columns need,
 * and whose buffers claim 512 MiB at most when they are compressed.
 *
 * @throws SerializationError for any other bytes, and for what is not supported, by its name.
 */
export function parseFile(bytes: Uint8Array): ArrowFile {
  try {
    if (hasMagic(bytes)) return new Parser(bytes).parse();
  } catch (error) {
    // A RangeError is a read outside the bytes.
    if (!(error instanceof RangeError)) throw error;
  }
  throw notAFile();
}

function notAFile(): SerializationError {
  return new SerializationError('The payload is not an Arrow file');
}

function hasMagic(bytes: Uint8Array): boolean {
  const tail = bytes.length - MAGIC.length;
  return bytes.length >= HEAD_LEN + TAIL_LEN && MAGIC.every((byte, i) => bytes[i] === byte && bytes[tail + i] === byte);
}

/** What a footer says of a message. */
interface Block {
  readonly at: number;
  readonly type: number;
  readonly offset: number;
  readonly metadataLen: number;
  readonly bodyLen: number;
}

class Parser {
  private readonly view: DataView;
  /** What the bytes have room for, strings with some to spare, which a writer may share. */
  private readonly budget: Budget;
  private compression: ArrowCompression | 'none' = 'none';
  private plainLen = 0;
  private readonly batches: Batch[] = [];
  private readonly seenDictionaries = new Set<number>();

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.budget = { tables: bytes.length / 8, bytes: bytes.length * 4 };
  }

  parse(): ArrowFile {
    const end = this.view.byteLength - TAIL_LEN;
    const footer = this.flat(end - this.view.getUint32(end, true), end);
    if (footer.start < HEAD_LEN || !footer.check(FOOTER)) throw notAFile();
    this.checkVersion(footer, footer.root);
    const schema = schemaOf(footer, footer.table(footer.root, 1));
    for (const block of this.blocks(footer)) this.batch(block, schema);
    return { compression: this.compression, schema, footer: { start: footer.start, end }, batches: this.batches };
  }

  /** The blocks of dictionaries, then those of records. None may overlap: a footer could list one block thousands of times. */
  private blocks(footer: FlatBuffer): Block[] {
    const blocks: Block[] = [];
    for (const type of [DICTIONARY_BATCH, RECORD_BATCH]) {
      // The slots of the footer happen to have the numbers of the messages.
      const { at, length } = footer.vector(footer.root, type);
      for (let i = 0; i < length; i++) blocks.push(this.block(at + i * BLOCK_LEN, type));
    }
    let end = HEAD_LEN;
    for (const { offset, metadataLen, bodyLen } of blocks.toSorted((one, other) => one.offset - other.offset)) {
      if (offset < end) throw notAFile();
      end = offset + metadataLen + bodyLen;
    }
    if (end > footer.start) throw notAFile();
    return blocks;
  }

  private block(at: number, type: number): Block {
    const offset = int64(this.view, at);
    const metadataLen = this.view.getInt32(at + 8, true);
    const bodyLen = int64(this.view, at + 16);
    if (metadataLen <= MESSAGE_PREFIX_LEN || bodyLen < 0) throw notAFile();
    return { at, type, offset, metadataLen, bodyLen };
  }

  private batch({ at: block, type, offset, metadataLen, bodyLen }: Block, schema: FileSchema): void {
    if (this.view.getInt32(offset, true) === metadataLen - 4) throw notSupported('the format before version 0.15');
    if (this.view.getInt32(offset, true) !== -1) throw notAFile();
    const start = offset + MESSAGE_PREFIX_LEN;
    if (this.view.getInt32(offset + 4, true) !== metadataLen - MESSAGE_PREFIX_LEN) throw notAFile();
    const message = this.flat(start, offset + metadataLen);
    if (!message.check(type === RECORD_BATCH ? RECORDS : DICTIONARY)) throw notAFile();
    this.checkVersion(message, message.root);
    if (message.number(message.root, 1, 1, 0) !== type || message.long(message.root, 3) !== bodyLen) throw notAFile();
    const header = message.table(message.root, 2);
    const table = type === RECORD_BATCH || header === 0 ? header : message.table(header, 1);
    if (table === 0) throw notAFile();
    const columns = type === RECORD_BATCH ? schema.columns : [this.dictionary(message, header, schema)];
    const buffers = message.vector(table, 2);
    const batch: Batch = {
      offset,
      metadataLen,
      body: offset + metadataLen,
      bodyLen,
      block,
      bodyLenSlot: message.slot(message.root, 3),
      compressionEntry: this.codec(message, table) === undefined ? 0 : message.entry(table, 3),
      rows: message.long(table, 0),
      nodes: message.vector(table, 1),
      buffers,
      variadicCounts: message.vector(table, 4),
      version: message.number(message.root, 0, 2, 0),
    };
    if (batch.rows < 0 || !Number.isSafeInteger(batch.rows)) throw notAFile();
    for (let i = 0; i < buffers.length; i++) this.buffer(batch, i);
    checkColumns(this.view, batch, columns);
    this.batches.push(batch);
  }

  /** The values of the dictionary that a batch is of. `apache-arrow` would take another batch for that of all rows. */
  private dictionary(message: FlatBuffer, header: number, schema: FileSchema): Column {
    const id = message.long(header, 0);
    const values = schema.dictionaries.get(id);
    if (values === undefined) throw notAFile();
    const isDelta = message.number(header, 2, 1, 0) !== 0;
    if (this.seenDictionaries.has(id) && !isDelta) throw notSupported('replacement dictionaries', values.label);
    this.seenDictionaries.add(id);
    return values;
  }

  private buffer(batch: Batch, index: number): void {
    const entry = batch.buffers.at + index * 16;
    const offset = int64(this.view, entry);
    const length = int64(this.view, entry + 8);
    if (offset < 0 || length < 0 || offset + length > batch.bodyLen) throw notAFile();
    if (batch.compressionEntry === 0) return;
    const region = regionOf(this.view, batch, index);
    // A length before compression that is none is NaN or negative.
    if (!(region.length >= 0)) throw notAFile();
    this.plainLen += region.length;
    if (this.plainLen > MAX_PLAIN_LEN) throw new SerializationError('The Arrow file holds more than 512 MiB');
  }

  /** One codec in all batches, and in front of each buffer that is not empty its length when decompressed, or −1. */
  private codec(message: FlatBuffer, table: number): ArrowCompression | undefined {
    const compression = message.table(table, 3);
    if (compression === 0) return undefined;
    const codec = CODECS[message.number(compression, 0, 1, 0)];
    if (codec === undefined || message.number(compression, 1, 1, 0) !== 0) throw notSupported('another compression');
    if (this.compression !== 'none' && this.compression !== codec) throw notSupported('two compressions');
    this.compression = codec;
    return codec;
  }

  private checkVersion(flat: FlatBuffer, table: number): void {
    const version = flat.number(table, 0, 2, 0);
    if (version !== VERSION_4 && version !== VERSION_5) throw notSupported('metadata other than of versions 4 and 5');
  }

  private flat(start: number, end: number): FlatBuffer {
    return new FlatBuffer(this.view, start, end, this.budget);
  }
}

import { fileURLToPath } from 'node:url';
import { ConfigurationError, SerializationError } from '../errors.js';
import { assertBytes, kindOf } from '../util/bytes.js';
import { readOptions } from '../util/options-object.js';
import { ownRequire } from '../util/own-require.js';
import type { ArrowCompression } from './arrow/codecs.js';
import { writableBatches } from './arrow/columns.js';
import { codecOf, compressionOf } from './arrow/compression.js';
import type { ArrowBatch, ArrowSchema, ColumnsModule } from './arrow/memory.js';
import { readTable } from './arrow/reading.js';
import { TableRefusal } from './arrow/refusal.js';
import { type Room, type WritingModule, writeFile } from './arrow/room.js';
import type { Serializer } from './serializer.js';

/** What is used here of a Table of `apache-arrow`, which is an optional peer: `ArrowSerializer<Table>` has its full type. */
export interface ArrowTable {
  readonly numRows: number;
  readonly numCols: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
}

/** What is used here of the module `apache-arrow`. */
export interface ArrowModule<T extends ArrowTable = ArrowTable> {
  readonly Table: { readonly prototype: T };
  readonly Schema: unknown;
  readonly RecordBatch: unknown;
  readonly Vector: unknown;
  readonly Data: unknown;
  readonly DataType: unknown;
  readonly RecordBatchFileWriter: unknown;
  readonly AsyncByteQueue: unknown;
  makeData(rows: never): unknown;
  tableFromIPC(bytes: Uint8Array): unknown;
}

export interface ArrowSerializerOptions<T extends ArrowTable = ArrowTable> {
  /**
   * Your `import * as arrow from 'apache-arrow'`. It is needed only when there is more than one copy of the package.
   * Default: the one that `import 'apache-arrow'` gives.
   */
  arrow?: ArrowModule<T>;
  /**
   * Compresses the columns, as the Python SDK does with zstd. `'zstd'` needs Node 22.15 or the package
   * `@bokuweb/zstd-wasm`; reading such files needs the same and no option. Default: no compression, which is faster, and
   * lets the columns of a table that was read be views of the payload.
   */
  compression?: ArrowCompression;
  /** The flag that is authenticated with every sealed value; it compresses nothing. Default: whether `compression` is set. */
  compressed?: boolean;
}

/**
 * Tables of `apache-arrow` as Arrow IPC files, which is what other SDKs hold DataFrames in.
 *
 * Files are written without compression unless `compression` says otherwise, and read either way. A table is read back
 * as it was or refused when it is written: dictionaries that differ between its batches become one, as a file has room for
 * no more, with the indices that the schema says; data of another type than its field in the schema, offsets that fall,
 * indices outside a dictionary, rows of a union that are not there, a schema nested deeper than 60 levels, a dictionary of
 * dictionaries or with indices of 64 bits, and a column of another copy of `apache-arrow` are refused. The columns of a table that was read are views of an uncompressed payload
 * where its memory is aligned to eight bytes: no copy is made, and the payload stays in memory as long as the table.
 *
 * @throws TypeError, RangeError for a wrong type or compression, ConfigurationError when `apache-arrow` or the package
 *   for the compression is not installed, with the command that installs it.
 */
export class ArrowSerializer<T extends ArrowTable = ArrowTable> implements Serializer<T> {
  readonly format = 'arrow';
  readonly container = 'checksum';
  readonly compressed: boolean;
  readonly originalType = undefined;
  #arrow: ArrowModule<T> | undefined;
  readonly #given: boolean;
  readonly #compression: ArrowCompression | undefined;

  constructor(options: ArrowSerializerOptions<T> = {}) {
    const { arrow, compression, compressed = compression !== undefined } = readOptions(options);
    if (typeof compressed !== 'boolean') throw new TypeError(`compressed must be a boolean, not ${kindOf(compressed)}`);
    if (compression !== undefined) assertCompression(compression);
    if (arrow !== undefined) assertModule(arrow);
    else importInBackground();
    if (compression !== undefined) codecOf(compression);
    this.#compression = compression;
    this.compressed = compressed;
    this.#arrow = arrow;
    this.#given = arrow !== undefined;
  }

  /**
   * @throws SerializationError for anything but a Table, for one that another copy of `apache-arrow` made, and for one that
   *   would not be read back as it is, with the position of the column.
   */
  serialize(value: T): Uint8Array {
    return this.serializeWithRoom(value, { before: 0, behind: 0, allocate: (length) => new Uint8Array(length) });
  }

  /** @internal The file in memory of its own, with room in front and behind. @throws as `serialize`. */
  serializeWithRoom(value: T, room: Room): Uint8Array {
    const arrow = this.#moduleOf(value) as unknown as ColumnsModule & WritingModule;
    const compression = this.#compression && compressionOf(arrow, this.#compression);
    try {
      const { schema, batches } = value as unknown as { schema: ArrowSchema; batches: readonly ArrowBatch[] };
      const table = { schema, batches: writableBatches(arrow, { schema, batches }) };
      return writeFile(arrow, table, compression, room);
    } catch (error) {
      throw TableRefusal.asError(error);
    }
  }

  /**
   * @throws TypeError for a wrong type, SerializationError for bytes that are not an Arrow file that can be read here; what
   *   is not supported is named, with the position of the column.
   */
  deserialize(payload: Uint8Array): T {
    assertBytes('payload', payload);
    const arrow = this.#module();
    try {
      return readTable(arrow, payload) as T;
    } catch (error) {
      if (error instanceof SerializationError) throw error;
      if (error instanceof ConfigurationError) throw new SerializationError(error.message);
      throw new SerializationError('The payload is not an Arrow file that can be read');
    }
  }

  #module(): ArrowModule<T> {
    if (this.#arrow !== undefined) return this.#arrow;
    // A program that has required the package reads with that copy, any other with the one that it imports.
    const copy = isRequired() ? attempt('require') : (imported ?? attempt('import'));
    return (copy as ArrowModule<T> | undefined) ?? load<T>('require');
  }

  /** The copy of the package that made a table: no other one can write it. */
  #moduleOf(table: unknown): ArrowModule<T> {
    if (!looksLikeTable(table)) throw new SerializationError('ArrowSerializer carries Tables of apache-arrow only');
    if (this.#arrow !== undefined && made(this.#arrow, table)) return this.#arrow;
    if (!this.#given) {
      // The copy that `require` gives first: while the other one is being imported, it cannot be required.
      for (const copy of [imported, attempt('require'), attempt('import')] as (ArrowModule<T> | undefined)[]) {
        if (copy === undefined || !made(copy, table)) continue;
        this.#arrow = copy;
        return copy;
      }
    }
    throw new SerializationError(
      'The Table was made by another copy of apache-arrow; pass that copy as the option `arrow`',
    );
  }
}

/** What `import 'apache-arrow'` gives, as soon as it is there. */
let imported: unknown;
const PACKAGE: string = 'apache-arrow';

// `require` below gives the same copy in Node itself, but another one under a loader that rewrites modules.
function importInBackground(): void {
  locate();
  if (imported !== undefined) return;
  // Not for bundlers: where it is not installed, they would fail.
  import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ PACKAGE).then(
    (arrow: unknown) => {
      imported = arrow;
    },
    () => undefined,
  );
}

function load<T extends ArrowTable>(condition: 'import' | 'require'): ArrowModule<T> {
  return ownRequire(condition === 'import' ? locate() : 'apache-arrow') as ArrowModule<T>;
}

function isRequired(): boolean {
  return ownRequire.cache[ownRequire.resolve('apache-arrow')] !== undefined;
}

function attempt(condition: 'import' | 'require'): unknown {
  try {
    return load(condition);
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    return undefined;
  }
}

/** The file that `import 'apache-arrow'` finds; where nobody can say (Jest, a bundle in CommonJS), that of `require`. */
function locate(): string {
  try {
    return fileURLToPath(import.meta.resolve('apache-arrow'));
  } catch {
    return required();
  }
}

function required(): string {
  try {
    return ownRequire.resolve('apache-arrow');
  } catch {
    throw new ConfigurationError('ArrowSerializer needs the package apache-arrow: npm install apache-arrow');
  }
}

function made<T extends ArrowTable>(arrow: ArrowModule<T>, table: unknown): table is T {
  try {
    // Not `instanceof`: the package answers true for the tables of all its copies.
    return Object.prototype.isPrototypeOf.call(arrow.Table.prototype, table as object);
  } catch {
    return false;
  }
}

/** A getter or a proxy that throws may quote anything: nothing of it is kept. */
function looksLikeTable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const { schema, batches, numRows } = value as Record<string, unknown>;
    return typeof schema === 'object' && Array.isArray(batches) && typeof numRows === 'number';
  } catch {
    return false;
  }
}

/** What is used of the module; a program may have a part of it only. */
const USED = [
  ...['Table', 'Schema', 'RecordBatch', 'Vector', 'Data', 'DataType', 'RecordBatchFileWriter', 'AsyncByteQueue'],
  ...['makeData', 'tableFromIPC'],
];

function assertModule(arrow: unknown): void {
  const missing = USED.find((name) => !hasFunction(arrow, name));
  if (missing !== undefined) throw new TypeError(`arrow must be the module apache-arrow, which has a ${missing}`);
}

function hasFunction(of: unknown, name: string): boolean {
  try {
    return typeof (of as Record<string, unknown> | null)?.[name] === 'function';
  } catch {
    return false;
  }
}

function assertCompression(compression: unknown): asserts compression is ArrowCompression {
  if (typeof compression !== 'string') throw new TypeError(`compression must be a string, not ${kindOf(compression)}`);
  if (compression !== 'zstd' && compression !== 'lz4') throw new RangeError("compression must be 'zstd' or 'lz4'");
}

export type { Room } from './arrow/room.js';

import { SerializationError } from '../../errors.js';
import { type Column, type Label, notSupported } from './schema.js';

/** Where a vector of structs or numbers is, and how many it has. */
export interface Span {
  readonly at: number;
  readonly length: number;
}

/** A record batch, or the batch of a dictionary, with the positions of all that says where things are. */
export interface Batch {
  /** Of the message, from its prefix on. */
  readonly offset: number;
  readonly metadataLen: number;
  readonly body: number;
  readonly bodyLen: number;
  /** Of the block in the footer. */
  readonly block: number;
  /** Of the number in the message that says the body's length; 0 when it is not there. */
  readonly bodyLenSlot: number;
  /** Of the vtable's entry for the compression; 0 when there is none. */
  readonly compressionEntry: number;
  readonly rows: number;
  readonly nodes: Span;
  readonly buffers: Span;
  readonly variadicCounts: Span;
  /** Of the metadata. */
  readonly version: number;
}

export interface Region {
  /** Of its bytes in the file, behind the length in front of a compressed buffer. */
  readonly at: number;
  readonly storedLen: number;
  /** Length of what it holds. */
  readonly length: number;
  readonly compressed: boolean;
}

/** The metadata's versions by their numbers; the one before has other unions, which `apache-arrow` reads as those of this. */
export const VERSION_4 = 3;
export const VERSION_5 = 4;

const PREFIX_LEN = 8;
const VIEW_LEN = 16;
/** In place of a length: the bytes behind it are not compressed. */
const NOT_COMPRESSED = -1;

/** A buffer of a batch whose regions lie in the body. */
export function regionOf(view: DataView, batch: Batch, index: number): Region {
  const entry = batch.buffers.at + index * 16;
  const at = batch.body + int64(view, entry);
  const storedLen = int64(view, entry + 8);
  if (batch.compressionEntry === 0 || storedLen === 0) return { at, storedLen, length: storedLen, compressed: false };
  const behind = { at: at + PREFIX_LEN, storedLen: storedLen - PREFIX_LEN };
  const length = behind.storedLen < 0 ? Number.NaN : int64(view, at);
  if (length === NOT_COMPRESSED) return { ...behind, length: behind.storedLen, compressed: false };
  return { ...behind, length, compressed: true };
}

/**
 * Checks that the columns have the nodes and buffers of a batch, all of them, and that they are long enough for their rows:
 * `apache-arrow` fills up what is missing.
 *
 * @throws SerializationError for the column that has not.
 */
export function checkColumns(view: DataView, batch: Batch, columns: readonly Column[]): void {
  const reader = new ColumnReader(view, batch);
  for (const column of columns) reader.check(column, batch.rows, true);
  reader.end();
}

class ColumnReader {
  private node = 0;
  private buffer = 0;
  private variadic = 0;

  constructor(
    private readonly view: DataView,
    private readonly batch: Batch,
  ) {}

  check(column: Column, rows: number, exactly: boolean): void {
    const { layout, children, label } = column;
    const entry = this.batch.nodes.at + this.node * 16;
    if (this.node++ >= this.batch.nodes.length) throw incomplete(label);
    const length = int64(this.view, entry);
    const nulls = int64(this.view, entry + 8);
    const fits = exactly ? length === rows : length >= rows;
    if (!fits || !Number.isSafeInteger(length)) throw incomplete(label);
    if (layout.kind === 'null') return;
    if (nulls < 0 || nulls > length) throw incomplete(label);
    if (layout.kind !== 'union') this.take(label, nulls > 0 ? length / 8 : 0);
    // `apache-arrow` writes no values for a column that was added with nothing but nulls.
    const valued = nulls === length ? 0 : length;
    switch (layout.kind) {
      case 'fixed':
        this.take(label, (valued * layout.bits) / 8);
        return;
      case 'variable': {
        const end = this.offsets(label, valued, layout.offsetLen);
        this.take(label, end);
        return;
      }
      case 'view':
        this.take(label, valued * VIEW_LEN);
        for (let left = this.variadicCount(label); left > 0; left--) this.take(label, 0);
        return;
      case 'list':
        this.check(children[0] as Column, this.offsets(label, valued, layout.offsetLen), false);
        return;
      case 'fixedList':
        this.check(children[0] as Column, valued * layout.size, false);
        return;
      case 'struct':
        for (const child of children) this.check(child, valued, false);
        return;
      case 'union':
        if (this.batch.version < VERSION_5) throw notSupported('unions in metadata of version 4', label);
        this.take(label, length);
        if (layout.dense) this.take(label, length * 4);
        for (const child of children) this.check(child, layout.dense ? 0 : length, false);
    }
  }

  end(): void {
    const { nodes, buffers, variadicCounts } = this.batch;
    const isAll =
      this.node === nodes.length && this.buffer === buffers.length && this.variadic === variadicCounts.length;
    if (!isAll) throw new SerializationError('The payload is an Arrow file whose batches do not fit its schema');
  }

  /** The next buffer, of at least so many bytes. */
  private take(label: Label, bytes: number): number {
    const { batch, view } = this;
    const index = this.buffer++;
    if (index >= batch.buffers.length) throw incomplete(label);
    const isRaw = batch.compressionEntry === 0;
    const length = isRaw ? int64(view, batch.buffers.at + index * 16 + 8) : regionOf(view, batch, index).length;
    if (!(length >= bytes)) throw incomplete(label);
    return index;
  }

  /** The last of a column's offsets, which is how much there must be of what they point into. */
  private offsets(label: Label, length: number, offsetLen: 4 | 8): number {
    const index = this.take(label, length === 0 ? 0 : (length + 1) * offsetLen);
    const { at, compressed } = regionOf(this.view, this.batch, index);
    // Compressed ones are looked at when they are not any more.
    if (length === 0 || compressed) return 0;
    const end = at + length * offsetLen;
    const first = offsetLen === 4 ? this.view.getInt32(at, true) : int64(this.view, at);
    const last = offsetLen === 4 ? this.view.getInt32(end, true) : int64(this.view, end);
    if (first < 0 || last < first) throw incomplete(label);
    return last;
  }

  private variadicCount(label: Label): number {
    if (this.variadic >= this.batch.variadicCounts.length) throw incomplete(label);
    const count = int64(this.view, this.batch.variadicCounts.at + 8 * this.variadic++);
    if (count < 0 || count > this.batch.buffers.length) throw incomplete(label);
    return count;
  }
}

function incomplete(label: Label): SerializationError {
  return new SerializationError(`The Arrow file lacks data: ${label()}`);
}

/** Beyond 2^53 it is not exact, and beyond every length. */
export function int64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32;
}

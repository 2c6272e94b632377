import { type CompressibleWriter, type Compression, compressWith } from './compression.js';

/** Where a payload is to stand. */
export interface Room {
  /** Bytes in front of it. */
  before: number;
  /** Bytes behind it. */
  behind: number;
  allocate(length: number): Uint8Array;
}

/** What is used here of the module `apache-arrow`. */
export interface WritingModule {
  readonly AsyncByteQueue: new () => Sink;
  readonly RecordBatchFileWriter: new (options?: object) => FileWriter;
}

interface Sink {
  write(part: Uint8Array): void;
}

interface FileWriter extends CompressibleWriter {
  /** Begins a file in `sink`, which only a queue of the package can be. */
  reset(sink: Sink, schema: unknown): void;
  write(batch: unknown): void;
  finish(): void;
}

/** An Arrow file with room around it. `tableToIPC` would merge parts that are adjacent in memory, even where other arrays use it. */
export function writeFile(
  arrow: WritingModule,
  { schema, batches }: { schema: unknown; batches: readonly unknown[] },
  compression: Compression | undefined,
  { before, behind, allocate }: Room,
): Uint8Array {
  const { AsyncByteQueue, RecordBatchFileWriter } = arrow;
  // Views of the table's own columns, for the most part: they are read before anything else can run.
  const parts: Uint8Array[] = [];
  let length = 0;
  const sink = new AsyncByteQueue();
  sink.write = (part) => {
    parts.push(part);
    length += part.length;
  };
  const writer = new RecordBatchFileWriter(compression && { compressionType: compression.type });
  if (compression !== undefined) compressWith(compression.codec, writer);
  writer.reset(sink, schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
  const memory = allocate(before + length + behind);
  let at = before;
  for (const part of parts) {
    memory.set(part, at);
    at += part.length;
  }
  return memory;
}

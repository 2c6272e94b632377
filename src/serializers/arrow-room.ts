/** Where a payload is to stand. */
export interface Room {
  /** Bytes in front of it. */
  before: number;
  /** Bytes behind it. */
  behind: number;
  allocate(length: number): Uint8Array;
}

/** What is used here of the module `apache-arrow`; a stand-in for it may lack it. */
interface WritingModule {
  AsyncByteQueue?: new () => Sink;
  RecordBatchFileWriter?: new () => FileWriter;
}

interface Sink {
  write(part: Uint8Array): void;
}

interface FileWriter {
  /** Begins a file in `sink`, which only a queue of the package can be. */
  reset(sink: Sink, schema: unknown): void;
  write(batch: unknown): void;
  finish(): void;
}

/**
 * A table as an Arrow file, as `tableToIPC` writes it, in memory of its own with room around it: the parts are joined once, to where whatever surrounds the file has its place already. Undefined when this copy of
 * `apache-arrow` cannot write it so.
 */
export function fileWithRoom(arrow: object, table: object, { before, behind, allocate }: Room): Uint8Array | undefined {
  const { AsyncByteQueue, RecordBatchFileWriter } = arrow as WritingModule;
  if (AsyncByteQueue === undefined || RecordBatchFileWriter === undefined) return undefined;
  const { schema, batches } = table as { schema: unknown; batches: Iterable<unknown> };
  // Views of the table's own columns, for the most part: they are read before anything else can run.
  const parts: Uint8Array[] = [];
  let length = 0;
  const sink = new AsyncByteQueue();
  sink.write = (part) => {
    parts.push(part);
    length += part.length;
  };
  const writer = new RecordBatchFileWriter();
  writer.reset(sink, schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
  if (length === 0) return undefined;
  const memory = allocate(before + length + behind);
  let at = before;
  for (const part of parts) {
    memory.set(part, at);
    at += part.length;
  }
  return memory;
}

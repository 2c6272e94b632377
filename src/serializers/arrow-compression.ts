import { ConfigurationError } from '../errors.js';
import { type ArrowCompression, type BoundedCodec, lz4, nodeZstd, wasmZstd } from './arrow-codecs.js';

interface Codec {
  encode(bytes: Uint8Array): Uint8Array;
  decode(bytes: Uint8Array): Uint8Array;
}

/** What is used here of the module `apache-arrow`, beside what `ArrowModule` says. */
interface CompressingModule {
  CompressionType?: { LZ4_FRAME: number; ZSTD: number };
  compressionRegistry?: { get(type: number): Partial<Codec> | null; set(type: number, codec: Codec): void };
  RecordBatchFileWriter: new (options: object) => FileWriter;
}

interface FileWriter {
  write(batch: unknown): void;
  finish(): this;
  toUint8Array(sync: true): Uint8Array;
}

/** What the writer makes of the buffers of a batch: for each of them its length, in 8 bytes, and its bytes. */
interface CompressedBuffers {
  buffers: Uint8Array[];
}

type Compresses = { _compressBodyBuffers(buffers: ArrayBufferView[]): CompressedBuffers };

const LENGTH_PREFIX_LEN = 8;
/** In place of a length: the bytes behind it are not compressed. */
const NOT_COMPRESSED = -1n;

const codecs = new Map<ArrowCompression, Codec>();
const writers = new WeakMap<object, CompressingModule['RecordBatchFileWriter']>();

/**
 * Makes a copy of `apache-arrow` read and write a compression that it has no codec for.
 *
 * @throws ConfigurationError when a package is missing, with the command that installs it.
 */
export function registerCodec(arrow: object, compression: ArrowCompression): number {
  const { CompressionType, compressionRegistry } = arrow as CompressingModule;
  if (CompressionType === undefined || compressionRegistry === undefined) {
    throw new ConfigurationError('Compressed Arrow files need apache-arrow 21: npm install apache-arrow@21');
  }
  const type = compression === 'zstd' ? CompressionType.ZSTD : CompressionType.LZ4_FRAME;
  const registered = compressionRegistry.get(type);
  if (registered?.encode === undefined || registered.decode === undefined) {
    compressionRegistry.set(type, { ...codecOf(compression), ...registered });
  }
  return type;
}

/** The codec of this package for a compression. @throws as {@link registerCodec}. */
export function codecOf(compression: ArrowCompression): Codec {
  let codec = codecs.get(compression);
  if (codec === undefined) {
    const { encode, decode } = compression === 'lz4' ? lz4() : (nodeZstd() ?? wasmZstd());
    codec = { encode, decode: (bytes) => decodeExactly(bytes, decode) };
    codecs.set(compression, codec);
  }
  return codec;
}

/** A table as a compressed Arrow file. @throws what `apache-arrow` throws for what is none. */
export function compressedFile(arrow: object, table: unknown, type: number): Uint8Array {
  let Writer = writers.get(arrow);
  if (Writer === undefined) {
    Writer = writerOf(arrow as CompressingModule);
    writers.set(arrow, Writer);
  }
  const writer = new Writer({ compressionType: type });
  writer.write(table);
  return writer.finish().toUint8Array(true);
}

/**
 * The file writer of `apache-arrow`, which puts the compressed length of a buffer where the format has the other one
 * (21.2.0): its own reader does not look at it, every other one refuses the file.
 */
function writerOf({ RecordBatchFileWriter }: CompressingModule): CompressingModule['RecordBatchFileWriter'] {
  class Writer extends (RecordBatchFileWriter as new (options: object) => FileWriter & Compresses) {
    override _compressBodyBuffers(given: ArrayBufferView[]): CompressedBuffers {
      const compressed = super._compressBodyBuffers(given);
      for (const [i, { byteLength }] of given.entries()) {
        const prefix = compressed.buffers[2 * i];
        if (prefix?.length !== LENGTH_PREFIX_LEN) continue;
        const view = new DataView(prefix.buffer, prefix.byteOffset);
        if (view.getBigInt64(0, true) !== NOT_COMPRESSED) view.setBigInt64(0, BigInt(byteLength), true);
      }
      return compressed;
    }
  }
  return Writer;
}

/** The reader of `apache-arrow` hands over the bytes behind a buffer's length; the file has been checked to have both. */
function decodeExactly(bytes: Uint8Array, decode: BoundedCodec['decode']): Uint8Array {
  const prefix = new DataView(bytes.buffer, bytes.byteOffset - LENGTH_PREFIX_LEN, LENGTH_PREFIX_LEN);
  const length = Number(prefix.getBigInt64(0, true));
  const decoded = decode(bytes, length);
  if (decoded.length !== length) throw new RangeError('A compressed buffer has another length than it says');
  return decoded;
}

import { ConfigurationError, SerializationError } from '../../errors.js';
import { regionOf } from './batch.js';
import { type ArrowCompression, type BoundedCodec, lz4, nodeZstd, wasmZstd } from './codecs.js';
import { type ArrowFile, HEAD_LEN } from './file.js';

let zstd: BoundedCodec | undefined;

/** @throws ConfigurationError when a package is missing, with the command that installs it. */
export function codecOf(compression: ArrowCompression): BoundedCodec {
  if (compression === 'lz4') return lz4;
  zstd ??= nodeZstd() ?? wasmZstd();
  return zstd;
}

/**
 * A compressed file without its compression, in memory of its own whose length is known before anything is decompressed.
 * What reads the one then reads the other, and the columns are views of this memory.
 *
 * @throws SerializationError for a buffer that does not hold exactly what it says, or when a package is missing.
 */
export function decompressed(bytes: Uint8Array, { compression, batches, footer }: ArrowFile): Uint8Array {
  if (compression === 'none') return bytes;
  const codec = codecOf(compression);
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const regions = batches.map((batch) =>
    Array.from({ length: batch.buffers.length }, (_, i) => regionOf(source, batch, i)),
  );
  let end = HEAD_LEN;
  const places = batches.map(({ metadataLen }, i) => {
    const body = aligned(end + metadataLen);
    const bodyLen = (regions[i] ?? []).reduce((sum, { length }) => sum + aligned(length), 0);
    end = body + bodyLen;
    return { offset: body - metadataLen, body, bodyLen };
  });
  const out = new Uint8Array(end + bytes.length - footer.start);
  const target = new DataView(out.buffer);
  out.set(bytes.subarray(0, HEAD_LEN));
  out.set(bytes.subarray(footer.start), end);
  for (const [i, batch] of batches.entries()) {
    const { offset, body, bodyLen } = places[i] as (typeof places)[number];
    out.set(bytes.subarray(batch.offset, batch.body), offset);
    const moved = offset - batch.offset;
    let at = 0;
    for (const [j, region] of (regions[i] ?? []).entries()) {
      const entry = batch.buffers.at + j * 16 + moved;
      target.setBigInt64(entry, BigInt(at), true);
      target.setBigInt64(entry + 8, BigInt(region.length), true);
      const stored = bytes.subarray(region.at, region.at + region.storedLen);
      const place = out.subarray(body + at, body + at + region.length);
      if (region.compressed) decodeInto(codec, compression, place, stored);
      else place.set(stored);
      at += aligned(region.length);
    }
    if (batch.bodyLenSlot !== 0) target.setBigInt64(batch.bodyLenSlot + moved, BigInt(bodyLen), true);
    if (batch.compressionEntry !== 0) target.setUint16(batch.compressionEntry + moved, 0, true);
    const block = batch.block - footer.start + end;
    target.setBigInt64(block, BigInt(offset), true);
    target.setBigInt64(block + 16, BigInt(bodyLen), true);
  }
  return out;
}

function decodeInto(codec: BoundedCodec, compression: ArrowCompression, out: Uint8Array, frame: Uint8Array): void {
  try {
    codec.decodeInto(out, frame);
  } catch {
    throw new SerializationError(
      `A compressed buffer of the Arrow file is not one intact ${compression} frame of the length that it says`,
    );
  }
}

/** What is used here of the file writer of `apache-arrow`, whose own way of compressing writes a wrong length (21.2.0). */
export interface CompressibleWriter {
  _compressBodyBuffers(buffers: readonly ArrayBufferView[]): CompressedBody;
}

interface CompressedBody {
  byteLength: number;
  bufferRegions: { offset: number; length: number }[];
  /** Two for each buffer. */
  buffers: Uint8Array[];
}

const PREFIX_LEN = 8;
const EMPTY = new Uint8Array(0);

/** Makes a writer, whose option says so already, compress: before each buffer its length, or −1 where it does not shrink. */
export function compressWith({ encode }: BoundedCodec, writer: CompressibleWriter): void {
  writer._compressBodyBuffers = (given) => {
    const body: CompressedBody = { byteLength: 0, bufferRegions: [], buffers: [] };
    for (const { buffer, byteOffset, byteLength } of given) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      const offset = body.byteLength;
      if (byteLength === 0) {
        body.bufferRegions.push({ offset, length: 0 });
        body.buffers.push(EMPTY, EMPTY);
        continue;
      }
      const encoded = encode(bytes);
      const shrinks = encoded.length < byteLength;
      const stored = shrinks ? encoded : bytes;
      const prefix = new Uint8Array(PREFIX_LEN);
      new DataView(prefix.buffer).setBigInt64(0, BigInt(shrinks ? byteLength : -1), true);
      const length = PREFIX_LEN + stored.length;
      body.bufferRegions.push({ offset, length });
      body.buffers.push(prefix, stored);
      body.byteLength += aligned(length);
    }
    return body;
  };
}

/** What compresses the buffers of a file that is written. */
export interface Compression {
  /** Its number in the copy of `apache-arrow` that writes. */
  readonly type: number;
  readonly codec: BoundedCodec;
}

/** @throws ConfigurationError when a package or a version of it is missing. */
export function compressionOf(arrow: object, compression: ArrowCompression): Compression {
  const { CompressionType } = arrow as { CompressionType?: { LZ4_FRAME: number; ZSTD: number } };
  if (CompressionType === undefined) {
    throw new ConfigurationError('Compressed Arrow files need apache-arrow 21: npm install apache-arrow@21');
  }
  const type = compression === 'zstd' ? CompressionType.ZSTD : CompressionType.LZ4_FRAME;
  return { type, codec: codecOf(compression) };
}

function aligned(length: number): number {
  return Math.ceil(length / 8) * 8;
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as zlib from 'node:zlib';
import { ConfigurationError } from '../errors.js';

/** How the columns of an Arrow file are compressed. */
export type ArrowCompression = 'zstd' | 'lz4';

/** A codec that is told how much there will be, so that no frame can ask for more. It throws for what is no frame. */
export interface BoundedCodec {
  encode(bytes: Uint8Array): Uint8Array;
  decode(bytes: Uint8Array, length: number): Uint8Array;
}

const LZ4_MAX_RATIO = 255;
const require = createRequire(import.meta.url);

/** LZ4 frames in JavaScript. */
export function lz4(): BoundedCodec {
  const { compress, decompress } = load<{
    compress(bytes: Uint8Array): Uint8Array;
    decompress(bytes: Uint8Array, length: number): Uint8Array;
  }>('lz4js', 'lz4');
  return {
    encode: (bytes) => compress(bytes),
    decode(bytes, length) {
      if (length > LZ4_MAX_RATIO * bytes.length || !isLz4Frame(bytes)) throw new RangeError('Not an LZ4 frame');
      return decompress(bytes, length);
    },
  };
}

/** Whether the blocks of an LZ4 frame fill it: the package follows their lengths, two thousand million bytes if need be. */
function isLz4Frame(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const flags = view.getUint8(4);
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  for (;;) {
    const blockLen = view.getUint32(at, true) & 0x7fffffff;
    at += 4;
    if (blockLen === 0) return at <= frame.length;
    at += blockLen + ((flags & 0x10) !== 0 ? 4 : 0);
  }
}

/** Node's own zstd, from 22.15 on. */
export function nodeZstd(): BoundedCodec | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as {
    zstdCompressSync?(bytes: Uint8Array, options: { pledgedSrcSize: number }): Uint8Array;
    zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  };
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined;
  return {
    encode: (bytes) => zstdCompressSync(bytes, { pledgedSrcSize: bytes.length }),
    decode: (bytes, length) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
  };
}

interface ZstdWasm {
  compress(bytes: Uint8Array): Uint8Array;
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array;
}

interface WasmInstance {
  readonly exports: object;
}

/** Node's types have it only together with those of a browser. */
interface Wasm {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => WasmInstance;
}

interface EmscriptenModule {
  calledRun?: boolean;
  instantiateWasm?: (imports: object, receive: (instance: WasmInstance) => void) => object;
  init(binary: string): void;
}

/** zstd in WebAssembly, started at once: its own `init` answers later, and a serializer cannot wait. */
export function wasmZstd(): BoundedCodec {
  const name = '@bokuweb/zstd-wasm';
  const { compress, decompress } = load<ZstdWasm>(name, 'zstd');
  const folder = dirname(require.resolve(name));
  const { WebAssembly } = globalThis as unknown as { WebAssembly: Wasm };
  const { Module } = require(join(folder, 'module.js')) as { Module: EmscriptenModule };
  if (!Module.calledRun) {
    Module.instantiateWasm = (imports, receive) => {
      const program = new WebAssembly.Module(readFileSync(join(folder, 'zstd.wasm')));
      const instance = new WebAssembly.Instance(program, imports);
      receive(instance);
      return instance.exports;
    };
    Module.init('');
    Module.instantiateWasm = undefined;
  }
  return {
    encode: (bytes) => compress(bytes),
    decode(bytes, length) {
      const claimed = contentSize(bytes);
      if (claimed !== undefined && claimed !== BigInt(length))
        throw new RangeError('The zstd frame is of another size');
      return decompress(bytes, { defaultHeapSize: length });
    },
  };
}

/** The length of the content as a zstd frame says it, if it does. */
function contentSize(frame: Uint8Array): bigint | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? BigInt(view.getUint8(at)) : undefined;
    case 1:
      return BigInt(view.getUint16(at, true) + 256);
    case 2:
      return BigInt(view.getUint32(at, true));
    default:
      return view.getBigUint64(at, true);
  }
}

function load<T>(name: string, compression: ArrowCompression): T {
  try {
    return require(name) as T;
  } catch {
    const orNode = compression === 'zstd' ? ' (or use Node 22.15 or newer)' : '';
    throw new ConfigurationError(
      `Arrow files compressed with ${compression} need the package ${name}: npm install ${name}${orNode}`,
    );
  }
}

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import zlib from 'node:zlib';
import { ConfigurationError } from '../../errors.js';
import { native } from '../../native/addon.js';
import { checked } from '../../native/result.js';
import { ownRequire } from '../../util/own-require.js';
import { assertFrame } from './zstd-frame.js';

/** How the columns of an Arrow file are compressed. */
export type ArrowCompression = 'zstd' | 'lz4';

/** A codec that knows the decompressed length in advance, so that no frame can ask for more. */
export interface BoundedCodec {
  encode(bytes: Uint8Array): Uint8Array;
  /** Fills `out`. @throws any error for what does not hold exactly so much. */
  decodeInto(out: Uint8Array, bytes: Uint8Array): void;
}

/** LZ4 frames, in the addon. */
export const lz4: BoundedCodec = {
  encode(bytes) {
    const out = new Uint8Array(bytes.length + 64 + (bytes.length >> 12));
    return out.subarray(0, checked(native.lz4FrameCompress(out, bytes)));
  },
  decodeInto(out, bytes) {
    checked(native.lz4FrameDecompress(out, bytes));
  },
};

/** Node's own zstd, from 22.15 on. */
export function nodeZstd(): BoundedCodec | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as {
    zstdCompressSync?(bytes: Uint8Array, options: { pledgedSrcSize: number }): Uint8Array;
    zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  };
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined;
  return {
    encode: (bytes) => zstdCompressSync(bytes, { pledgedSrcSize: bytes.length }),
    decodeInto(out, bytes) {
      assertFrame(bytes, out.length);
      fill(out, zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, out.length) }));
    },
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
  const { compress, decompress } = load<ZstdWasm>(name);
  const folder = dirname(ownRequire.resolve(name));
  const { WebAssembly } = globalThis as unknown as { WebAssembly: Wasm };
  const { Module } = ownRequire(join(folder, 'module.js')) as { Module: EmscriptenModule };
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
    decodeInto(out, bytes) {
      assertFrame(bytes, out.length);
      fill(out, decompress(bytes, { defaultHeapSize: out.length }));
    },
  };
}

function fill(out: Uint8Array, decoded: Uint8Array): void {
  if (decoded.length !== out.length) throw new RangeError('The frame holds another length');
  out.set(decoded);
}

function load<T>(name: string): T {
  try {
    return ownRequire(name) as T;
  } catch {
    throw new ConfigurationError(
      `Arrow files compressed with zstd need the package ${name}: npm install ${name} (or use Node 22.15 or newer)`,
    );
  }
}

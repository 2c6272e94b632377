import zlib from 'node:zlib';
import { CompressionType, compressionRegistry } from 'apache-arrow';

type Zstd = { zstdCompressSync(bytes: Uint8Array): Buffer; zstdDecompressSync(bytes: Uint8Array): Buffer };

/** Python compresses Arrow columns with zstd, which Node has from 22.15 on; elsewhere such a file is refused. */
export const readsZstd = 'zstdDecompressSync' in zlib;

if (readsZstd) {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Zstd;
  compressionRegistry.set(CompressionType.ZSTD, {
    encode: (bytes) => zstdCompressSync(bytes),
    decode: (bytes) => zstdDecompressSync(bytes),
  });
}

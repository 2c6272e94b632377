import { CONTAINER, native } from '../native/addon.js';
import { checked } from '../native/result.js';
import { allocate, assertWellFormed, bytesOf, trim } from '../util/bytes.js';
import { assertValueLen, envelopeBound } from './limits.js';

/**
 * The envelope around a payload: LZ4 block, xxh3-64 checksum, original size and a format string, as a MessagePack array of four.
 *
 * Protocol: docs/protocol.md, "ByteStorage".
 */
// biome-ignore lint/complexity/noStaticOnlyClass: the protocol's name for it, and part of the public API.
export class ByteStorage {
  /**
   * @param format any string; returned by `retrieve`, not checked. Default `msgpack`.
   * @throws TypeError for a wrong type, ValueTooLargeError over 512 MiB.
   */
  static store(data: Uint8Array, format = 'msgpack'): Buffer {
    const bytes = bytesOf('data', data);
    assertWellFormed('format', format);
    assertValueLen(bytes.length);
    const formatBytes = Buffer.from(format);
    const envelope = allocate(envelopeBound(bytes.length, formatBytes.length));
    return trim(envelope, checked(native.envelopeStore(envelope, bytes, formatBytes)));
  }

  /**
   * Reads what every CacheKit writer has written, also the older forms. Sizes are checked before anything is allocated.
   *
   * @throws TypeError for a wrong type, EnvelopeError for what is malformed, over a limit or does not match its checksum.
   */
  static retrieve(envelope: Uint8Array): { data: Buffer; format: string } {
    const bytes = bytesOf('envelope', envelope);
    const info = new Uint32Array(3);
    checked(native.envelopeInfo(bytes, info));
    const [size, formatAt, formatLen] = info as unknown as [number, number, number];
    const data = allocate(size);
    checked(native.unpack(data, 0, bytes, 0, CONTAINER.envelope));
    return { data, format: bytes.toString('utf8', formatAt, formatAt + formatLen) };
  }
}

import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';

/*
 * The protocol once more, slowly and from its text, on node:crypto alone: nothing here may import the package.
 * The envelope is only read; its checksum needs xxh3, which the Python peer checks.
 */

const utf8 = (text: string) => Buffer.from(text, 'utf8');

function lengthPrefixed(text: string): Buffer {
  const bytes = utf8(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Protocol: docs/protocol.md, "Key Derivation". */
export function oracleDomainKey(masterKey: Uint8Array, domain: string, tenantSalt: Uint8Array | string): Buffer {
  const tenant = typeof tenantSalt === 'string' ? utf8(tenantSalt) : Buffer.from(tenantSalt);
  const info = utf8(domain);
  const salt = Buffer.concat([
    utf8('cachekit_v1_'),
    Buffer.from([info.length]),
    info,
    Buffer.from([tenant.length >> 8, tenant.length & 0xff]),
    tenant,
  ]);
  return Buffer.from(hkdfSync('sha256', masterKey, salt, info, 32));
}

export function oracleFingerprint(key: Uint8Array): Buffer {
  return createHash('sha256').update('key_fingerprint_v1').update(key).digest().subarray(0, 16);
}

export interface OracleAad {
  tenantId: string;
  cacheKey: string;
  format: string;
  compressed: boolean;
  originalType?: string | null;
}

/** Protocol: docs/protocol.md, "Additional Authenticated Data (AAD)". */
export function oracleAad({ tenantId, cacheKey, format, compressed, originalType }: OracleAad): Buffer {
  const parts = [tenantId, cacheKey, format, compressed ? 'True' : 'False'];
  if (originalType) parts.push(originalType);
  return Buffer.concat([Buffer.from([3]), ...parts.map(lengthPrefixed)]);
}

/** nonce(12) ‖ ciphertext ‖ tag(16), with the nonce and the AES key given. */
export function oracleSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when the tag does not verify. */
export function oracleOpen(key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - 16));
  return Buffer.concat([decipher.update(sealed.subarray(12, sealed.length - 16)), decipher.final()]);
}

/** Protocol: docs/protocol.md, "Rotation Header". */
export function oracleHeader(encryptionKey: Uint8Array, tenantId: string, keyVersion: 0 | 1): Buffer {
  const tenantIdHash = createHash('sha256').update(tenantId).digest().subarray(0, 8);
  return Buffer.concat([
    Buffer.from([1, 0]),
    oracleFingerprint(encryptionKey),
    tenantIdHash,
    utf8('ench'),
    Buffer.from([keyVersion, 0]),
  ]);
}

/** One LZ4 block: sequences of (literals, match), the last one without a match. */
function lz4Block(block: Uint8Array, size: number): Buffer {
  const out = Buffer.alloc(size);
  let from = 0;
  let to = 0;
  const byte = () => {
    if (from >= block.length) throw new Error('the block ends too early');
    return block[from++] as number;
  };
  const length = (nibble: number) => {
    let total = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; total += more) more = byte();
    return total;
  };
  while (from < block.length) {
    const token = byte();
    for (let left = length(token >> 4); left > 0; left--) {
      if (to >= size) throw new Error('more literals than the size says');
      out[to++] = byte();
    }
    if (from === block.length) break;
    const offset = byte() | (byte() << 8);
    if (offset === 0 || offset > to) throw new Error('a match before the start');
    for (let left = length(token & 15) + 4; left > 0; left--) {
      if (to >= size) throw new Error('a match beyond the size');
      out[to] = out[to - offset] as number;
      to++;
    }
  }
  if (to !== size) throw new Error(`the block holds ${to} bytes, not ${size}`);
  return out;
}

export interface OracleEnvelope {
  data: Buffer;
  checksum: Buffer;
  format: string;
}

/** Protocol: docs/protocol.md, "Interop v2". */
export function oracleInteropV2(container: Uint8Array): { method: number; data: Buffer } {
  const [magic, version, array, method] = container;
  if (magic !== 0xc1 || version !== 2 || array !== 0x93) throw new Error('no container of interop/v2');
  let at = 4;
  const uint = (widths: Record<number, number>, small: number) => {
    const marker = container[at++] as number;
    if (marker < small) return marker;
    const width = widths[marker];
    if (width === undefined) throw new Error(`no 0x${marker.toString(16)} at offset ${at - 1}`);
    at += width;
    return Buffer.from(container.subarray(at - width, at)).readUIntBE(0, width);
  };
  const size = uint({ 204: 1, 205: 2, 206: 4 }, 0x80);
  const length = uint({ 196: 1, 197: 2, 198: 4 }, 0);
  const payload = container.subarray(at, at + length);
  if (at + length !== container.length) throw new Error('the payload does not end the container');
  if (method === 0 && size !== length) throw new Error('the size is not that of the payload');
  if (method !== 0 && method !== 1) throw new Error('an unknown method');
  return { method, data: method === 0 ? Buffer.from(payload) : lz4Block(payload, size) };
}

/** `[compressed_data (bin), checksum (8 integers), original_size, format]`, in the forms that writers use. */
export function oracleEnvelope(envelope: Uint8Array): OracleEnvelope {
  const view = new DataView(envelope.buffer, envelope.byteOffset, envelope.byteLength);
  let at = 0;
  const need = (marker: number) => {
    if (view.getUint8(at++) !== marker) throw new Error(`no 0x${marker.toString(16)} at offset ${at - 1}`);
  };
  const take = (length: number) => {
    at += length;
    return envelope.subarray(at - length, at);
  };
  const uint = () => {
    const marker = view.getUint8(at++);
    if (marker < 0x80) return marker;
    const width = { 204: 1, 205: 2, 206: 4 }[marker];
    if (width === undefined) throw new Error('not an unsigned integer');
    return Buffer.from(take(width)).readUIntBE(0, width);
  };
  need(0x94);
  const bin = { 196: 1, 197: 2, 198: 4 }[view.getUint8(at++)];
  if (bin === undefined) throw new Error('the payload is not bin');
  const compressed = take(Buffer.from(take(bin)).readUIntBE(0, bin));
  need(0x98);
  const checksum = Buffer.from(Array.from({ length: 8 }, uint));
  const size = uint();
  const str = view.getUint8(at++);
  const strWidth = { 217: 1, 218: 2 }[str];
  if (strWidth === undefined && (str & 0xe0) !== 0xa0) throw new Error('the format is not a string');
  const formatLen = strWidth === undefined ? str & 0x1f : Buffer.from(take(strWidth)).readUIntBE(0, strWidth);
  const format = Buffer.from(take(formatLen)).toString('utf8');
  if (at !== envelope.length) throw new Error('bytes after the envelope');
  return { data: lz4Block(compressed, size), checksum, format };
}

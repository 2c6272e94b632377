import { SealedFormatError } from '../errors.js';
import { viewOf } from '../util/bytes.js';

/**
 * What a Python `@cache` function stores around every value, encrypted or not (`CK` frame, version 3):
 *
 * | offset | bytes |
 * |---|---|
 * | 0 | `43 4b 03` |
 * | 3 | u32 big-endian length of the header |
 * | 7 | the header: JSON `{"s": serializer name, "m": metadata, "v": "2.0"}` |
 * | then | the payload |
 *
 * The header is not authenticated: anyone who can write to the store can change it.
 */
export interface Frame {
  serializerName: string;
  metadata: FrameMetadata;
  /** Where the payload starts. */
  payloadOffset: number;
}

export interface FrameMetadata {
  format: 'msgpack' | 'orjson' | 'arrow';
  compressed: boolean;
  originalType: string | null;
  encrypted: boolean;
  tenantId: string | undefined;
  keyFingerprint: string | undefined;
}

const FIXED_LEN = 7;
const VERSION = 3;
const FORMATS = ['msgpack', 'orjson', 'arrow'];

/** Magic, length and header of a frame; the payload goes behind it. Spaced as Python writes it, so that equal headers are equal bytes. */
export function encodeFramePrefix(serializerName: string, metadata: FrameMetadata): Buffer {
  const fields = {
    format: metadata.format,
    encoding: 'utf-8',
    compressed: metadata.compressed,
    original_type: metadata.originalType,
    ...(metadata.encrypted && {
      encrypted: true,
      tenant_id: metadata.tenantId,
      encryption_algorithm: 'AES-256-GCM',
      key_fingerprint: metadata.keyFingerprint,
    }),
  };
  const members = Object.entries(fields).map(([name, value]) => `"${name}": ${asciiJson(value)}`);
  const header = `{"s": ${asciiJson(serializerName)}, "m": {${members.join(', ')}}, "v": "2.0"}`;
  const prefix = Buffer.allocUnsafe(FIXED_LEN + header.length);
  prefix.write('CK', 'latin1');
  prefix[2] = VERSION;
  prefix.writeUInt32BE(header.length, 3);
  prefix.write(header, FIXED_LEN, 'latin1');
  return prefix;
}

/**
 * Reads a frame without looking at its payload.
 *
 * @throws SealedFormatError when the bytes are not a version 3 frame with a serializer name and a known format.
 */
export function parseFrame(bytes: Uint8Array): Frame {
  const buffer = viewOf(bytes);
  if (buffer.length < FIXED_LEN || buffer[0] !== 0x43 || buffer[1] !== 0x4b)
    throw broken('it does not start with a frame');
  if (buffer[2] !== VERSION) throw broken('the version is not 3');
  const payloadOffset = FIXED_LEN + buffer.readUInt32BE(3);
  if (payloadOffset > buffer.length) throw broken('the header is longer than the bytes present');
  const header = parseHeader(buffer, payloadOffset);
  const serializerName = own(header, 's');
  if (typeof serializerName !== 'string' || serializerName === '') throw broken('no serializer is named');
  const m = own(header, 'm');
  if (typeof m !== 'object' || m === null) throw broken('the metadata are missing');
  const fields: object = m;
  const format = own(fields, 'format');
  if (typeof format !== 'string' || !FORMATS.includes(format)) throw broken('the format is unknown');
  return {
    serializerName,
    metadata: {
      format: format as FrameMetadata['format'],
      compressed: own(fields, 'compressed') === true,
      originalType: optionalString(own(fields, 'original_type')) ?? null,
      encrypted: own(fields, 'encrypted') === true,
      tenantId: optionalString(own(fields, 'tenant_id')),
      keyFingerprint: optionalString(own(fields, 'key_fingerprint')),
    },
    payloadOffset,
  };
}

function parseHeader(buffer: Buffer, end: number): object {
  let header: unknown;
  try {
    header = JSON.parse(buffer.toString('utf8', FIXED_LEN, end));
  } catch {
    // V8 quotes its input in the message: no cause.
  }
  if (typeof header !== 'object' || header === null) throw broken('the header is not JSON');
  return header;
}

/** A property that the object itself has: what is missing does not come from its prototype. */
function own(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}

function optionalString(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !value.isWellFormed()) throw broken('a field has the wrong type');
  return value;
}

function broken(why: string): SealedFormatError {
  return new SealedFormatError(`This is not a frame that this reader can use: ${why}`);
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

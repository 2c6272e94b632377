import type { KeyFingerprints } from '../keys/held-key.js';
import { type FrameMetadata, parseFrame } from '../protocol/frame.js';
import { SEAL_OVERHEAD } from '../protocol/limits.js';
import { isRotationHeader, parseRotationHeader } from '../protocol/rotation-header.js';
import type { Wire } from '../protocol/wire.js';

/** What stored bytes show to anybody; nothing of it is authenticated. */
export interface InspectedValue {
  wire: Wire;
  /** All stored bytes. */
  length: number;
  /** The container's bytes inside the seal; 0 when the bytes are too short to be a sealed value. */
  plaintextLen: number;
  header?: { keyFingerprint: string; tenantIdHash: string; keyVersion: 0 | 1 };
  frame?: { serializerName: string } & FrameMetadata;
  /** The held key that the header or frame names for this tenant; of a wrapper alone. */
  key?: KeyFingerprints;
  /** The two halves of the nonce. */
  instanceId?: bigint;
  counter?: number;
}

export function inspectStored(stored: Buffer, wire: Wire): InspectedValue {
  const result: InspectedValue = { wire, length: stored.length, plaintextLen: 0 };
  let offset = 0;
  if (wire === 'python') {
    const { serializerName, metadata, payloadOffset } = parseFrame(stored);
    result.frame = { serializerName, ...metadata };
    offset = payloadOffset;
  } else if (wire === 'protocol' && isRotationHeader(stored)) {
    const { keyFingerprint, tenantIdHash, keyVersion } = parseRotationHeader(stored);
    result.header = {
      keyFingerprint: Buffer.from(keyFingerprint).toString('hex'),
      tenantIdHash: Buffer.from(tenantIdHash).toString('hex'),
      keyVersion,
    };
    offset = 32;
  }
  if (stored.length - offset >= SEAL_OVERHEAD) {
    result.plaintextLen = stored.length - offset - SEAL_OVERHEAD;
    result.instanceId = stored.readBigUInt64BE(offset);
    result.counter = stored.readUInt32BE(offset + 8);
  }
  return result;
}

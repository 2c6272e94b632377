import { createHash } from 'node:crypto';
import { SealedFormatError } from '../errors.js';
import { assertBytesOfLength, assertWellFormed, bytesOf, kindOf } from '../util/bytes.js';

/** Says which key sealed a value; written in front of it while keys are being rotated. Not part of the AAD. */
export interface RotationHeader {
  version: 1;
  /** 0 is AES-256-GCM, the only one. */
  algorithm: 0;
  /** 16 bytes: the fingerprint of the tenant's encryption key. */
  keyFingerprint: Uint8Array;
  /** 8 bytes: the start of SHA-256 of the tenant's id. */
  tenantIdHash: Uint8Array;
  domain: 'ench';
  /** 1 when the sealing key replaced another one. Informative: the fingerprint selects the key. */
  keyVersion: 0 | 1;
}

/** The first byte of a rotation header. */
export const ROTATION_HEADER_VERSION = 1;
/** Length of a rotation header in bytes. */
export const ROTATION_HEADER_LEN = 32;
const FINGERPRINT_AT = 2;
const TENANT_HASH_AT = 18;
const DOMAIN_AT = 26;
const DOMAIN = 0x656e_6368; // "ench"

/**
 * | offset | length | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 1 | algorithm, 0 |
 * | 2 | 16 | key fingerprint |
 * | 18 | 8 | tenant id hash |
 * | 26 | 4 | `ench` |
 * | 30 | 1 | key version, 0 or 1 |
 * | 31 | 1 | 0 |
 *
 * @returns 32 bytes.
 * @throws TypeError for a wrong type, RangeError for a wrong length or number.
 * Protocol: docs/protocol.md, "Rotation Header".
 */
export function encodeRotationHeader(header: RotationHeader): Uint8Array {
  if (typeof header !== 'object' || header === null)
    throw new TypeError(`header must be an object, not ${kindOf(header)}`);
  const { version, algorithm, keyFingerprint, tenantIdHash, domain, keyVersion } = header;
  assertOneOf('version', version, [1]);
  assertOneOf('algorithm', algorithm, [0]);
  assertBytesOfLength('keyFingerprint', keyFingerprint, 16);
  assertBytesOfLength('tenantIdHash', tenantIdHash, 8);
  if (typeof domain !== 'string') throw new TypeError(`domain must be a string, not ${kindOf(domain)}`);
  if (domain !== 'ench') throw new RangeError("domain must be 'ench'");
  assertOneOf('keyVersion', keyVersion, [0, 1]);
  const bytes = Buffer.alloc(ROTATION_HEADER_LEN);
  bytes[0] = version;
  bytes[1] = algorithm;
  bytes.set(keyFingerprint, FINGERPRINT_AT);
  bytes.set(tenantIdHash, TENANT_HASH_AT);
  bytes.writeUInt32BE(DOMAIN, DOMAIN_AT);
  bytes[30] = keyVersion;
  return new Uint8Array(bytes);
}

/**
 * Reads the first 32 bytes; what follows them is not looked at.
 *
 * @throws TypeError for a wrong type, SealedFormatError when they are not a rotation header.
 * Protocol: docs/protocol.md, "Rotation Header".
 */
export function parseRotationHeader(stored: Uint8Array): RotationHeader {
  const bytes = bytesOf('bytes', stored);
  if (!isRotationHeader(bytes)) throw new SealedFormatError('These bytes do not start with a rotation header');
  return {
    version: 1,
    algorithm: 0,
    keyFingerprint: new Uint8Array(bytes.subarray(FINGERPRINT_AT, FINGERPRINT_AT + 16)),
    tenantIdHash: new Uint8Array(bytes.subarray(TENANT_HASH_AT, TENANT_HASH_AT + 8)),
    domain: 'ench',
    keyVersion: bytes[30] as 0 | 1,
  };
}

/** Whether `bytes` start with a well-formed header, of any tenant. */
export function isRotationHeader(bytes: Uint8Array): boolean {
  return (
    bytes.length >= ROTATION_HEADER_LEN &&
    bytes[0] === ROTATION_HEADER_VERSION &&
    bytes[1] === 0 &&
    bytes[26] === 0x65 &&
    bytes[27] === 0x6e &&
    bytes[28] === 0x63 &&
    bytes[29] === 0x68 &&
    (bytes[30] as number) <= 1 &&
    bytes[31] === 0
  );
}

/** Whether a well-formed header in `bytes` is this tenant's. */
export function headerHasTenant(bytes: Uint8Array, tenantIdHash: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (bytes[TENANT_HASH_AT + i] !== tenantIdHash[i]) return false;
  return true;
}

/** Whether a well-formed header in `bytes` names this key. */
export function headerHasFingerprint(bytes: Uint8Array, fingerprint: Uint8Array): boolean {
  for (let i = 0; i < 16; i++) if (bytes[FINGERPRINT_AT + i] !== fingerprint[i]) return false;
  return true;
}

/** SHA-256(UTF-8 tenant id)[0..8]. */
export function tenantIdHash(tenantId: string): Uint8Array {
  assertWellFormed('tenantId', tenantId);
  return new Uint8Array(createHash('sha256').update(tenantId).digest().subarray(0, 8));
}

function assertOneOf(name: string, value: unknown, allowed: readonly number[]): void {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${kindOf(value)}`);
  if (!allowed.includes(value)) throw new RangeError(`${name} must be ${allowed.join(' or ')}`);
}

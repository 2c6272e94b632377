import { types } from 'node:util';
import { native } from '../native/addon.js';
import { checked } from '../native/result.js';
import { assertWellFormed, bytesOf, kindOf } from '../util/bytes.js';
import { type MasterKeyInput, masterKeyBytes } from './master-key.js';

/** The three keys of a tenant, 32 bytes each. */
export interface DerivedTenantKeys {
  encryption: Uint8Array;
  authentication: Uint8Array;
  /** Salt for names in a store that should not show what they are of. */
  cacheKeys: Uint8Array;
}

/**
 * HKDF-SHA256 of the master key, with the domain and the tenant in a length-prefixed salt.
 *
 * This is one of the two functions whose purpose is to hand a derived key to JavaScript: wipe it after use.
 *
 * @param domain 1 to 255 bytes as UTF-8.
 * @param tenantSalt 1 to 1,024 bytes; a string is taken as UTF-8.
 * @returns 32 bytes.
 * @throws TypeError for a wrong type, KeyError for a malformed master key, RangeError for a wrong length.
 * Protocol: docs/protocol.md, "Key Derivation".
 */
export function deriveDomainKey(
  masterKey: MasterKeyInput,
  domain: string,
  tenantSalt: string | Uint8Array,
): Uint8Array {
  assertWellFormed('domain', domain);
  const salt = saltBytes(tenantSalt);
  const domainBytes = Buffer.from(domain);
  assertLength('domain', domainBytes.length, 255);
  assertLength('tenantSalt', salt.length, 1024);
  const master = masterKeyBytes('masterKey', masterKey);
  try {
    const key = new Uint8Array(32);
    checked(native.deriveDomainKey(key, master, domainBytes, salt));
    return key;
  } finally {
    master.fill(0);
  }
}

/**
 * The domains `encryption`, `authentication` and `cache_keys` of one tenant.
 *
 * @param tenantId 1 to 1,024 bytes as UTF-8.
 * @throws as {@link deriveDomainKey}.
 * Protocol: docs/protocol.md, "Per-Tenant Keys".
 */
export function deriveTenantKeys(masterKey: MasterKeyInput, tenantId: string): DerivedTenantKeys {
  assertTenantId(tenantId);
  return {
    encryption: deriveDomainKey(masterKey, 'encryption', tenantId),
    authentication: deriveDomainKey(masterKey, 'authentication', tenantId),
    cacheKeys: deriveDomainKey(masterKey, 'cache_keys', tenantId),
  };
}

/**
 * SHA-256("key_fingerprint_v1" | key)[0..16]: names a key without revealing it.
 *
 * @param key of any length, also empty.
 * @returns 16 bytes.
 * Protocol: docs/protocol.md, "Key Fingerprint".
 */
export function keyFingerprint(key: Uint8Array): Uint8Array {
  const bytes = bytesOf('key', key);
  const fingerprint = new Uint8Array(16);
  checked(native.keyFingerprint(fingerprint, bytes));
  return fingerprint;
}

/** @throws TypeError, or RangeError unless it is 1 to 1,024 bytes as UTF-8. */
export function assertTenantId(value: unknown, name = 'tenantId'): asserts value is string {
  assertWellFormed(name, value);
  assertLength(name, Buffer.byteLength(value), 1024);
}

function saltBytes(tenantSalt: unknown): Uint8Array {
  if (typeof tenantSalt === 'string') {
    assertWellFormed('tenantSalt', tenantSalt);
    return Buffer.from(tenantSalt);
  }
  if (!types.isUint8Array(tenantSalt)) {
    throw new TypeError(`tenantSalt must be a string or a Uint8Array, not ${kindOf(tenantSalt)}`);
  }
  return bytesOf('tenantSalt', tenantSalt);
}

function assertLength(name: string, length: number, most: number): void {
  if (length < 1 || length > most) throw new RangeError(`${name} must have 1 to ${most} bytes, not ${length}`);
}

import { EncryptionWrapper } from '../codec/encryption-wrapper.js';
import { isCacheKitError } from '../errors.js';
import { Keyring } from '../keys/keyring.js';
import { native } from '../native/addon.js';
import type { Check } from './doctor-backend.js';

/** Sealed by the Python SDK's rules: docs/protocol.md, "Ciphertext Format". */
const KNOWN = {
  masterKey: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  tenantId: 'doctor',
  cacheKey: 'doctor:known-answer',
  sealed:
    'a1207883af1fe386000000009d1cd7803472d680af9f445a96a1b6b84b344fe7df0e4470b985f2657fa5735024a0d1b53ff1a60a501543629eec233888454f2b82',
  value: 'known answer',
} as const;

export function checkMachine(): Check[] {
  const { platform, arch, version } = process;
  const implementation = String(native.hardware());
  const software = implementation === 'software';
  return [
    { status: 'ok', what: 'addon', detail: `${platform}-${arch}, Node ${version}` },
    {
      status: software ? 'warning' : 'ok',
      what: 'processor',
      detail: software ? 'has no AES instructions: encryption is some ten times slower' : implementation,
    },
    knownAnswer(),
  ];
}

function knownAnswer(): Check {
  const { masterKey, tenantId, cacheKey, sealed, value } = KNOWN;
  const what = 'known answer';
  try {
    const wrapper = new EncryptionWrapper({ masterKey, tenantId });
    const opened = wrapper.deserialize(Buffer.from(sealed, 'hex'), { cacheKey });
    const again = wrapper.deserialize(wrapper.serialize(value, { cacheKey }), { cacheKey });
    if (opened === value && again === value) return { status: 'ok', what, detail: 'opened, sealed and opened again' };
  } catch (error) {
    if (!isCacheKitError(error)) throw error;
  }
  return { status: 'failed', what, detail: 'a known value did not open: do not use this build' };
}

export function checkKeys(): Check[] {
  const what = 'keys';
  if (!process.env.CACHEKIT_MASTER_KEY) {
    return [{ status: 'warning', what, detail: 'CACHEKIT_MASTER_KEY is not set' }];
  }
  try {
    const keyring = new Keyring();
    const all = keyring.usage().map(({ position, fingerprint }) => `${position} ${fingerprint}`);
    keyring.destroy();
    const weak = [
      process.env.CACHEKIT_MASTER_KEY,
      ...(process.env.CACHEKIT_PREVIOUS_MASTER_KEYS ?? '').split(','),
    ].some((hex) => hex.trim() !== '' && isWeak(Buffer.from(hex.trim(), 'hex')));
    const strength: Check = weak
      ? {
          status: 'failed',
          what: 'key strength',
          detail: 'a key is not random: make one with `cachekit-native keygen`',
        }
      : { status: 'ok', what: 'key strength', detail: 'looks random' };
    return [{ status: 'ok', what, detail: all.join(', ') }, strength];
  } catch (error) {
    if (!isCacheKitError(error)) throw error;
    return [{ status: 'failed', what, detail: error.message }];
  }
}

/** Of 32 random bytes 20 or more are different, and not all are text: either is false once in 10^12. */
function isWeak(key: Buffer): boolean {
  const different = new Set(key).size;
  return different < Math.min(20, key.length / 2 + 4) || key.every((byte) => byte >= 0x20 && byte < 0x7f);
}

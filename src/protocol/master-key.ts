import { types } from 'node:util';
import { ConfigurationError, KeyError } from '../errors.js';
import { assertBytes, kindOf } from '../util/bytes.js';

/**
 * A master key: a string of hex digits (at least 64, so 32 bytes), or at least 16 raw bytes,
 * with one warning in a process for fewer than 32. Exactly 32 bytes is what every SDK takes.
 */
export type MasterKeyInput = string | Uint8Array;

const MIN_HEX_BYTES = 32;
const MIN_RAW_BYTES = 16;
let warned = false;

/**
 * The key's bytes in a copy, which the caller wipes after use.
 *
 * @throws TypeError for another type, KeyError for hex that is not strictly hex digits and for too few bytes.
 * Protocol: docs/protocol.md, "Master Key Input".
 */
export function masterKeyBytes(name: string, input: MasterKeyInput): Uint8Array {
  if (typeof input === 'string') return hexKeyBytes(name, input);
  if (!types.isUint8Array(input)) {
    throw new TypeError(`${name} must be a string of hex digits or a Uint8Array, not ${kindOf(input)}`);
  }
  assertBytes(name, input);
  const bytes = new Uint8Array(input);
  try {
    assertKeyBytes(name, bytes);
    return bytes;
  } catch (error) {
    bytes.fill(0);
    throw error;
  }
}

function assertKeyBytes(name: string, bytes: Uint8Array): void {
  if (bytes.length < MIN_RAW_BYTES) {
    throw new KeyError(`${name} must have at least ${MIN_RAW_BYTES} bytes, not ${bytes.length}`);
  }
  if (bytes.length === 64 && bytes.every(isHexDigit)) {
    throw new KeyError(`${name} is 64 bytes of hex digits: pass the string, not its bytes`);
  }
  if (bytes.length < 32 && !warned) {
    warned = true;
    process.emitWarning(`${name} has ${bytes.length} bytes; 32 random bytes are recommended`, {
      type: 'SecurityWarning',
      code: 'CACHEKIT_SHORT_MASTER_KEY',
    });
  }
}

/** Every key that a keyring is made of: from the environment when no key is given. */
export interface MasterKeys {
  current: NamedKey;
  /** Newest first. */
  previous: readonly NamedKey[];
}

/** A key, and what to call it in an error: the option or the environment variable that it is from. */
export interface NamedKey {
  readonly name: string;
  readonly input: MasterKeyInput;
}

/**
 * The keys given, or those of CACHEKIT_MASTER_KEY and (only then) CACHEKIT_PREVIOUS_MASTER_KEYS.
 *
 * @throws ConfigurationError when there is no key at all.
 */
export function resolveMasterKeys(
  masterKey: MasterKeyInput | undefined,
  previousMasterKeys: readonly MasterKeyInput[] | undefined,
): MasterKeys {
  if (previousMasterKeys !== undefined && !Array.isArray(previousMasterKeys)) {
    throw new TypeError(`previousMasterKeys must be an array, not ${kindOf(previousMasterKeys)}`);
  }
  const given =
    previousMasterKeys && Array.from(previousMasterKeys, (input, at) => ({ name: `previousMasterKeys[${at}]`, input }));
  if (masterKey !== undefined) {
    if (given === undefined) warnOfIgnored(masterKey);
    return { current: { name: 'masterKey', input: masterKey }, previous: given ?? [] };
  }
  const fromEnvironment = process.env.CACHEKIT_MASTER_KEY;
  if (fromEnvironment === undefined || fromEnvironment === '') {
    throw new ConfigurationError(
      'No master key: pass masterKey (or keyring), or set CACHEKIT_MASTER_KEY to at least 64 hex digits. ' +
        'An environment file must be loaded before the module that makes the cache is imported (node --env-file=.env does that)',
    );
  }
  return { current: { name: 'CACHEKIT_MASTER_KEY', input: fromEnvironment }, previous: given ?? listedKeys() };
}

/** Removes the keys from `process.env`; what the process was started with (/proc/self/environ) still has them. */
export function clearEnvironmentKeys(): void {
  delete process.env.CACHEKIT_MASTER_KEY;
  delete process.env.CACHEKIT_PREVIOUS_MASTER_KEYS;
}

let warnedOfIgnored = false;

/** Whoever passes the variable on by hand does not know that the other one is then not read: in a rotation every value would be a miss. */
function warnOfIgnored(masterKey: MasterKeyInput): void {
  const { CACHEKIT_MASTER_KEY: current, CACHEKIT_PREVIOUS_MASTER_KEYS: previous } = process.env;
  if (warnedOfIgnored || !previous || masterKey !== current) return;
  warnedOfIgnored = true;
  process.emitWarning(
    'CACHEKIT_PREVIOUS_MASTER_KEYS is not read where masterKey is passed: for both variables pass keyring: new Keyring()',
    { type: 'CacheKitWarning', code: 'CACHEKIT_PREVIOUS_KEYS_IGNORED' },
  );
}

function listedKeys(): NamedKey[] {
  const listed = process.env.CACHEKIT_PREVIOUS_MASTER_KEYS;
  if (listed === undefined || listed === '') return [];
  const keys = listed.split(',').map((text) => text.trim());
  // A list may end with a comma, as other SDKs allow; an empty place between two keys is a mistake.
  if (keys.length > 1 && keys.at(-1) === '') keys.pop();
  return keys.map((input, at) => ({ name: `Key ${at + 1} of ${keys.length} in CACHEKIT_PREVIOUS_MASTER_KEYS`, input }));
}

function hexKeyBytes(name: string, hex: string): Uint8Array {
  // Buffer.from(…, 'hex') stops silently at the first bad or odd digit, so everything is checked before.
  if (!/^[0-9a-fA-F]*$/.test(hex)) throw new KeyError(`${name} must consist of hex digits only: no 0x, no white space`);
  if (hex.length % 2 !== 0) throw new KeyError(`${name} has an odd number of hex digits: ${hex.length}`);
  if (hex.length < MIN_HEX_BYTES * 2) {
    throw new KeyError(
      `${name} must have at least ${MIN_HEX_BYTES * 2} hex digits (${MIN_HEX_BYTES} bytes), not ${hex.length}`,
    );
  }
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

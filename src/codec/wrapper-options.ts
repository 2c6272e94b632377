import { ConfigurationError } from '../errors.js';
import { assertTenantId } from '../keys/derive.js';
import type { KeyOptions } from '../keys/key-options.js';
import { Keyring } from '../keys/keyring.js';
import type { Serializer } from '../serializers/serializer.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import type { RotationHeaderMode, WrapperSettings } from './tenant-context.js';
import { wireProfile } from './wire-profile.js';

export interface EncryptionWrapperOptions<T = unknown> extends KeyOptions {
  /** Default: StandardSerializer (InteropSerializer for wire `interop`). */
  serializer?: Serializer<T> | Serializer;
  /** When a header names the key in front of a value: `'auto'` is while keys are being rotated. */
  rotationHeader?: RotationHeaderMode;
  /** False: no compression, so that a value's length does not tell what parts of it have in common. Default true. */
  compress?: boolean | undefined;
}

const OPTIONS = [
  'serializer',
  'masterKey',
  'keyring',
  'tenantId',
  'wire',
  'rotationHeader',
  'nonces',
  'compress',
] as const satisfies readonly (keyof EncryptionWrapperOptions)[];

/** Checked options, each read once. */
export interface CheckedOptions {
  readonly settings: WrapperSettings;
  readonly tenantId: string;
  /** Whether the keyring was made here, and so is the wrapper's to destroy. */
  readonly ownsKeyring: boolean;
}

/**
 * @throws ConfigurationError for no key, two keys, an option that there is not, or a combination that the wire does not have;
 *   KeyError for a malformed key; TypeError and RangeError for wrong options.
 */
export function checkedOptions<T>(given: EncryptionWrapperOptions<T>): CheckedOptions {
  assertOptionsObject(given, OPTIONS);
  const options = ownOptions(given);
  const { tenantId = 'default', rotationHeader = 'auto', nonces = 'counter', masterKey, keyring } = options;
  assertTenantId(tenantId);
  assertChoice('rotationHeader', rotationHeader, ['auto', 'always', 'never']);
  assertChoice('nonces', nonces, ['counter', 'random']);
  if (masterKey !== undefined && keyring !== undefined) {
    throw new ConfigurationError('Pass masterKey or keyring, not both');
  }
  if (keyring !== undefined && !(keyring instanceof Keyring)) {
    throw new TypeError(`keyring must be a Keyring, not ${kindOf(keyring)}`);
  }
  const profile = wireProfile(options.wire, options.serializer as Serializer | undefined, options.compress);
  if (rotationHeader === 'always' && profile.wire !== 'protocol') {
    throw new ConfigurationError("A rotation header exists in wire 'protocol' only");
  }
  const settings = { keyring: keyring ?? new Keyring({ masterKey }), profile, rotationHeader, nonces };
  return { settings, tenantId, ownsKeyring: keyring === undefined };
}

function assertChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  if (!choices.includes(value))
    throw new RangeError(`${name} must be one of ${choices.map((c) => `'${c}'`).join(', ')}`);
}

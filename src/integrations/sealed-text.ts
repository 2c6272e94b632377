import { codecOf, EncryptionWrapper, type EncryptionWrapperOptions } from '../codec/encryption-wrapper.js';
import { isInterop, prefixedInterop } from '../codec/wire-profile.js';
import { AuthenticationError } from '../errors.js';
import type { KeyOptions } from '../keys/key-options.js';
import { fromBase64 } from '../util/base64.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';

export interface EncryptedStoreOptions extends KeyOptions, Pick<EncryptionWrapperOptions, 'compress'> {
  /** Called with why a stored value could not be opened; the value is a miss. What it throws is not caught. */
  onError?: ((error: unknown) => void) | undefined;
}

const OPTIONS = [
  'masterKey',
  'keyring',
  'tenantId',
  'nonces',
  'wire',
  'compress',
  'onError',
] as const satisfies readonly (keyof EncryptedStoreOptions)[];

/** Values as base64 text of their sealed bytes, each bound to the key it is stored under. */
export class SealedText {
  readonly #wrapper: EncryptionWrapper;
  readonly #onError: ((error: unknown) => void) | undefined;
  /** Values that could not be opened. */
  failures = 0;

  /** @throws as the constructor of EncryptionWrapper; TypeError for an `onError` that is no function. */
  constructor(options: EncryptedStoreOptions = {}) {
    assertOptionsObject(options, OPTIONS);
    const { masterKey, keyring, tenantId, nonces, wire, compress, onError } = ownOptions(options);
    if (onError !== undefined && typeof onError !== 'function') throw new TypeError('onError must be a function');
    this.#onError = onError;
    this.#wrapper = new EncryptionWrapper({ masterKey, keyring, tenantId, nonces, wire, compress });
  }

  /** @throws ConfigurationError when something stands in front of keys that other SDKs make as well. */
  assertBare(prefix: string): void {
    const { wire } = codecOf(this.#wrapper).profile;
    if (isInterop(wire) && prefix !== '') throw prefixedInterop(wire);
  }

  /** @throws as `serialize` of EncryptionWrapper. */
  seal(cacheKey: string, value: unknown): string {
    return this.#wrapper.serialize(value, { cacheKey }).toString('base64');
  }

  /** `undefined` when nothing is stored, or something that was not sealed here under this key. */
  open(cacheKey: string, stored: unknown): unknown {
    if (stored === undefined || stored === null) return undefined;
    try {
      const sealed = sealedBytes(stored);
      if (sealed === undefined) throw new AuthenticationError();
      return this.#wrapper.deserialize(sealed, { cacheKey });
    } catch (error) {
      this.failures++;
      this.#onError?.(error);
      return undefined;
    }
  }
}

/** Some stores give text back as a Buffer. */
function sealedBytes(stored: unknown): Buffer | undefined {
  const text = Buffer.isBuffer(stored) ? stored.toString('latin1') : stored;
  return typeof text === 'string' ? fromBase64(text) : undefined;
}

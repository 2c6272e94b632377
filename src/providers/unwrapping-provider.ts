import type { KeyProvider } from '../keys/provider.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { wrappedBytes } from './base64-keys.js';
import { assertText } from './options.js';
import { unwrapping, type WrappedKeySource } from './unwrapping.js';

export interface UnwrappingProviderOptions {
  /** The service's name, for errors. */
  name: string;
  /** Bytes, or base64. */
  keys: WrappedKeySource;
  /** The plaintext of a wrapped key: 32 bytes, or 64 hex digits. The array is overwritten. */
  unwrap(wrapped: Uint8Array, options: { signal: AbortSignal }): Promise<Uint8Array> | Uint8Array;
}

const OPTIONS = ['name', 'keys', 'unwrap'] as const satisfies (keyof UnwrappingProviderOptions)[];

/**
 * Keys that anything unwraps: an HSM, `age`, a service that has no provider here.
 *
 * @throws TypeError, ConfigurationError for an option that is missing, unknown or malformed.
 */
export function unwrappingProvider(options: UnwrappingProviderOptions): KeyProvider {
  assertOptionsObject(options, OPTIONS);
  const { name, keys, unwrap } = ownOptions(options);
  assertText('name', name);
  if (typeof unwrap !== 'function') throw new TypeError('unwrap must be a function');
  return unwrapping(
    { ...wrappedBytes, name, unwrap: async (wrapped: Uint8Array, { signal }) => unwrap(wrapped, { signal }) },
    keys,
  );
}

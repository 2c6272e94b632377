import { kindOf } from '../bytes.js';
import { ConfigurationError, TimeoutError } from '../errors.js';
import { durationMs } from '../duration.js';
import type { MasterKeyInput } from './master-key.js';

/** The keys that a key management service holds for an application. */
export interface ProvidedKeys {
  masterKey: MasterKeyInput;
  /** Newest first, at most 3. */
  previousMasterKeys?: readonly MasterKeyInput[];
}

/** Fetches keys, for instance by unwrapping them with a KMS. */
export type KeyProvider = (options: { signal: AbortSignal }) => Promise<ProvidedKeys> | ProvidedKeys;

export interface KeyProviderOptions {
  signal?: AbortSignal;
  /** Default `'10s'`. */
  timeout?: `${number}${'ms' | 's' | 'm'}`;
}

/** @throws TimeoutError when the provider takes too long, ConfigurationError when it gives no key; its own errors pass through. */
export async function fetchMasterKeys(provider: KeyProvider, options: KeyProviderOptions = {}): Promise<ProvidedKeys> {
  if (typeof provider !== 'function') throw new TypeError(`provider must be a function, not ${kindOf(provider)}`);
  const timeout = AbortSignal.timeout(durationMs('timeout', options.timeout ?? '10s'));
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    const abort = () =>
      reject(signal.reason === timeout.reason ? new TimeoutError('The key provider took too long') : signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  const keys = await Promise.race([Promise.resolve(provider({ signal })), aborted]);
  // A missing key must not fall back to the environment: the provider was asked for it.
  if (typeof keys !== 'object' || keys === null || keys.masterKey === undefined) {
    throw new ConfigurationError('The key provider returned no masterKey');
  }
  return { masterKey: keys.masterKey, previousMasterKeys: keys.previousMasterKeys ?? [] };
}

import { ConfigurationError, TimeoutError } from '../errors.js';
import type { MasterKeyInput } from '../protocol/master-key.js';
import { kindOf } from '../util/bytes.js';
import { Deadline } from '../util/deadlines.js';
import { assertOptionsObject, durationMs, ownOptions } from '../util/options-object.js';
import { throwIfAborted } from '../util/realms.js';
import { MAX_TIMER_MS } from '../util/timers.js';

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

/**
 * @throws TimeoutError when the provider takes too long, ConfigurationError for an unknown option, for an unknown field and when
 *   it gives no key; its own errors pass through.
 */
export async function fetchMasterKeys(provider: KeyProvider, options: KeyProviderOptions = {}): Promise<ProvidedKeys> {
  if (typeof provider !== 'function') throw new TypeError(`provider must be a function, not ${kindOf(provider)}`);
  assertOptionsObject(options, ['signal', 'timeout']);
  const { signal: outer, timeout = '10s' } = ownOptions(options);
  const timeoutMs = durationMs('timeout', timeout);
  throwIfAborted(outer);
  const controller = new AbortController();
  const stop = (reason: unknown) => controller.abort(reason);
  const onAbort = () => stop(outer?.reason);
  outer?.addEventListener('abort', onAbort, { once: true });
  const tooLong = () => stop(new TimeoutError('The key provider took too long'));
  const deadline = new Deadline(Math.min(timeoutMs, MAX_TIMER_MS), 'The key provider', tooLong);
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  let keys: ProvidedKeys;
  try {
    keys = await Promise.race([provider({ signal: controller.signal }), aborted]);
  } finally {
    deadline.end();
    outer?.removeEventListener('abort', onAbort);
  }
  // A missing key must not fall back to the environment: the provider was asked for it.
  if (typeof keys !== 'object' || keys === null || keys.masterKey === undefined) {
    throw new ConfigurationError('The key provider returned no masterKey');
  }
  // With a name that is misspelt a key would be missing, and everything that it has sealed a miss.
  const unknown = Object.keys(keys).find((name) => name !== 'masterKey' && name !== 'previousMasterKeys');
  if (unknown !== undefined) {
    // A name that is no word, or as long as a key, may be one.
    const field = /^\w{1,40}$/.test(unknown) ? `the unknown field '${unknown}'` : 'an unknown field';
    throw new ConfigurationError(`The key provider returned ${field}. Known fields: masterKey, previousMasterKeys`);
  }
  return { masterKey: keys.masterKey, previousMasterKeys: keys.previousMasterKeys ?? [] };
}

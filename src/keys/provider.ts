import { ConfigurationError } from '../errors.js';
import type { MasterKeyInput } from '../protocol/master-key.js';
import { Deadline } from '../util/deadlines.js';
import { throwIfAborted } from '../util/realms.js';

/** The keys that a key management service holds for an application. */
export interface ProvidedKeys {
  masterKey: MasterKeyInput;
  /** Newest first, at most 3. */
  previousMasterKeys?: readonly MasterKeyInput[];
  /** Called once the keys are held in Rust, or not wanted any more: here a provider overwrites its arrays. */
  [Symbol.dispose]?(): void;
}

/** Fetches keys, for instance by unwrapping them with a KMS. */
export type KeyProvider = (options: { signal: AbortSignal }) => Promise<ProvidedKeys> | ProvidedKeys;

/** How a provider is called once. */
export interface ProviderCall {
  signal: AbortSignal;
  /** At most `MAX_TIMER_MS`. */
  timeoutMs: number;
  /** Whether the process stays alive meanwhile. */
  holds: boolean;
}

/**
 * Calls a provider once. What it answers later than that is overwritten and ignored.
 *
 * @returns the keys, which the caller disposes of.
 * @throws TimeoutError when the provider takes too long, the signal's reason, ConfigurationError for an unknown field and when it
 *   gives no key; its own errors pass through.
 */
export async function fetchMasterKeys(
  provider: KeyProvider,
  { signal, timeoutMs, holds }: ProviderCall,
): Promise<Required<ProvidedKeys>> {
  throwIfAborted(signal);
  const controller = new AbortController();
  const stop = (reason: unknown) => controller.abort(reason);
  const onAbort = () => stop(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  const deadline = new Deadline(timeoutMs, 'The key provider', stop, holds);
  const answer = (async () => provider({ signal: controller.signal }))();
  let keys: ProvidedKeys;
  try {
    keys = await Promise.race([answer, aborted]);
  } catch (error) {
    answer.then(overwrite, () => {});
    throw error;
  } finally {
    deadline.end();
    signal.removeEventListener('abort', onAbort);
  }
  try {
    return checkedKeys(keys);
  } catch (error) {
    overwrite(keys);
    throw error;
  }
}

function checkedKeys(keys: ProvidedKeys): Required<ProvidedKeys> {
  // A missing key must not fall back to the environment: the provider was asked for it.
  const masterKey = typeof keys === 'object' && keys !== null ? keys.masterKey : undefined;
  if (masterKey === undefined) throw new ConfigurationError('The key provider returned no masterKey');
  // With a name that is misspelt a key would be missing, and everything that it has sealed a miss.
  const unknown = Object.keys(keys).find((name) => name !== 'masterKey' && name !== 'previousMasterKeys');
  if (unknown !== undefined) {
    // A name that is no word, or as long as a key, may be one.
    const field = /^\w{1,40}$/.test(unknown) ? `the unknown field '${unknown}'` : 'an unknown field';
    throw new ConfigurationError(`The key provider returned ${field}. Known fields: masterKey, previousMasterKeys`);
  }
  const { previousMasterKeys = [] } = keys;
  return { masterKey, previousMasterKeys, [Symbol.dispose]: () => overwrite(keys) };
}

/** What a provider throws here changes nothing for who has the keys already, or does not want them. */
function overwrite(keys: ProvidedKeys | undefined): void {
  try {
    keys?.[Symbol.dispose]?.();
  } catch {}
}

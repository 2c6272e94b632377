import { ConfigurationError } from '../errors.js';
import type { KeyProvider } from '../keys/provider.js';
import { clearEnvironmentKeys, masterKeyBytes, resolveMasterKeys } from '../protocol/master-key.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { ownKeys } from './own-keys.js';

export interface EnvironmentProviderOptions {
  /** Removes the two variables from `process.env` once they are read. The provider can be called once then: use no `refresh`. */
  clear?: boolean | undefined;
}

/**
 * Keys of CACHEKIT_MASTER_KEY and CACHEKIT_PREVIOUS_MASTER_KEYS, as `new Keyring()` reads them.
 *
 * @throws TypeError, ConfigurationError for an option that is unknown or malformed.
 */
export function environmentProvider(options: EnvironmentProviderOptions = {}): KeyProvider {
  assertOptionsObject(options, ['clear']);
  const { clear = false } = ownOptions(options);
  if (typeof clear !== 'boolean') throw new TypeError(`clear must be true or false, not ${kindOf(clear)}`);
  let cleared = false;
  return async () => {
    if (cleared) throw new ConfigurationError('The keys were removed from the environment when they were read');
    const { current, previous } = resolveMasterKeys(undefined, undefined);
    const keys = await ownKeys([current, ...previous].map(async ({ name, input }) => masterKeyBytes(name, input)));
    cleared = clear;
    if (clear) clearEnvironmentKeys();
    return keys;
  };
}

import {
  clearEnvironmentKeys,
  type MasterKeyInput,
  type MasterKeys,
  resolveMasterKeys,
} from '../protocol/master-key.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { MAX_OPEN_ONLY } from './held-key.js';
import { tooMany } from './key-refusals.js';

export interface KeyringOptions {
  /** Seals and opens. Default: CACHEKIT_MASTER_KEY, and with it CACHEKIT_PREVIOUS_MASTER_KEYS. */
  masterKey?: MasterKeyInput | undefined;
  /** Open only, newest first, at most 3. */
  previousMasterKeys?: readonly MasterKeyInput[];
  /**
   * Removes CACHEKIT_MASTER_KEY and CACHEKIT_PREVIOUS_MASTER_KEYS from `process.env` once the keys are held: libraries that print the
   * environment, and child processes, do not get them. Give this keyring to every cache then.
   */
  clearEnvironment?: boolean | undefined;
}

const OPTIONS = ['masterKey', 'previousMasterKeys', 'clearEnvironment'] as const satisfies (keyof KeyringOptions)[];

/** What the options give. `held` is called when the keys are. @throws as the constructor of a keyring. */
export function keyringOptions(options: KeyringOptions): MasterKeys & { held(): void } {
  assertOptionsObject(options, OPTIONS);
  const { masterKey, previousMasterKeys, clearEnvironment = false } = ownOptions(options);
  if (typeof clearEnvironment !== 'boolean') {
    throw new TypeError(`clearEnvironment must be true or false, not ${kindOf(clearEnvironment)}`);
  }
  const { current, previous } = resolveMasterKeys(masterKey, previousMasterKeys);
  if (previous.length > MAX_OPEN_ONLY) throw tooMany();
  const held = clearEnvironment ? clearEnvironmentKeys : () => {};
  return { current, previous, held };
}

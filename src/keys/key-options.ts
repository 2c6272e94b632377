import type { MasterKeyInput } from '../protocol/master-key.js';
import type { Wire } from '../protocol/wire.js';
import type { Keyring, NonceMode } from './keyring.js';

/** Which keys encrypt, for whom, and who else reads the values. */
export interface KeyOptions {
  /** 64 hex digits or 32 bytes. Default, where encryption is asked for: CACHEKIT_MASTER_KEY. Not together with `keyring`. */
  masterKey?: MasterKeyInput | undefined;
  /** Encrypts with the keys of this keyring, which its owner destroys: others may use it too. */
  keyring?: Keyring | undefined;
  /** The tenant that the values belong to: 1 to 1,024 bytes as UTF-8. Default `'default'`. */
  tenantId?: string | undefined;
  /** `'random'` for platforms that clone a running process's memory. Default `'counter'`. */
  nonces?: NonceMode | undefined;
  /** Default `'protocol'`. */
  wire?: Wire | undefined;
}

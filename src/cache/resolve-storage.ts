import type { Backend } from '../backends/backend.js';
import { openBackend } from '../backends/from-url.js';
import { codecOf, EncryptionWrapper } from '../codec/encryption-wrapper.js';
import { PlainCodec } from '../codec/plain-codec.js';
import type { SealingCodec } from '../codec/sealing-codec.js';
import type { ValueCodec } from '../codec/value-codec.js';
import { isInterop, prefixedInterop, type WireProfile } from '../codec/wire-profile.js';
import { ConfigurationError } from '../errors.js';
import type { Keyring } from '../keys/keyring.js';
import type { Wire } from '../protocol/wire.js';
import { StandardSerializer } from '../serializers/standard.js';
import { assertWellFormed } from '../util/bytes.js';
import { ownOptions } from '../util/options-object.js';
import { guarded } from './engine/backend-guard.js';
import type { StoreSettings } from './engine/open-store.js';
import { privateNames } from './engine/private-keys.js';
import { Registry } from './engine/registry.js';
import { STORAGE, type StorageOptions } from './options.js';
import { parse } from './parsers.js';
import { assertCanLock } from './policy-options.js';

/** Where values are stored and as what: options that were checked, with what they are made into. */
export interface Storage extends StoreSettings {
  readonly secure: boolean;
  /** Undefined: nothing is encrypted. */
  readonly keyring: Keyring | undefined;
  readonly profile: WireProfile;
  /**
   * Gives the backend up: one that was made here, from a URL or around a Keyv store (which stays open), is closed unless others
   * use it.
   */
  readonly release: () => Promise<void>;
  /** Wipes the keys that were made here. */
  readonly destroy: () => void;
  readonly ttlMs: number;
  readonly tenantId: string | undefined;
  readonly privateKeys: boolean;
  /** The same of caches that have the same entries: what one has found, another's look at them replaces. */
  readonly subject: string;
}

/** Of stores that were passed as objects. */
const storeNumbers = new WeakMap<object, number>();
let storesNumbered = 0;

/**
 * @param secure whether values are encrypted even if no option says so, and then with CACHEKIT_MASTER_KEY by default.
 * @throws TypeError and RangeError for wrong options; ConfigurationError for ones that contradict each other, and for no key.
 */
export function resolveStorage(given: StorageOptions & { namespace?: string }, secure: boolean): Storage {
  const own = ownOptions(given);
  const options = parse(STORAGE, own);
  const { tenantId, l1, lock, privateKeys, registry, rewrapOnRead } = options;
  const { namespace, backend: store } = own;
  const inProcess = store === undefined || store === null;
  if (inProcess && l1 === undefined)
    throw new ConfigurationError('With l1: false and no backend nothing can be stored');
  if (inProcess && options.bus !== undefined)
    throw new ConfigurationError(
      'A bus is for a backend that processes share: without a backend each has values of its own',
    );
  const { codec, ...made } = resolveCodec(own, secure);
  const { wire } = made.profile;
  if (tenantId !== undefined && !made.secure && wire !== 'protocol') {
    throw new ConfigurationError("Without encryption, a tenantId has a place in wire 'protocol' only");
  }
  if (rewrapOnRead && isInterop(wire)) {
    throw new ConfigurationError(`rewrapOnRead is not available in wire '${wire}', whose values name no key`);
  }
  if (privateKeys) {
    if (!made.secure)
      throw new ConfigurationError('privateKeys needs encryption: use cache.secure, or pass masterKey or keyring');
    if (wire !== 'protocol') throw new ConfigurationError("privateKeys exist in wire 'protocol' only");
    if (namespace === undefined) throw new ConfigurationError('privateKeys needs a namespace');
  }
  const opened = inProcess ? undefined : openBackend(store, options.backendTimeoutMs);
  const backend = opened?.backend;
  try {
    assertCanLock(backend, lock);
    assertSuits(backend, wire);
  } catch (error) {
    void opened?.release();
    throw error;
  }
  const bound = backend === undefined ? codec : codec.boundTo(backend);
  const found = registry && backend?.keys !== undefined && namespace !== undefined && wire === 'protocol';
  return {
    ...options,
    ...made,
    codec: bound,
    registry:
      found && made.secure && !privateKeys
        ? new Registry({
            backend: guarded(backend, { ...options, onState: () => {} }),
            codec: (bound as SealingCodec).forOwnValues(),
            namespace,
            onError: options.onError,
          })
        : undefined,
    names: privateKeys ? privateNames(codec as SealingCodec, namespace) : undefined,
    namespace,
    backend,
    subject: JSON.stringify([inProcess ? undefined : nameOf(store), wire, namespace, tenantId]),
    release: async () => opened?.release(),
  };
}

function assertSuits(backend: Backend | undefined, wire: Wire): void {
  const keyPrefix = backend?.keyPrefix;
  if (keyPrefix !== undefined) assertWellFormed('backend.keyPrefix', keyPrefix);
  if (isInterop(wire) && keyPrefix) throw prefixedInterop(wire);
}

/** A URL may have a password: it is nowhere shown. */
function nameOf(store: string | object): string | number {
  if (typeof store === 'string') return store;
  const number = storeNumbers.get(store) ?? ++storesNumbered;
  storeNumbers.set(store, number);
  return number;
}

/** Each once. */
export function keyringsOf(...storages: readonly Storage[]): Keyring[] {
  return [...new Set(storages.flatMap(({ keyring }) => keyring ?? []))];
}

function resolveCodec(
  options: StorageOptions,
  secure: boolean,
): Pick<Storage, 'secure' | 'keyring' | 'profile' | 'destroy'> & { codec: ValueCodec } {
  const { masterKey, keyring, tenantId, wire, nonces } = options;
  const serializer = serializerOf(options);
  if (!secure && !(serializer instanceof EncryptionWrapper)) assertKeysGiven(options);
  if (serializer === null) throw new TypeError('serializer must be a Serializer or left out, not null');
  if (serializer instanceof EncryptionWrapper) {
    if (masterKey !== undefined || keyring !== undefined || nonces !== undefined) {
      throw new ConfigurationError(
        'An EncryptionWrapper brings its keys: pass no masterKey, keyring or nonces beside it',
      );
    }
    const codec = codecOf(serializer);
    const { profile } = codec;
    if (wire !== undefined && wire !== profile.wire) {
      throw new ConfigurationError(`The EncryptionWrapper has wire '${profile.wire}'`);
    }
    return { codec, secure: true, keyring: codec.keyring, profile, destroy: () => {} };
  }
  if (secure || masterKey !== undefined || keyring !== undefined) {
    const wrapper = new EncryptionWrapper({ serializer, masterKey, keyring, tenantId, wire, nonces });
    const codec = codecOf(wrapper);
    const { profile, keyring: keys } = codec;
    return { codec, secure: true, keyring: keys, profile, destroy: () => wrapper.destroy() };
  }
  if (nonces !== undefined) {
    throw new ConfigurationError('nonces are for encryption: use cache.secure, or pass masterKey or keyring');
  }
  const plain = new PlainCodec({ serializer, wire });
  return { codec: plain, secure: false, keyring: undefined, profile: plain.profile, destroy: () => {} };
}

function serializerOf({ serializer, types, wire }: StorageOptions): StorageOptions['serializer'] {
  if (types === undefined) return serializer;
  if (serializer !== undefined)
    throw new ConfigurationError('types are for the StandardSerializer of the cache: pass no serializer');
  if (wire !== undefined && isInterop(wire))
    throw new ConfigurationError(`In wire '${wire}' all SDKs have the same types`);
  return new StandardSerializer({ types });
}

/** A key that was asked for and is missing, as from an unset variable, must not mean a cache without encryption. */
function assertKeysGiven(options: StorageOptions): void {
  for (const name of ['masterKey', 'keyring'] as const) {
    if (name in options && options[name] === undefined) {
      throw new ConfigurationError(
        `${name} is undefined: pass a key, use cache.secure for CACHEKIT_MASTER_KEY, or leave the option out. ` +
          'An environment file must be loaded before the module that makes the cache is imported',
      );
    }
  }
}

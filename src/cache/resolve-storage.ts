import type { Backend } from '../backends/backend.js';
import { backendFrom } from '../backends/from-url.js';
import { isPrivate, nowOf } from '../backends/guarantees.js';
import { EncryptionWrapper } from '../codec/encryption-wrapper.js';
import { PlainWrapper } from '../codec/plain-codec.js';
import type { ValueCodec } from '../codec/value-codec.js';
import { isInterop, prefixedInterop, type WireProfile } from '../codec/wire-profile.js';
import { ConfigurationError } from '../errors.js';
import { assertTenantId } from '../keys/derive.js';
import type { StorageCode } from '../protocol/cache-key.js';
import { InteropSerializer } from '../serializers/interop.js';
import { errorPathsOf } from '../serializers/refused.js';
import { kindOf } from '../util/bytes.js';
import { durationMs } from '../util/duration.js';
import { ownOptions } from '../util/options-object.js';
import { isAbortSignal } from '../util/realms.js';
import { boundCodec } from './bound-codec.js';
import { guarded } from './engine/backend-guard.js';
import { EntryStore } from './engine/entry-store.js';
import { events } from './engine/events.js';
import { FailedLoads } from './engine/failed-loads.js';
import { Failures } from './engine/failure-policy.js';
import { keptMs } from './engine/freshness.js';
import { L1 } from './engine/l1.js';
import { L2 } from './engine/l2.js';
import { Loading } from './engine/loading.js';
import { Neighbours } from './engine/local-invalidation.js';
import { EntryLock } from './engine/lock.js';
import { privateEntries } from './engine/private-keys.js';
import { Tiers } from './engine/tiers.js';
import type { NamingContext } from './key-builder.js';
import { assertFunction, assertOptions, type L1Options, type StorageOptions, ttlOf } from './options.js';
import { assertBackendCan, backendTimeoutMs, type Policies, resolvePolicies } from './policies.js';

/** Options that were checked, with what they are made into. */
export interface Storage {
  readonly codec: ValueCodec;
  readonly secure: boolean;
  readonly profile: WireProfile;
  readonly backend: Backend | undefined;
  /** Whether the backend was made here, from a URL or around a Keyv store (which stays open), and is closed with the cache. */
  readonly ownsBackend: boolean;
  /** Wipes the keys that were made here. */
  readonly destroy: () => void;
  readonly ttlMs: number;
  readonly tenantId: string | undefined;
  /** undefined: off. */
  readonly l1: { maxBytes: number; ttlMs: number; values: boolean; invalidation: boolean } | undefined;
  readonly policies: Policies;
  readonly privateKeys: boolean;
  readonly signal: AbortSignal | undefined;
  readonly throwUnopened: boolean;
  readonly onError: ((error: unknown) => void) | undefined;
}

const DEFAULT_TTL_MS = 600_000;
const DEFAULT_L1_BYTES = 64 * 1024 * 1024;

/**
 * @param secure whether values are encrypted even if no option says so, and then with CACHEKIT_MASTER_KEY by default.
 * @throws TypeError and RangeError for wrong options; ConfigurationError for ones that contradict each other, and for no key.
 */
export function resolveStorage(given: StorageOptions & { namespace?: string }, secure: boolean): Storage {
  const options = ownOptions(given);
  const { tenantId, backend: store, onAuthenticationFailure: failure = 'miss', onError, signal } = options;
  if (tenantId !== undefined) assertTenantId(tenantId);
  if (failure !== 'miss' && failure !== 'throw') {
    throw new RangeError("onAuthenticationFailure must be 'miss' or 'throw'");
  }
  assertFunction('onError', onError);
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  }
  const inProcess = store === undefined || store === null;
  const l1 = resolveL1(options.l1);
  if (inProcess && l1 === undefined)
    throw new ConfigurationError('With l1: false and no backend nothing can be stored');
  const ttlMs = ttlOf(options.ttl) ?? DEFAULT_TTL_MS;
  const codec = resolveCodec(options, secure);
  if (tenantId !== undefined && !codec.secure && codec.profile.wire !== 'protocol') {
    throw new ConfigurationError("Without encryption, a tenantId has a place in wire 'protocol' only");
  }
  const policies = resolvePolicies(options);
  const privateKeys = resolvePrivateKeys(options, codec);
  const backend = inProcess ? undefined : backendFrom(store, backendTimeoutMs(options.timeout));
  if (backend !== undefined) {
    assertBackendCan(backend, policies);
    const { wire } = codec.profile;
    if (isInterop(wire) && backend.keyPrefix) throw prefixedInterop(wire);
  }
  return {
    ...codec,
    policies,
    privateKeys,
    backend,
    ownsBackend: backend !== store,
    ttlMs,
    tenantId,
    l1,
    signal,
    throwUnopened: failure === 'throw',
    onError,
  };
}

/** A store of its own for what the options describe. `namespace`: what its events say. */
export function openStore(storage: Storage, namespace?: string): EntryStore {
  const { codec, l1, signal, throwUnopened, onError, policies } = storage;
  const { windows, jitter, lock, negativeTtlMs, loadTimeoutMs, signal: hasSignal, backoff, errorTtlMs } = policies;
  const failures = new Failures({ throwUnopened, onError });
  const windowMs = keptMs(windows);
  const l2 =
    storage.backend &&
    new L2({
      backend: guarded(storage.backend, {
        ...policies.guard,
        signal,
        onState: (state) => {
          if (events.breaker.hasSubscribers) events.breaker.publish({ namespace, state });
        },
      }),
      private: isPrivate(storage.backend),
      getNow: nowOf(storage.backend),
      hasL1: l1 !== undefined,
      windowMs,
      names: storage.privateKeys ? privateEntries(codec as EncryptionWrapper, namespace) : undefined,
      signal,
      failures,
    });
  const neighbours = storage.backend && Neighbours.of(storage.backend);
  const tiers = new Tiers({
    changed: ({ cacheKey }) => neighbours?.tell(store, (other) => other.changed(cacheKey)),
    codec: boundCodec(codec, storage.backend),
    l1: l1 && new L1(l1.maxBytes),
    l2,
    // Without a backend L1's entries are no copies.
    l1TtlMs: l2 === undefined ? Number.POSITIVE_INFINITY : (l1?.ttlMs ?? 0),
    keepValues: l1?.values ?? false,
    windowMs,
    jitter,
    failures,
  });
  const failed = new FailedLoads(windowMs === 0 ? undefined : backoff, errorTtlMs);
  const maxMs = policies.maxRunMs;
  const loading = new Loading(tiers, failures, failed, {
    signalMs: hasSignal ? loadTimeoutMs : undefined,
    maxMs,
    negativeTtlMs,
    lock: lock && l2 && new EntryLock(l2, lock, maxMs),
  });
  // Private names tell nothing that L1 could look up.
  const watched = l1?.invalidation && !storage.privateKeys ? storage.backend?.watch?.bind(storage.backend) : undefined;
  const store = new EntryStore({
    tiers,
    loading,
    failures,
    failed,
    windows,
    loadTimeoutMs,
    watch: watched,
    neighbours,
  });
  return store;
}

/** What the names of entries depend on. */
export function namingContext(
  { profile, secure, tenantId }: Storage,
  shared: boolean,
  tagNamespace: string | undefined,
): NamingContext {
  return {
    tagNamespace,
    wire: profile.wire,
    code: storageCode(profile),
    errorPaths: errorPathsOf(profile.serializer),
    shared,
    tenantId,
    tenantInKey: !secure && tenantId !== undefined,
  };
}

const LETTERS = { default: 's', orjson: 'o', arrow: 'w' } as const;

function storageCode({ container, frameName, serializer }: WireProfile): StorageCode {
  const own = serializer instanceof InteropSerializer ? 's' : 'x';
  return `${container === 'envelope' ? 1 : 0}${frameName === undefined ? own : LETTERS[frameName]}`;
}

function resolveCodec(
  options: StorageOptions,
  secure: boolean,
): Pick<Storage, 'codec' | 'secure' | 'profile' | 'destroy'> {
  const { serializer, masterKey, keyring, tenantId, wire, nonces } = options;
  if (!secure && !(serializer instanceof EncryptionWrapper)) assertKeysGiven(options);
  if (serializer === null) throw new TypeError('serializer must be a Serializer or left out, not null');
  if (serializer instanceof EncryptionWrapper) {
    if (masterKey !== undefined || keyring !== undefined || nonces !== undefined) {
      throw new ConfigurationError(
        'An EncryptionWrapper brings its keys: pass no masterKey, keyring or nonces beside it',
      );
    }
    if (wire !== undefined && wire !== serializer.profile.wire) {
      throw new ConfigurationError(`The EncryptionWrapper has wire '${serializer.profile.wire}'`);
    }
    return { codec: serializer, secure: true, profile: serializer.profile, destroy: () => {} };
  }
  if (secure || masterKey !== undefined || keyring !== undefined) {
    const wrapper = new EncryptionWrapper({ serializer, masterKey, keyring, tenantId, wire, nonces });
    return { codec: wrapper, secure: true, profile: wrapper.profile, destroy: () => wrapper.destroy() };
  }
  if (nonces !== undefined) {
    throw new ConfigurationError('nonces are for encryption: use cache.secure, or pass masterKey or keyring');
  }
  const plain = new PlainWrapper({ serializer, wire });
  return { codec: plain, secure: false, profile: plain.profile, destroy: () => {} };
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

function resolvePrivateKeys(
  { privateKeys = false, namespace }: StorageOptions & { namespace?: string },
  { secure, profile }: Pick<Storage, 'secure' | 'profile'>,
): boolean {
  if (typeof privateKeys !== 'boolean')
    throw new TypeError(`privateKeys must be a boolean, not ${kindOf(privateKeys)}`);
  if (!privateKeys) return false;
  if (!secure)
    throw new ConfigurationError('privateKeys needs encryption: use cache.secure, or pass masterKey or keyring');
  if (profile.wire !== 'protocol') throw new ConfigurationError("privateKeys exist in wire 'protocol' only");
  if (namespace === undefined) throw new ConfigurationError('privateKeys needs a namespace');
  return true;
}

function resolveL1(given: unknown): Storage['l1'] {
  if (given === false) return undefined;
  if (given !== undefined && given !== true) {
    assertOptions(given, ['maxBytes', 'ttl', 'values', 'invalidation'], 'l1');
  }
  const {
    maxBytes = DEFAULT_L1_BYTES,
    ttl,
    values = false,
    invalidation = true,
  } = ownOptions((typeof given === 'object' ? given : {}) as L1Options);
  if (typeof maxBytes !== 'number') throw new TypeError(`l1.maxBytes must be a number, not ${kindOf(maxBytes)}`);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) throw new RangeError('l1.maxBytes must be an integer above 0');
  if (typeof values !== 'boolean') throw new TypeError(`l1.values must be a boolean, not ${kindOf(values)}`);
  if (typeof invalidation !== 'boolean') {
    throw new TypeError(`l1.invalidation must be a boolean, not ${kindOf(invalidation)}`);
  }
  return {
    maxBytes,
    values,
    invalidation,
    ttlMs: ttl === undefined ? Number.POSITIVE_INFINITY : durationMs('l1.ttl', ttl),
  };
}

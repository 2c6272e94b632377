import { ConfigurationError } from '../errors.js';
import type { KeyOptions } from '../keys/key-options.js';
import { Keyring, stateOf } from '../keys/keyring.js';
import { signalOf } from '../native/abort.js';
import { SCRATCH_LEN } from '../native/memory.js';
import { assertTenantId } from '../protocol/derive.js';
import type { Serializer } from '../serializers/serializer.js';
import { assertWellFormed, bytesOf, copyOf, countedBytes, hasCountedBytes, kindOf } from '../util/bytes.js';
import { letObserve } from '../util/observed.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { append } from '../util/own-property.js';
import { type InspectedValue, inspectStored } from './inspect.js';
import { SealingCodec } from './sealing-codec.js';
import { type RotationHeaderMode, Tenants } from './tenant-context.js';
import type {
  AsyncValueContext,
  DeserializeResult,
  EntryContext,
  ValueContext,
  ValueToDeserialize,
  ValueToSerialize,
} from './value-codec.js';
import { wireProfile } from './wire-profile.js';

export interface EncryptionWrapperOptions<T = unknown> extends KeyOptions {
  /** Default: StandardSerializer (InteropSerializer for wire `interop`). */
  serializer?: Serializer<T> | Serializer;
  /** When a header names the key in front of a value: `'auto'` is while keys are being rotated. */
  rotationHeader?: RotationHeaderMode;
  /** False: no compression, so that a value's length does not tell what parts of it have in common. Default true. */
  compress?: boolean | undefined;
}

const OPTIONS = [
  'serializer',
  'masterKey',
  'keyring',
  'tenantId',
  'wire',
  'rotationHeader',
  'nonces',
  'compress',
] as const satisfies readonly (keyof EncryptionWrapperOptions)[];

/** What a cache uses of a wrapper: the same without the checks. @throws ConfigurationError where a method was replaced. */
export let codecOf: <T>(wrapper: EncryptionWrapper<T>) => SealingCodec<T>;

/**
 * Serializes values and seals them, each bound to its tenant and cache key: a serializer with encryption.
 *
 * @example
 * const wrapper = new EncryptionWrapper({ masterKey: process.env.CACHEKIT_MASTER_KEY });
 * const sealed = wrapper.serialize({ ssn: '123-45-6789' }, { cacheKey: 'users:1' });
 * wrapper.deserialize(sealed, { cacheKey: 'users:1' }); // { ssn: '123-45-6789' }
 *
 * Protocol: docs/protocol.md, "Ciphertext Format".
 */
export class EncryptionWrapper<T = unknown> implements Disposable {
  readonly #codec: SealingCodec<T>;
  readonly #tenants: Tenants;
  /** A keyring that was made here, and so is the wrapper's to destroy. */
  readonly #ownKeyring: Keyring | undefined;

  static {
    codecOf = (wrapper) => {
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(EncryptionWrapper.prototype))) {
        if (name !== 'constructor' && typeof value === 'function' && Reflect.get(wrapper, name) !== value) {
          throw new ConfigurationError(
            `A cache would not call this EncryptionWrapper's own ${name}: put what it does into a serializer`,
          );
        }
      }
      return wrapper.#codec;
    };
  }

  /**
   * @throws ConfigurationError for no key, two keys, or a combination that the wire does not have;
   *   KeyError for a malformed key; TypeError and RangeError for wrong options.
   */
  constructor(options: EncryptionWrapperOptions<T> = {}) {
    assertOptionsObject(options, OPTIONS);
    const own = ownOptions(options);
    const { tenantId = 'default', rotationHeader = 'auto', nonces = 'counter', masterKey, keyring } = own;
    assertTenantId(tenantId);
    assertChoice('rotationHeader', rotationHeader, ['auto', 'always', 'never']);
    assertChoice('nonces', nonces, ['counter', 'random']);
    if (masterKey !== undefined && keyring !== undefined) {
      throw new ConfigurationError('Pass masterKey or keyring, not both');
    }
    if (keyring !== undefined && !(keyring instanceof Keyring)) {
      throw new TypeError(`keyring must be a Keyring, not ${kindOf(keyring)}`);
    }
    const profile = wireProfile(own.wire, own.serializer as Serializer | undefined, own.compress);
    if (rotationHeader === 'always' && profile.wire !== 'protocol') {
      throw new ConfigurationError("A rotation header exists in wire 'protocol' only");
    }
    this.#ownKeyring = keyring === undefined ? new Keyring({ masterKey }) : undefined;
    const keys = keyring ?? (this.#ownKeyring as Keyring);
    const settings = { keyring: keys, keyState: stateOf(keys), profile, rotationHeader, nonces };
    this.#tenants = new Tenants(settings, tenantId);
    this.#codec = new SealingCodec<T>(settings, this.#tenants);
    letObserve(this, { keyrings: () => [keys] });
  }

  /**
   * @returns bytes that the caller owns.
   * @throws SerializationError for a value that the serializer refuses, ValueTooLargeError over 512 MiB, KeyError after `destroy`.
   */
  serialize(value: T, context: ValueContext): Buffer {
    return this.#codec.serializeSync(value, checkedContext(context));
  }

  /**
   * @throws AuthenticationError when the key, tenant, cache key or bytes are not those that were sealed; UnknownKeyError when
   *   the value names a key that is not held; SealedFormatError for another wire's frame; EnvelopeError and
   *   SerializationError for a content that this serializer does not read; KeyError after `destroy`.
   */
  deserialize(sealed: Uint8Array, context: ValueContext): T {
    const entry = checkedContext(context);
    // The native addon validates arrays itself, but a frame is parsed, and a large output allocated, before that.
    const { wire } = this.#codec.profile;
    const small = hasCountedBytes(sealed) && sealed.length <= SCRATCH_LEN && wire !== 'python';
    return this.#codec.deserializeSync(small ? sealed : countedBytes('sealed', sealed), entry);
  }

  /** Serializes now and seals off the event loop. @throws (rejects) as {@link serialize}, or with the signal's reason. */
  async serializeAsync(value: T, context: AsyncValueContext): Promise<Buffer> {
    return this.#codec.serializeAsync(value, checkedContext(context), signalOf(context));
  }

  /** Opens off the event loop; `sealed` is copied at the call. @throws (rejects) as {@link deserialize}, or with the signal's reason. */
  async deserializeAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<T> {
    return this.#codec.deserializeAsync(copied(sealed), checkedContext(context), signalOf(context));
  }

  /**
   * Seals a stored value again as `serialize` would now: with the current key, and with the header or frame that goes with
   * it. The payload is the same bytes and is never decoded, so nothing is lost that JavaScript's types do not keep; a
   * frame keeps its metadata.
   *
   * @example
   * const again = wrapper.rewrap(stored, { cacheKey: 'users:1' });
   * if (again !== undefined) await store.set('users:1', again);
   *
   * @returns undefined when the value is sealed with the current key already, behind the header that is written now.
   * @throws as {@link deserialize}; what only the serializer would refuse is not looked at.
   */
  rewrap(sealed: Uint8Array, context: ValueContext): Buffer | undefined {
    const entry = checkedContext(context);
    return this.#codec.rewrapSync(bytesOf('sealed', sealed), entry, false).sealed;
  }

  /** Rewraps off the event loop; `sealed` is copied at the call. @throws (rejects) as {@link rewrap}, or with the signal's reason. */
  async rewrapAsync(sealed: Uint8Array, context: AsyncValueContext): Promise<Buffer | undefined> {
    const entry = checkedContext(context);
    return (await this.#codec.rewrapAsync(copied(sealed), entry, false, signalOf(context))).sealed;
  }

  /**
   * Seals a batch with one native call per key. The results share one allocation.
   *
   * @throws as {@link serialize} for the first item that fails; nothing is returned then.
   */
  serializeMany(items: readonly ValueToSerialize<T>[]): Buffer[] {
    this.#tenants.assertUsable();
    assertItems(items);
    return this.#codec.serializeMany(mapped(items, (item) => ({ value: item.value, ...checkedContext(item) })));
  }

  /** Opens a batch with one native call per key. Each item has its own result. @throws TypeError for a wrong argument only. */
  deserializeMany(items: readonly ValueToDeserialize[]): DeserializeResult<T>[] {
    this.#tenants.assertUsable();
    assertItems(items);
    return this.#codec.deserializeMany(
      mapped(items, (item) => {
        const { sealed, cacheKey, tenantId } = item;
        const entry = checkedContext({ cacheKey, tenantId });
        return { sealed: countedBytes('sealed', sealed), ...entry };
      }),
    );
  }

  /**
   * What can be seen of stored bytes without opening them: header, frame and sizes, and which of the keys that are held is named,
   * if it is one of the wrapper's own tenant.
   *
   * @throws SealedFormatError for a broken frame.
   */
  inspect(sealed: Uint8Array): InspectedValue {
    this.#tenants.assertUsable();
    const shown = inspectStored(bytesOf('sealed', sealed), this.#codec.profile.wire);
    const named = shown.header?.keyFingerprint ?? shown.frame?.keyFingerprint;
    const { tenantId } = this.#tenants;
    const keys = named === undefined ? [] : this.#codec.keyring.fingerprints({ tenantId });
    const key = keys.find(({ tenantFingerprint }) => tenantFingerprint === named);
    return key === undefined ? shown : { ...shown, key };
  }

  /** Wipes the keys of a wrapper that was made with `masterKey`; a `keyring` is left alone. Any later use is a KeyError. */
  destroy(): void {
    this.#tenants.destroy();
    this.#ownKeyring?.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

function assertChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  if (!choices.includes(value))
    throw new RangeError(`${name} must be one of ${choices.map((c) => `'${c}'`).join(', ')}`);
}

/**
 * A context's members, each read once, before the value or the bytes are looked at: a getter is user code.
 *
 * @throws TypeError for a wrong type or a lone surrogate, RangeError for an empty cache key.
 */
function checkedContext(context: unknown): EntryContext {
  assertContext(context);
  const { cacheKey, tenantId } = context;
  assertWellFormed('cacheKey', cacheKey);
  if (cacheKey.length === 0) throw new RangeError('cacheKey must not be empty');
  return { cacheKey, tenantId };
}

function assertContext(context: unknown): asserts context is ValueContext {
  if (typeof context !== 'object' || context === null) {
    throw new TypeError(`The context must be an object with a cacheKey, not ${kindOf(context)}`);
  }
}

/** As `map`, which an array of a class of its own may have replaced. */
function mapped<T, R>(items: readonly T[], work: (item: T) => R): R[] {
  const results: R[] = [];
  for (let i = 0; i < items.length; i++) append(results, work(items[i] as T));
  return results;
}

function assertItems(items: unknown): void {
  if (!Array.isArray(items)) throw new TypeError(`items must be an array, not ${kindOf(items)}`);
  for (const item of items) assertContext(item);
}

/** A copy of what the thread pool reads. @throws TypeError for anything but bytes. */
function copied(sealed: Uint8Array): Buffer {
  return copyOf(bytesOf('sealed', sealed));
}

import { CacheKitError, ConfigurationError, KeyProviderError } from '../errors.js';
import type { KeyProvider } from '../keys/provider.js';
import { assertBytes, kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { keyBytes } from './key-bytes.js';
import { ownKeys } from './own-keys.js';
import { reasonOf, statusOf } from './reasons.js';

/** Master keys as a service has wrapped (encrypted) them. They are no secret without it. */
export interface WrappedKeys<W = Uint8Array | string> {
  masterKey: W;
  /** Newest first, at most 3. */
  previousMasterKeys?: readonly W[];
}

/** The wrapped keys, or where they are read before each call: only so can a refresh see another key. */
export type WrappedKeySource<W = Uint8Array | string> =
  | WrappedKeys<W>
  | ((options: { signal: AbortSignal }) => WrappedKeys<W> | Promise<WrappedKeys<W>>);

/** Which key a service is asked for. */
export interface Asked {
  /** The service's name. */
  readonly provider: string;
  /** `'masterKey'`, `'previousMasterKeys[0]'`. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** A service that unwraps keys. */
export interface Service<W> {
  readonly name: string;
  /** What a wrapped key must be, for a message. */
  readonly form: string;
  /** undefined for what is no wrapped key. */
  parse(wrapped: unknown): W | undefined;
  /** The plaintext, which is overwritten by the caller. */
  unwrap(wrapped: W, asked: Asked): Promise<Uint8Array>;
}

const FIELDS = ['masterKey', 'previousMasterKeys'] as const satisfies (keyof WrappedKeys)[];
const MAX_PREVIOUS = 3;

/**
 * A provider of what a service unwraps.
 *
 * @throws TypeError, ConfigurationError for wrapped keys that are none; those that a function gives are checked at each call.
 */
export function unwrapping<W>(service: Service<W>, source: unknown): KeyProvider {
  if (typeof source !== 'function') {
    const wrapped = parsedKeys(service, source);
    return ({ signal }) => ownKeys(wrapped.map((one) => unwrapOne(service, one, signal)));
  }
  return async ({ signal }) => {
    const wrapped = parsedKeys(service, await source({ signal }));
    return ownKeys(wrapped.map((one) => unwrapOne(service, one, signal)));
  };
}

interface NamedWrapped<W> {
  readonly key: string;
  readonly wrapped: W;
}

function parsedKeys<W>({ name, form, parse }: Service<W>, given: unknown): NamedWrapped<W>[] {
  assertOptionsObject(given, FIELDS, { name: 'keys', or: 'a function' });
  const { masterKey, previousMasterKeys = [] } = ownOptions(given as WrappedKeys<unknown>);
  if (masterKey === undefined) throw new ConfigurationError(`The wrapped keys for ${name} have no masterKey`);
  if (!Array.isArray(previousMasterKeys)) {
    throw new TypeError(`keys.previousMasterKeys must be an array, not ${kindOf(previousMasterKeys)}`);
  }
  if (previousMasterKeys.length > MAX_PREVIOUS) {
    throw new ConfigurationError(`keys.previousMasterKeys has more than ${MAX_PREVIOUS} keys`);
  }
  const named = Array.from(previousMasterKeys, (wrapped, at) => ({ key: `previousMasterKeys[${at}]`, wrapped }));
  return [{ key: 'masterKey', wrapped: masterKey }, ...named].map(({ key, wrapped }) => {
    const parsed = parse(wrapped);
    if (parsed === undefined) throw new ConfigurationError(`keys.${key} for ${name} must be ${form}`);
    return { key, wrapped: parsed };
  });
}

async function unwrapOne<W>(
  service: Service<W>,
  { key, wrapped }: NamedWrapped<W>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { name } = service;
  let plaintext: Uint8Array;
  try {
    plaintext = await service.unwrap(wrapped, { provider: name, key, signal });
  } catch (error) {
    if (error instanceof CacheKitError) throw error;
    throw new KeyProviderError(`${name} did not unwrap ${key}${reasonOf(error)}`, name, key, statusOf(error));
  }
  return takenFrom(plaintext, name, key);
}

/** The key in a copy; the array that the service gave is overwritten. */
function takenFrom(plaintext: unknown, name: string, key: string): Uint8Array {
  try {
    assertBytes('plaintext', plaintext);
  } catch {
    throw new KeyProviderError(`${name} gave no bytes for ${key}`, name, key);
  }
  try {
    if (plaintext.length === 0) throw new KeyProviderError(`${name} gave an empty plaintext for ${key}`, name, key);
    return keyBytes(`${key} of ${name}`, plaintext);
  } finally {
    plaintext.fill(0);
  }
}

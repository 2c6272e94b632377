import { types } from 'node:util';

/** The fixed codes of every {@link CacheKitError}; branch on `error.code` or on the class. */
export type CacheKitErrorCode =
  | 'ERR_CONFIGURATION'
  | 'ERR_KEY'
  | 'ERR_KEY_PROVIDER'
  | 'ERR_UNKNOWN_KEY'
  | 'ERR_AUTHENTICATION'
  | 'ERR_SEALED_FORMAT'
  | 'ERR_ENVELOPE'
  | 'ERR_NONCE_EXHAUSTED'
  | 'ERR_SERIALIZATION'
  | 'ERR_VALUE_TOO_LARGE'
  | 'ERR_BACKEND'
  | 'ERR_TIMEOUT'
  | 'ERR_INCOMPLETE'
  | 'ERR_VALIDATION'
  | 'ERR_NATIVE_LOAD'
  | 'ERR_INTERNAL';

/** The base of every error this package throws, other than `TypeError` and `RangeError` for wrong arguments. */
export abstract class CacheKitError extends Error {
  abstract readonly code: CacheKitErrorCode;

  // On the prototype, so that the class of a caught error shows in its stack without a field per instance.
  override get name(): string {
    return this.constructor.name;
  }
}

/** On every error of every copy of this package: an application may load two, each with classes of its own. */
const OURS = Symbol.for('cachekit-native.error');
Object.defineProperty(CacheKitError.prototype, OURS, { value: true });

/** Whether it is an error of this package, of whichever copy. */
export function isCacheKitError(error: unknown): error is CacheKitError {
  return isError(error) && propertyOf(error, OURS) === true;
}

interface ErrorOfCode {
  ERR_BACKEND: BackendError;
  ERR_UNKNOWN_KEY: UnknownKeyError;
}

/** Whether it is an error of this package, of whichever copy, with this code. */
export function hasCode<C extends CacheKitErrorCode>(
  error: unknown,
  code: C,
): error is C extends keyof ErrorOfCode ? ErrorOfCode[C] : CacheKitError {
  return isCacheKitError(error) && propertyOf(error, 'code') === code;
}

/** Options that contradict each other or miss something. Thrown at construction, never later. */
export class ConfigurationError extends CacheKitError {
  readonly code = 'ERR_CONFIGURATION';
}

/** A master key that is missing, malformed or already held, and every use after `destroy()`. */
export class KeyError extends CacheKitError {
  readonly code = 'ERR_KEY';
}

/** A key management service that failed or answered with what it should not. Its own error is not kept: it may quote an answer. */
export class KeyProviderError extends CacheKitError {
  readonly code = 'ERR_KEY_PROVIDER';

  constructor(
    message: string,
    /** The service: `'AWS KMS'`. */
    readonly provider: string,
    /** Which key was asked for: `'masterKey'`, `'previousMasterKeys[0]'`. */
    readonly key: string,
    /** The HTTP status, where the service answered with one. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/** A value sealed for this tenant with a key that the keyring does not hold. */
export class UnknownKeyError extends CacheKitError {
  readonly code = 'ERR_UNKNOWN_KEY';

  constructor(
    /** In the value's header, of the key that is derived for the tenant: 32 hex digits. */
    readonly fingerprint: string,
    /** Of the key that is derived for this tenant from the current master key: 32 hex digits. */
    readonly currentFingerprint: string,
    /** Of the current master key, as `usage()` of a keyring has it: 32 hex digits. */
    readonly currentMasterFingerprint: string,
  ) {
    super(
      `Sealed with a key that is not in the keyring: ${fingerprint} ` +
        `(current: ${currentFingerprint}, of the master key ${currentMasterFingerprint})`,
    );
  }
}

/** The one failure of every open: wrong key, tenant, cache key or AAD, altered or truncated bytes. It carries no detail. */
export class AuthenticationError extends CacheKitError {
  readonly code = 'ERR_AUTHENTICATION';

  constructor() {
    super('Cannot open: the key, tenant, cache key or bytes are not those that were sealed');
  }
}

/** Bytes around a sealed value (rotation header, `CK` frame) that are not what this reader is configured for. */
export class SealedFormatError extends CacheKitError {
  readonly code = 'ERR_SEALED_FORMAT';
}

/** An envelope or checksum that is malformed, over a limit, or does not match its payload. */
export class EnvelopeError extends CacheKitError {
  readonly code = 'ERR_ENVELOPE';
}

/** A nonce sequence has sealed 2^32 values; this sealer seals no more. */
export class NonceExhaustedError extends CacheKitError {
  readonly code = 'ERR_NONCE_EXHAUSTED';

  constructor() {
    super('This sealer has sealed 2^32 values and refuses to seal more; make a new one');
  }
}

/** A value that a serializer refuses, or a payload that it cannot read. */
export class SerializationError extends CacheKitError {
  readonly code = 'ERR_SERIALIZATION';
}

/** A value over the limit of 512 MiB, or over a limit that was configured. */
export class ValueTooLargeError extends CacheKitError {
  readonly code = 'ERR_VALUE_TOO_LARGE';
}

/** What a store said beside its failure. */
export interface BackendErrorOptions extends ErrorOptions {
  status?: number;
  transient?: boolean;
  retryAfterMs?: number;
}

/** A store that failed or answered with what it should not. */
export class BackendError extends CacheKitError {
  readonly code = 'ERR_BACKEND';
  /** The HTTP status, where the store answered with one. */
  readonly status: number | undefined;
  /** Whether the same call may well succeed later: a lost connection, an overloaded server. */
  readonly transient: boolean;
  /** How long the store asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status, transient = false, retryAfterMs, ...options }: BackendErrorOptions = {}) {
    super(message, options);
    this.status = status;
    this.transient = transient;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A store or loader that took longer than its timeout. */
export class TimeoutError extends CacheKitError {
  readonly code = 'ERR_TIMEOUT';
}

/**
 * An operation over many entries that failed, or was aborted, when some of them were dealt with: what was done stays done, and
 * the same call again does the rest. The cause is what ended it, the signal's reason for one.
 */
export class IncompleteError extends CacheKitError {
  readonly code = 'ERR_INCOMPLETE';

  constructor(
    /** What was done, by kind: `{ removed: 500 }`. */
    readonly counts: Readonly<Record<string, number>>,
    cause: unknown,
  ) {
    const done = Object.entries(counts).map(([kind, count]) => `${kind}: ${count}`);
    const reason = isCacheKitError(cause) ? `: ${cause.message}` : '';
    super(`The operation ended early (${done.join(', ')})${reason}`, { cause });
  }
}

/** A value that does not pass the schema of `validate`. Nothing of the value is in it. */
export class ValidationError extends CacheKitError {
  readonly code = 'ERR_VALIDATION';
}

/** The native addon for this platform could not be loaded. */
export class NativeLoadError extends CacheKitError {
  readonly code = 'ERR_NATIVE_LOAD';
}

/** A defect in this package that was caught before it could end the process. Please report it. */
export class InternalError extends CacheKitError {
  readonly code = 'ERR_INTERNAL';
}

/** An Error, or a DOMException, which stands for one. */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  try {
    return (
      value instanceof Error ||
      types.isNativeError(value) ||
      Object.prototype.toString.call(value) === '[object DOMException]'
    );
  } catch {
    // A proxy that was revoked, a getter that throws.
    return false;
  }
}

/** A property of an error that other code has thrown; undefined when reading it throws. */
export function propertyOf(thrown: object, name: string | symbol): unknown {
  try {
    return (thrown as Record<string | symbol, unknown>)[name];
  } catch {
    return undefined;
  }
}

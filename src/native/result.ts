import {
  AuthenticationError,
  type CacheKitError,
  EnvelopeError,
  InternalError,
  KeyError,
  NonceExhaustedError,
  SerializationError,
  ValueTooLargeError,
} from '../errors.js';

/**
 * What every native entry answers: a length >= 0, a failure (-1 … -63, see `src-rs/error.rs`),
 * or, below that, "the output is too small: n bytes are needed" as `NEEDS - n`.
 */
export type NativeResult = number;
export const NEEDS = -64;

/** An array has to pass `assertBytes` before the call: nothing was done. */
export const UNVETTED = -14;

/** The error for a failure that a native entry answered. */
export function nativeError(code: NativeResult): CacheKitError | RangeError | TypeError {
  switch (code) {
    case -1:
      return new AuthenticationError();
    case -2:
      return new NonceExhaustedError();
    case -3:
      return new ValueTooLargeError('The value is over the limit of 512 MiB');
    case -4:
      return new EnvelopeError('The envelope or checksum is malformed, over a limit or does not match its payload');
    case -5:
      return new SerializationError('The payload is not one well-formed MessagePack document within the limits');
    case -6:
      return new RangeError('The output is too small');
    case -7:
      return new RangeError('The output overlaps an input');
    case -8:
      return new KeyError('This key was destroyed');
    case -9:
      return new TypeError('An argument is not what the native addon takes');
    case -10:
      return new RangeError('A key, domain or tenant has a length outside its limits');
    case -11:
      return new DOMException('The operation was aborted', 'AbortError') as unknown as CacheKitError;
    case -15:
      return new EnvelopeError('The value has not the container of interop/v2: it is possibly one of interop/v1');
    case -16:
      return new EnvelopeError('The value is a Python-internal frame, in the place of the container of interop/v2');
    default:
      return new InternalError(
        code <= NEEDS ? 'The native addon needs more room than was computed' : `The native addon failed (${-code})`,
      );
  }
}

/** @throws the error for a failure; returns a length as it is. */
export function checked(result: NativeResult): number {
  if (result < 0) throw nativeError(result);
  return result;
}

/** @throws the error for a failure; returns a text as it is. */
export function checkedText(result: string | NativeResult): string {
  if (typeof result === 'number') throw nativeError(result);
  return result;
}

/** Runs what is a constructor or method of a native class, whose failures are thrown with their code. @throws the error for it. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = Number((error as { code?: unknown }).code);
    throw Number.isInteger(code) ? nativeError(code) : new InternalError('The native addon failed');
  }
}

import {
  AuthenticationError,
  EnvelopeError,
  InternalError,
  KeyError,
  NonceExhaustedError,
  SerializationError,
  ValueTooLargeError,
} from '../errors.js';

/**
 * What every native entry answers: a length >= 0, a failure of {@link NATIVE_CODE}, or, from `NEEDS` down, "the output is
 * too small: n bytes are needed" as `NEEDS - n`.
 */
export type NativeResult = number;
export const NEEDS = -64;

/** The failures of `src-rs/error.rs`, by the same names; a test compares the two. */
export const NATIVE_CODE = {
  AUTHENTICATION: -1,
  NONCE_EXHAUSTED: -2,
  TOO_LARGE: -3,
  ENVELOPE: -4,
  PAYLOAD_BOUNDS: -5,
  OUTPUT_TOO_SMALL: -6,
  OVERLAP: -7,
  KEY_DESTROYED: -8,
  INVALID_ARGUMENT: -9,
  INVALID_LENGTH: -10,
  CANCELLED: -11,
  PANIC: -12,
  RANDOM: -13,
  /** An array that is not trusted has to pass `assertBytes` before the call: nothing was done. */
  NEEDS_VALIDATION: -14,
  OTHER_CONTAINER: -15,
  PYTHON_FRAME: -16,
} as const;

/** The error for a failure that a native entry answered. */
export function nativeError(code: NativeResult): Error {
  switch (code) {
    case NATIVE_CODE.AUTHENTICATION:
      return new AuthenticationError();
    case NATIVE_CODE.NONCE_EXHAUSTED:
      return new NonceExhaustedError();
    case NATIVE_CODE.TOO_LARGE:
      return new ValueTooLargeError('The value is over the limit of 512 MiB');
    case NATIVE_CODE.ENVELOPE:
      return new EnvelopeError('The envelope or checksum is malformed, over a limit or does not match its payload');
    case NATIVE_CODE.PAYLOAD_BOUNDS:
      return new SerializationError('The payload is not one well-formed MessagePack document within the limits');
    case NATIVE_CODE.OUTPUT_TOO_SMALL:
      return new RangeError('The output is too small');
    case NATIVE_CODE.OVERLAP:
      return new RangeError('The output overlaps an input');
    case NATIVE_CODE.KEY_DESTROYED:
      return new KeyError('This key was destroyed');
    case NATIVE_CODE.INVALID_ARGUMENT:
      return new TypeError('An argument is not what the native addon takes');
    case NATIVE_CODE.INVALID_LENGTH:
      return new RangeError('A key, domain or tenant has a length outside its limits');
    case NATIVE_CODE.CANCELLED:
      return new DOMException('The operation was aborted', 'AbortError');
    case NATIVE_CODE.OTHER_CONTAINER:
      return new EnvelopeError('The value has not the container of interop/v2: it is possibly one of interop/v1');
    case NATIVE_CODE.PYTHON_FRAME:
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

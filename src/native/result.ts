import {
  AuthenticationError,
  EnvelopeError,
  InternalError,
  KeyError,
  NonceExhaustedError,
  SerializationError,
  ValueTooLargeError,
} from '../errors.js';

/** A length >= 0, a failure of {@link NATIVE_CODE}, or `NEEDS - n` when the output needs n bytes. */
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
  /** The first tier has no fresh entry, or did not keep one. */
  MISSING: -17,
  /** The first tier has an entry that is to be opened by other means. */
  NOT_HERE: -18,
} as const;

const ERRORS: { readonly [code: NativeResult]: () => Error } = {
  [NATIVE_CODE.AUTHENTICATION]: () => new AuthenticationError(),
  [NATIVE_CODE.NONCE_EXHAUSTED]: () => new NonceExhaustedError(),
  [NATIVE_CODE.TOO_LARGE]: () => new ValueTooLargeError('The value is over the limit of 512 MiB'),
  [NATIVE_CODE.ENVELOPE]: () =>
    new EnvelopeError('The envelope or checksum is malformed, over a limit or does not match its payload'),
  [NATIVE_CODE.PAYLOAD_BOUNDS]: () =>
    new SerializationError('The payload is not one well-formed MessagePack document within the limits'),
  [NATIVE_CODE.OUTPUT_TOO_SMALL]: () => new RangeError('The output is too small'),
  [NATIVE_CODE.OVERLAP]: () => new RangeError('The output overlaps an input'),
  [NATIVE_CODE.KEY_DESTROYED]: () => new KeyError('This key was destroyed'),
  [NATIVE_CODE.INVALID_ARGUMENT]: () => new TypeError('An argument is not what the native addon takes'),
  [NATIVE_CODE.INVALID_LENGTH]: () => new RangeError('A key, domain or tenant has a length outside its limits'),
  [NATIVE_CODE.CANCELLED]: () => new DOMException('The operation was aborted', 'AbortError'),
  [NATIVE_CODE.OTHER_CONTAINER]: () =>
    new EnvelopeError('The value has not the container of interop/v2: it is possibly one of interop/v1'),
  [NATIVE_CODE.PYTHON_FRAME]: () =>
    new EnvelopeError('The value is a Python-internal frame, in the place of the container of interop/v2'),
};

/** The error for a failure that a native entry answered. */
export function nativeError(code: NativeResult): Error {
  if (code <= NEEDS) return new InternalError('The native addon needs more room than was computed');
  return ERRORS[code]?.() ?? new InternalError(`The native addon failed (${-code})`);
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

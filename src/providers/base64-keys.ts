import { fromBase64 } from '../util/base64.js';
import { assertBytes, copyOf } from '../util/bytes.js';

/** Wrapped keys that are bytes, or base64 of bytes. */
export const wrappedBytes = {
  form: 'base64 or a Uint8Array, and not empty',
  parse(wrapped: unknown): Uint8Array | undefined {
    if (typeof wrapped === 'string') return notEmpty(fromBase64(wrapped.trim()));
    try {
      assertBytes('', wrapped);
    } catch {
      return undefined;
    }
    return notEmpty(copyOf(wrapped));
  },
} as const;

function notEmpty(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}

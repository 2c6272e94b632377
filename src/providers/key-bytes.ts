import { KeyError } from '../errors.js';
import { lengthOf, viewOf } from '../util/bytes.js';

const KEY_LEN = 32;
const HEX_LEN = 64;

/**
 * A master key as services and files hold it: 32 bytes, or 64 hex digits with or without a line end.
 *
 * @param name says in an error what the bytes are.
 * @returns a copy, which the caller overwrites. No string is made of the key: strings cannot be overwritten.
 * @throws KeyError for everything else, and for 32 zeros, which is what an array is once it was overwritten.
 */
export function keyBytes(name: string, given: Uint8Array): Uint8Array {
  const bytes = viewOf(given);
  const key = lengthOf(bytes) === KEY_LEN ? new Uint8Array(bytes) : hexBytes(withoutLineEnd(bytes));
  if (key === undefined) {
    throw new KeyError(`${name} must be 32 bytes, or 64 hex digits, not ${lengthOf(bytes)} bytes of another form`);
  }
  if (key.every((byte) => byte === 0)) throw new KeyError(`${name} is nothing but zeros`);
  return key;
}

export function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let length = lengthOf(bytes);
  if (bytes[length - 1] === 0x0a) length -= bytes[length - 2] === 0x0d ? 2 : 1;
  return viewOf(bytes, 0, length);
}

function hexBytes(digits: Uint8Array): Uint8Array | undefined {
  if (lengthOf(digits) !== HEX_LEN) return undefined;
  const key = new Uint8Array(KEY_LEN);
  for (let i = 0; i < KEY_LEN; i++) {
    const byte = (hexDigit(digits[2 * i]) << 4) | hexDigit(digits[2 * i + 1]);
    if (byte < 0) {
      key.fill(0);
      return undefined;
    }
    key[i] = byte;
  }
  return key;
}

/** -1 for what is no hex digit. */
function hexDigit(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

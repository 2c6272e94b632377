import { lengthOf } from '../util/bytes.js';

const BEFORE = Buffer.from('"plaintext"');
const BLANK = 0x2a;
const QUOTE = 0x22;

/**
 * The plaintext in an answer of Vault, `{"data":{"plaintext":"base64"}}`, in a copy. It is cut out of the bytes, and they are
 * overwritten, before the rest is read as JSON, so that no string is made of the key.
 *
 * @param answer is overwritten where the plaintext was.
 * @returns undefined when it is not an answer with one plaintext.
 */
export function plaintextIn(answer: Buffer): Uint8Array | undefined {
  const start = valueStart(answer);
  const end = start < 0 ? -1 : answer.indexOf(QUOTE, start);
  if (end < 0) return undefined;
  const text = answer.subarray(start, end);
  const plaintext = fromBase64Bytes(text);
  text.fill(BLANK);
  if (plaintext === undefined) return undefined;
  if (isPlaintextOf(answer, '*'.repeat(end - start))) return plaintext;
  plaintext.fill(0);
  return undefined;
}

/** Behind the quote with which the value begins; -1 when there is none. */
function valueStart(answer: Buffer): number {
  const name = answer.indexOf(BEFORE);
  if (name < 0) return -1;
  let at = name + BEFORE.length;
  for (const expected of [0x3a, QUOTE]) {
    while (answer[at] === 0x20) at++;
    if (answer[at++] !== expected) return -1;
  }
  return at;
}

/** Whether what was cut out is the value of `data.plaintext`, and not of something else in the answer. */
function isPlaintextOf(answer: Buffer, blanked: string): boolean {
  try {
    const { data } = JSON.parse(answer.toString('utf8')) as { data?: { plaintext?: unknown } };
    return data?.plaintext === blanked;
  } catch {
    return false;
  }
}

function fromBase64Bytes(text: Uint8Array): Uint8Array | undefined {
  let digits = lengthOf(text);
  if (digits % 4 !== 0) return undefined;
  while (digits > 0 && text[digits - 1] === 0x3d && lengthOf(text) - digits < 2) digits--;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const value = base64Digit(text[i]);
    if (value < 0) {
      bytes.fill(0);
      return undefined;
    }
    held = ((held << 6) | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >>> bits;
    }
  }
  return bytes;
}

/** -1 for what is none. */
function base64Digit(code = 0): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}

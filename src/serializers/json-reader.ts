import { isUtf8 } from 'node:buffer';
import { SerializationError } from '../errors.js';
import { MAX_DEPTH, MAX_UINT64, MIN_INT64 } from '../protocol/limits.js';
import { readUtf8 } from '../protocol/utf8.js';
import { viewOf } from '../util/bytes.js';
import { define } from '../util/own-property.js';

/** Digits of 2^53: an integer with fewer is a safe one. */
const UNSAFE_DIGITS = 16;

/**
 * The value of a JSON text, `bytes[start..end]`. An integer beyond ±(2^53−1), which `JSON.parse` would round, is a BigInt.
 *
 * @throws SerializationError for anything but one JSON text in UTF-8, for more than 1,024 levels and for integers beyond
 *   64 bits. A message never quotes the input, as those of the engine do.
 */
export function readJson(bytes: Uint8Array, start: number, end: number): unknown {
  let text: string;
  let value: unknown;
  try {
    text = readUtf8(bytes, start, end);
    value = JSON.parse(text);
  } catch {
    throw notJson();
  }
  // The runtime puts U+FFFD for what is not UTF-8, and so does a text that has that very character.
  if (text.includes('\ufffd') && !isUtf8(viewOf(bytes, start, end - start))) throw notJson();
  if (countOpeners(text) > MAX_DEPTH) assertDepth(text);
  return hasUnsafeInteger(text) ? new ExactParser(text).value() : value;
}

/** Brackets and braces, strings included; no text is nested deeper than it has of them. */
function countOpeners(text: string): number {
  let count = 0;
  for (const opener of ['[', '{']) {
    let at = text.indexOf(opener);
    while (at !== -1 && count <= MAX_DEPTH) {
      count++;
      at = text.indexOf(opener, at + 1);
    }
  }
  return count;
}

function assertDepth(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = endOfString(text, i);
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) throw new SerializationError(`The payload is nested deeper than ${MAX_DEPTH} levels`);
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

/** Whether the text may have an integer that JavaScript's numbers cannot hold. It looks at one character in 16. */
function hasUnsafeInteger(text: string): boolean {
  const { length } = text;
  for (let i = UNSAFE_DIGITS - 1; i < length; i += UNSAFE_DIGITS) {
    if (!isDigit(text.charCodeAt(i))) continue;
    let start = i;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--;
    let end = i + 1;
    while (end < length && isDigit(text.charCodeAt(end))) end++;
    if (end - start >= UNSAFE_DIGITS && mayBeInteger(text, start, end)) return true;
    // What follows begins behind a character that is no digit, so that this is far enough again.
    i = end;
  }
  return false;
}

/** Whether digits may stand for themselves, rather than in a string or behind a decimal point. */
function mayBeInteger(text: string, start: number, end: number): boolean {
  const before = text.charAt(start - (text.charAt(start - 1) === '-' ? 2 : 1));
  return ':,[ \n\r\t'.includes(before) && ',]} \n\r\t'.includes(text.charAt(end));
}

/** Parses what `JSON.parse` has accepted, with a limited depth, and so checks nothing. */
class ExactParser {
  private at = 0;

  constructor(private readonly text: string) {}

  value(): unknown {
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 0x22:
        return this.string();
      case 0x5b:
        return this.array();
      case 0x7b:
        return this.object();
      case 0x74:
        this.at += 4;
        return true;
      case 0x66:
        this.at += 5;
        return false;
      case 0x6e:
        this.at += 4;
        return null;
      default:
        return this.number();
    }
  }

  private array(): unknown[] {
    const array: unknown[] = [];
    this.at++;
    while (!this.skip(0x5d)) {
      define(array, array.length, this.value());
      this.skip(0x2c);
    }
    return array;
  }

  private object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.at++;
    while (!this.skip(0x7d)) {
      const name = this.string();
      this.skip(0x3a);
      const value = this.value();
      define(object, name, value);
      this.skip(0x2c);
    }
    return object;
  }

  private string(): string {
    const start = this.at;
    this.at = endOfString(this.text, start) + 1;
    return JSON.parse(this.text.slice(start, this.at)) as string;
  }

  private number(): number | bigint {
    const start = this.at;
    while (this.at < this.text.length && '+-.eE0123456789'.includes(this.text.charAt(this.at))) this.at++;
    const digits = this.text.slice(start, this.at);
    const value = Number(digits);
    if (Number.isSafeInteger(value) || /[.eE]/.test(digits)) return value;
    // Twenty digits and a sign are the most that 64 bits have; more would only cost time.
    const exact = digits.length > 21 ? MAX_UINT64 + 1n : BigInt(digits);
    if (exact < MIN_INT64 || exact > MAX_UINT64)
      throw new SerializationError('The payload has an integer beyond 64 bits');
    return exact;
  }

  private skip(code: number): boolean {
    this.space();
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at++;
    this.space();
    return true;
  }

  private space(): void {
    while (this.at < this.text.length && ' \n\r\t'.includes(this.text.charAt(this.at))) this.at++;
  }
}

/** Where the string that begins at `start` has its last quote. */
function endOfString(text: string, start: number): number {
  let end = start;
  do {
    end = text.indexOf('"', end + 1);
  } while (isEscaped(text, end));
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
  return backslashes % 2 === 1;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function notJson(): SerializationError {
  return new SerializationError('The payload is not JSON');
}

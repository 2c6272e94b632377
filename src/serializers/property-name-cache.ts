import { readLatin1 } from '../protocol/utf8.js';
import { isAssignable } from '../util/own-property.js';

const { fromCharCode } = String;

/** Up to twelve ASCII bytes: shorter than what a call into the runtime costs. */
export function decodeAscii(bytes: Uint8Array, at: number, length: number): string {
  let head = '';
  let rest = length;
  let i = at;
  if (length >= 8) {
    head = fromCharCode(
      bytes[i] as number,
      bytes[i + 1] as number,
      bytes[i + 2] as number,
      bytes[i + 3] as number,
      bytes[i + 4] as number,
      bytes[i + 5] as number,
      bytes[i + 6] as number,
      bytes[i + 7] as number,
    );
    if (length === 8) return head;
    i += 8;
    rest -= 8;
  } else if (length >= 4) {
    head = fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number);
    if (length === 4) return head;
    i += 4;
    rest -= 4;
  }
  switch (rest) {
    case 0:
      return head;
    case 1:
      return head + fromCharCode(bytes[i] as number);
    case 2:
      return head + fromCharCode(bytes[i] as number, bytes[i + 1] as number);
    case 3:
      return head + fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number);
    default:
      return (
        head + fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number)
      );
  }
}

const SLOTS = 1024;
/** Shorter documents repeat no name often enough for it to be worth remembering. */
const REPEATING_LEN = 512;

/**
 * Strings of property names, which come again and again: finding one costs less than decoding it, and it is a string
 * that the engine already knows as a name. It holds at most 1,024 names of at most 31 bytes.
 */
export class NameCache {
  /** Whether the name found last is known to be assignable. */
  assignable = false;
  private readonly names: (string | undefined)[] = new Array(SLOTS).fill(undefined);
  /** The document in which a name was last known to be assignable. */
  private readonly seen = new Uint32Array(SLOTS);
  private document = 0;
  private repeats = false;

  /** A document of `length` bytes begins: whatever ran since the last one may have changed `Object.prototype`. */
  begin(length: number): void {
    this.repeats = length >= REPEATING_LEN;
    this.assignable = false;
    if (!this.repeats) return;
    this.document = (this.document + 1) >>> 0;
    if (this.document === 0) this.seen.fill(0);
  }

  /** The string of `bytes[at..at + length]`, or undefined when it is not ASCII. `length` is 1 to 31. */
  find(bytes: Uint8Array, at: number, length: number): string | undefined {
    const slot =
      (length ^
        ((bytes[at] as number) << 5) ^
        ((bytes[at + length - 1] as number) << 2) ^
        ((bytes[at + (length >> 1)] as number) * 7)) &
      (SLOTS - 1);
    const name = this.names[slot];
    if (name !== undefined && name.length === length) {
      let i = 0;
      while (i < length && name.charCodeAt(i) === bytes[at + i]) i++;
      if (i === length) {
        if (this.repeats) this.assignable = this.seen[slot] === this.document || this.look(slot, name);
        return name;
      }
    }
    return this.add(slot, bytes, at, length);
  }

  private look(slot: number, name: string): boolean {
    if (!isAssignable(name)) return false;
    this.seen[slot] = this.document;
    return true;
  }

  private add(slot: number, bytes: Uint8Array, at: number, length: number): string | undefined {
    this.assignable = false;
    for (let i = 0; i < length; i++) if ((bytes[at + i] as number) >= 0x80) return undefined;
    const name = readLatin1(bytes, at, at + length);
    this.names[slot] = name;
    this.seen[slot] = 0;
    return name;
  }
}

import { readLatin1 } from '../protocol/utf8.js';

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

/**
 * Strings of property names, which come again and again: finding one costs less than decoding it, and it is a string
 * that the engine already knows as a name. It holds at most 1,024 names of at most 31 bytes.
 */
export class NameCache {
  private readonly names: (string | undefined)[] = new Array(SLOTS).fill(undefined);

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
      if (i === length) return name;
    }
    return this.add(slot, bytes, at, length);
  }

  private add(slot: number, bytes: Uint8Array, at: number, length: number): string | undefined {
    for (let i = 0; i < length; i++) if ((bytes[at + i] as number) >= 0x80) return undefined;
    const name = readLatin1(bytes, at, at + length);
    this.names[slot] = name;
    return name;
  }
}

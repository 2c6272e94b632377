import { readLatin1 } from '../protocol/utf8.js';
import { define } from '../util/own-property.js';

const NAMES = 1024;

/** Property names by their bytes: finding one costs less than decoding it. At most 1,024 names of at most 31 bytes. */
class NameCache {
  private readonly names: (string | undefined)[] = new Array(NAMES).fill(undefined);

  /** The string of `bytes[at..at + length]`, or undefined when it is not ASCII. `length` is 1 to 31. */
  find(bytes: Uint8Array, at: number, length: number): string | undefined {
    const slot =
      (length ^
        ((bytes[at] as number) << 5) ^
        ((bytes[at + length - 1] as number) << 2) ^
        ((bytes[at + (length >> 1)] as number) * 7)) &
      (NAMES - 1);
    const name = this.names[slot];
    if (name !== undefined && name.length === length) {
      let i = 0;
      while (i < length && name.charCodeAt(i) === bytes[at + i]) i++;
      if (i === length) return name;
    }
    for (let i = 0; i < length; i++) if ((bytes[at + i] as number) >= 0x80) return undefined;
    const added = readLatin1(bytes, at, at + length);
    this.names[slot] = added;
    return added;
  }
}

/** One for all readers: the names of a process are much the same in all its values. */
export const names = new NameCache();

/** The names of a map in their order: where the same ones come again, they need not be looked up. */
export interface Layout {
  readonly names: readonly string[];
  /** The names as they are encoded, one behind the other. */
  readonly encoded: Uint8Array;
  /** Where each of them ends. */
  readonly ends: Uint16Array;
  /** An object with all of them: a copy is made in one step, and assigning what it has calls no setter of a prototype. */
  readonly empty: object;
  /** Which of the places that copy does so. */
  readonly place: number;
}

const LAYOUTS = 1024;
/** How often a layout must have come to be learnt, and to take the place of another. */
const TIMES = 2;
const TIMES_TO_REPLACE = 16;
/** Maps of more names are seldom alike. */
export const MAX_LAYOUT = 32;
const FIXSTR = 0xa0;
const MAX_FIXSTR_LEN = 31;

/** What maps of a process look like: at most 1,024 layouts of at most 32 names. */
class Layouts {
  private readonly known: (Layout | undefined)[] = new Array(LAYOUTS).fill(undefined);
  /** The last name of the latest map that was not as expected, and how many such came in a row. */
  private readonly candidates: string[] = new Array(LAYOUTS).fill('');
  private readonly times = new Uint8Array(LAYOUTS);
  private count = 0;

  /** Where the layout of a map of `size` names, whose first stands at `at`, is looked for. */
  slot(bytes: Uint8Array, at: number, size: number): number {
    const marker = bytes[at] as number;
    const last = bytes[at + (marker & MAX_FIXSTR_LEN)] as number;
    return ((size * 29) ^ (marker << 3) ^ ((bytes[at + 1] as number) << 2) ^ (last * 5)) & (LAYOUTS - 1);
  }

  find(slot: number, size: number): Layout | undefined {
    const layout = this.known[slot];
    return layout?.names.length === size ? layout : undefined;
  }

  /** An object with the names of a layout, each `undefined`. A place that sees few kinds of objects copies in one step. */
  empty({ place, empty }: Layout): Record<string, unknown> {
    switch (place) {
      case 0:
        return { ...empty };
      case 1:
        return { ...empty };
      case 2:
        return { ...empty };
      case 3:
        return { ...empty };
      case 4:
        return { ...empty };
      case 5:
        return { ...empty };
      case 6:
        return { ...empty };
      case 7:
        return { ...empty };
      case 8:
        return { ...empty };
      case 9:
        return { ...empty };
      case 10:
        return { ...empty };
      case 11:
        return { ...empty };
      case 12:
        return { ...empty };
      case 13:
        return { ...empty };
      case 14:
        return { ...empty };
      default:
        return { ...empty };
    }
  }

  /** Learns the names of a map that was not as {@link find} said, when they have come often enough. */
  learn(slot: number, last: string, map: object): void {
    // Never learnt, and not to be kept either: a name may be as long as the document.
    if (last.length > MAX_FIXSTR_LEN) return;
    const times = this.candidates[slot] === last ? (this.times[slot] as number) + 1 : 1;
    this.candidates[slot] = last;
    this.times[slot] = times;
    // Two kinds of maps that come in turn must not push each other out each time.
    if (times < (this.known[slot] === undefined ? TIMES : TIMES_TO_REPLACE)) return;
    this.times[slot] = 0;
    const own = Object.keys(map);
    // Names that are numbers come first, whatever their order was.
    if (own.at(-1) !== last) return;
    // Not by `push`, which calls a setter that somebody has put on Array.prototype.
    const encoded = new Uint8Array(own.length * (1 + MAX_FIXSTR_LEN));
    const ends = new Uint16Array(own.length);
    let end = 0;
    for (let n = 0; n < own.length; n++) {
      const name = own[n] as string;
      if (name.length > MAX_FIXSTR_LEN) return;
      encoded[end++] = FIXSTR | name.length;
      for (let i = 0; i < name.length; i++) {
        const code = name.charCodeAt(i);
        if (code >= 0x80) return;
        encoded[end++] = code;
      }
      ends[n] = end;
    }
    const empty = {};
    for (const name of own) define(empty, name, undefined);
    this.known[slot] = {
      names: own,
      encoded,
      ends,
      empty: { ...empty },
      place: this.count++ & 15,
    };
  }
}

/** One for all readers, as {@link names}. */
export const layouts = new Layouts();

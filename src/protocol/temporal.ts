import { kindOf } from '../util/bytes.js';
import { readDay, readInstant } from './date-time.js';

/**
 * Dates and times on the wire: a map of two entries, a marker that is `true` and an ISO 8601 string.
 * MessagePack's own timestamp type is never written, because no peer reads it.
 *
 *   { "__datetime__": true, "value": "2025-01-02T03:04:05.678000+00:00" }
 *   { "__date__": true,     "value": "2025-01-02" }
 *   { "__time__": true,     "value": "10:30:00" }
 */
export type TemporalType = 'datetime' | 'date' | 'time';

/** Makes the value that stands for a date or time that was read; `iso` has been checked to be one. */
export type TemporalReviver = (type: TemporalType, iso: string) => unknown;

const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|[+-](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?)?$/;
const OFFSET = /([+-])(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const DATE_LEN = 10;
/** Room for the texts of nearly all dates and times. */
const scratch = new Uint8Array(40);

/**
 * A calendar date without a time or a zone: what Python's `datetime.date` is read as. It is written back as it was read.
 *
 * @throws TypeError for anything but a string, RangeError unless it is `YYYY-MM-DD` of a day that exists in the years 1 to 9999.
 */
export class PlainDate {
  /** `YYYY-MM-DD` */
  readonly iso: string;

  constructor(iso: string) {
    if (typeof iso !== 'string') throw new TypeError(`iso must be a string, not ${typeof iso}`);
    if (!isDate(iso)) throw new RangeError('iso must be a date, YYYY-MM-DD, in the years 1 to 9999');
    this.iso = iso;
    Object.freeze(this);
  }

  get year(): number {
    return Number(this.iso.slice(0, 4));
  }

  /** 1 to 12 */
  get month(): number {
    return Number(this.iso.slice(5, 7));
  }

  /** 1 to 31 */
  get day(): number {
    return Number(this.iso.slice(8, 10));
  }

  toString(): string {
    return this.iso;
  }

  toJSON(): string {
    return this.iso;
  }
}

/**
 * A time of day without a date: what Python's `datetime.time` is read as. It is written back as it was read,
 * with all its digits and its offset.
 *
 * @throws TypeError for anything but a string, RangeError unless it is `HH:MM[:SS[.fraction]]` with an optional offset from UTC.
 */
export class PlainTime {
  /** `HH:MM:SS`, with up to nine digits of a fraction and an offset where there are any. */
  readonly iso: string;

  constructor(iso: string) {
    if (typeof iso !== 'string') throw new TypeError(`iso must be a string, not ${typeof iso}`);
    if (!isTime(iso)) throw new RangeError('iso must be a time of day, HH:MM:SS');
    this.iso = iso;
    Object.freeze(this);
  }

  /** 0 to 23 */
  get hour(): number {
    return Number(this.iso.slice(0, 2));
  }

  /** 0 to 59 */
  get minute(): number {
    return Number(this.iso.slice(3, 5));
  }

  /** 0 to 59 */
  get second(): number {
    return Number(TIME.exec(this.iso)?.[3] ?? 0);
  }

  /** 0 to 999,999 */
  get microsecond(): number {
    return microseconds(TIME.exec(this.iso)?.[4]);
  }

  toString(): string {
    return this.iso;
  }

  toJSON(): string {
    return this.iso;
  }
}

/**
 * The instant of an ISO 8601 date and time, in whole milliseconds since the epoch: finer digits are cut.
 * Without an offset it is taken as UTC.
 *
 * @returns undefined for anything else.
 */
export function parseDateTime(iso: string): number | undefined {
  const length = toScratch(iso);
  const instant = length === 0 ? Number.NaN : readInstant(scratch, 0, length);
  return Number.isNaN(instant) ? parseAnyDateTime(iso) : instant;
}

function parseAnyDateTime(iso: string): number | undefined {
  const date = iso.slice(0, DATE_LEN);
  const separator = iso.charAt(DATE_LEN);
  const rest = iso.slice(DATE_LEN + 1);
  if (!isDate(date) || (separator !== 'T' && separator !== ' ') || !isTime(rest)) return undefined;
  const time = TIME.exec(rest) as RegExpExecArray;
  const at = new Date(0);
  at.setUTCFullYear(Number(date.slice(0, 4)), Number(date.slice(5, 7)) - 1, Number(date.slice(8)));
  at.setUTCHours(Number(time[1]), Number(time[2]), Number(time[3] ?? 0));
  const micros = microseconds(time[4]) - offsetMicros(rest);
  return at.getTime() + Math.floor(micros / 1000);
}

function isDate(iso: string): boolean {
  return iso.length === DATE_LEN && toScratch(iso) === DATE_LEN && !Number.isNaN(readDay(scratch, 0));
}

/** @returns 0 for a text that is not ASCII, or longer than the buffer. */
function toScratch(text: string): number {
  const { length } = text;
  if (length > scratch.length) return 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return 0;
    scratch[i] = code;
  }
  return length;
}

function isTime(iso: string): boolean {
  const parts = TIME.exec(iso);
  if (parts === null) return false;
  const below = (part: string | undefined, limit: number): boolean => part === undefined || Number(part) < limit;
  return (
    below(parts[1], 24) &&
    below(parts[2], 60) &&
    below(parts[3], 60) &&
    below(parts[5], 24) &&
    below(parts[6], 60) &&
    below(parts[7], 60)
  );
}

function microseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(6, '0').slice(0, 6));
}

function offsetMicros(time: string): number {
  const offset = OFFSET.exec(time);
  if (offset === null) return 0;
  const seconds = Number(offset[2]) * 3600 + Number(offset[3]) * 60 + Number(offset[4] ?? 0);
  return (seconds * 1_000_000 + microseconds(offset[5])) * (offset[1] === '-' ? -1 : 1);
}

/** What a PlainDate or PlainTime is written as; undefined for anything else, and for what extends one or was made without its constructor. */
export function plainTemporal(value: object): { readonly marker: string; readonly iso: string } | undefined {
  const { iso } = value as { iso?: unknown };
  if (typeof iso !== 'string') return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === PlainDate.prototype && isDate(iso)) return { marker: '__date__', iso };
  if (prototype === PlainTime.prototype && isTime(iso)) return { marker: '__time__', iso };
  return undefined;
}

/** The property that marks a map as a date or time. */
export const MARKERS: ReadonlyMap<string, TemporalType> = new Map([
  ['__datetime__', 'datetime'],
  ['__date__', 'date'],
  ['__time__', 'time'],
]);

/** Whether `iso` is what a sentinel of this type may hold. */
export function isTemporal(type: TemporalType, iso: string): boolean {
  if (type === 'datetime') return parseDateTime(iso) !== undefined;
  return type === 'date' ? isDate(iso) : isTime(iso);
}

/** The default reviver: `Date`, {@link PlainDate}, {@link PlainTime}. */
export function reviveTemporal(type: TemporalType, iso: string): unknown {
  if (type === 'datetime') return new Date(parseDateTime(iso) as number);
  return type === 'date' ? new PlainDate(iso) : new PlainTime(iso);
}

export function assertReviver(reviver: unknown): asserts reviver is TemporalReviver {
  if (typeof reviver !== 'function') throw new TypeError(`reviver must be a function, not ${kindOf(reviver)}`);
}

import { Buffer } from 'node:buffer';

/*
 * The text of dates and times as bytes: digit by digit, because a Date's own methods, slices and regular expressions cost
 * ten times what the rest of a value's field does.
 *
 *   YYYY-MM-DDTHH:MM:SS[.fraction][Z or +00:00]
 */
const DAY_MS = 86_400_000;
/** Days from 1 March of the year 0, from which the arithmetic counts, to the epoch. */
const EPOCH_DAYS = 719_468;
const DAYS_IN_400_YEARS = 146_097;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const YEAR_1 = -62_135_596_800_000;
const YEAR_10000 = 253_402_300_800_000;
/** What {@link pair} is for anything but two digits: beyond every limit. */
const NO_PAIR = 1000;

const DATE_LEN = 10;
const SECONDS_LEN = 19;
const FRACTION_LEN = 7;
const OFFSET_LEN = 6;
const MAX_FRACTION_DIGITS = 9;

/** A date and time on the wire up to the header of its text: a map of two entries. */
const HEAD = Buffer.from('\x82\xac__datetime__\xc3\xa5value', 'latin1');
const FIXSTR = 0xa0;
const STR8 = 0xd9;

/** The most bytes that {@link writeDateTime} writes. */
export const DATE_TIME_LEN = HEAD.length + 2 + SECONDS_LEN + FRACTION_LEN + OFFSET_LEN;

const getTime: (this: Date) => number = Date.prototype.getTime;

/**
 * Writes a Date as the map that stands for it, in the form that every peer reads: `+00:00` rather than `Z`, and six
 * digits of a fraction or none.
 *
 * @returns where the map ends; `at` for an invalid Date and outside the years 1 to 9999, which no peer can hold.
 */
export function writeDateTime(bytes: Uint8Array, at: number, date: Date): number {
  const ms = getTime.call(date);
  if (!(ms >= YEAR_1 && ms < YEAR_10000)) return at;
  const days = Math.floor(ms / DAY_MS);
  const msOfDay = ms - days * DAY_MS;
  const fraction = msOfDay % 1000;
  let i = at;
  for (let n = 0; n < HEAD.length; n++) bytes[i++] = HEAD[n] as number;
  if (fraction === 0) {
    bytes[i++] = FIXSTR | (SECONDS_LEN + OFFSET_LEN);
  } else {
    bytes[i++] = STR8;
    bytes[i++] = SECONDS_LEN + FRACTION_LEN + OFFSET_LEN;
  }
  writeDate(bytes, i, days);
  writeTime(bytes, i + DATE_LEN, (msOfDay / 1000) | 0);
  i += SECONDS_LEN;
  if (fraction !== 0) {
    bytes[i] = 0x2e;
    bytes[i + 1] = 0x30 + ((fraction / 100) | 0);
    writePair(bytes, i + 2, fraction % 100);
    bytes[i + 4] = bytes[i + 5] = bytes[i + 6] = 0x30;
    i += FRACTION_LEN;
  }
  bytes[i] = 0x2b;
  bytes[i + 3] = 0x3a;
  bytes[i + 1] = bytes[i + 2] = bytes[i + 4] = bytes[i + 5] = 0x30;
  return i + OFFSET_LEN;
}

/** Where the text's header is in such a map with its first entry at `bytes[at]`, 0 for any other map. The caller checks the end. */
export function dateTimeHeader(bytes: Uint8Array, at: number): number {
  const header = at + HEAD.length - 1;
  for (let i = at, n = 1; i < header; i++, n++) if (bytes[i] !== HEAD[n]) return 0;
  return header;
}

/**
 * The instant of the text `bytes[at..end]`, in whole milliseconds since the epoch: finer digits are cut. Without an
 * offset it is taken as UTC.
 *
 * @returns NaN unless it is in the form above, which other dates and times are not.
 */
export function readInstant(bytes: Uint8Array, at: number, end: number): number {
  const zone = at + SECONDS_LEN;
  if (zone > end || bytes[at + DATE_LEN] !== 0x54) return Number.NaN;
  const hour = pair(bytes, at + 11);
  const minute = pair(bytes, at + 14);
  const second = pair(bytes, at + 17);
  if (hour > 23 || minute > 59 || second > 59 || bytes[at + 13] !== 0x3a || bytes[at + 16] !== 0x3a) return Number.NaN;
  let i = zone;
  let ms = 0;
  if (i < end && bytes[i] === 0x2e) {
    i++;
    let unit = 100;
    while (i < end && isDigit(bytes[i] as number)) {
      ms += unit * ((bytes[i++] as number) - 0x30);
      unit = (unit / 10) | 0;
    }
    const digits = i - zone - 1;
    if (digits === 0 || digits > MAX_FRACTION_DIGITS) return Number.NaN;
  }
  if (i < end && !isUtc(bytes, i, end)) return Number.NaN;
  return readDay(bytes, at) * DAY_MS + (hour * 3600 + minute * 60 + second) * 1000 + ms;
}

/** The day of `YYYY-MM-DD` at `bytes[at]`, counted from the epoch; NaN for a day that does not exist in the years 1 to 9999. */
export function readDay(bytes: Uint8Array, at: number): number {
  const century = pair(bytes, at);
  const yearOfCentury = pair(bytes, at + 2);
  const month = pair(bytes, at + 5);
  const day = pair(bytes, at + 8);
  if (century > 99 || yearOfCentury > 99 || bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d) return Number.NaN;
  const year = century * 100 + yearOfCentury;
  if (year < 1 || month < 1 || month > 12 || day < 1) return Number.NaN;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > (month === 2 && leap ? 29 : (DAYS_IN_MONTH[month - 1] as number))) return Number.NaN;
  const marchYear = month > 2 ? year : year - 1;
  const era = (marchYear / 400) | 0;
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = (((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) | 0) + day - 1;
  const dayOfEra = yearOfEra * 365 + (yearOfEra >> 2) - ((yearOfEra / 100) | 0) + dayOfYear;
  return era * DAYS_IN_400_YEARS + dayOfEra - EPOCH_DAYS;
}

/** `YYYY-MM-DD` of a day: years that begin in March have their leap day at their end. */
function writeDate(bytes: Uint8Array, at: number, days: number): void {
  const day = days + EPOCH_DAYS;
  const era = (day / DAYS_IN_400_YEARS) | 0;
  const dayOfEra = day - era * DAYS_IN_400_YEARS;
  const leapDays = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0);
  const yearOfEra = ((dayOfEra - leapDays) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const month = ((5 * dayOfYear + 2) / 153) | 0;
  const year = era * 400 + yearOfEra + (month < 10 ? 0 : 1);
  writePair(bytes, at, (year / 100) | 0);
  writePair(bytes, at + 2, year % 100);
  bytes[at + 4] = 0x2d;
  writePair(bytes, at + 5, month < 10 ? month + 3 : month - 9);
  bytes[at + 7] = 0x2d;
  writePair(bytes, at + 8, dayOfYear - (((153 * month + 2) / 5) | 0) + 1);
}

/** `THH:MM:SS` */
function writeTime(bytes: Uint8Array, at: number, secondOfDay: number): void {
  const minuteOfDay = (secondOfDay / 60) | 0;
  bytes[at] = 0x54;
  writePair(bytes, at + 1, (minuteOfDay / 60) | 0);
  bytes[at + 3] = 0x3a;
  writePair(bytes, at + 4, minuteOfDay % 60);
  bytes[at + 6] = 0x3a;
  writePair(bytes, at + 7, secondOfDay % 60);
}

function writePair(bytes: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  bytes[at] = 0x30 + tens;
  bytes[at + 1] = 0x30 + value - tens * 10;
}

function pair(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] as number;
  const ones = bytes[at + 1] as number;
  return isDigit(tens) && isDigit(ones) ? tens * 10 + ones - 0x30 * 11 : NO_PAIR;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isUtc(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at === 1) return bytes[at] === 0x5a;
  return (
    end - at === OFFSET_LEN &&
    bytes[at] === 0x2b &&
    bytes[at + 1] === 0x30 &&
    bytes[at + 2] === 0x30 &&
    bytes[at + 3] === 0x3a &&
    bytes[at + 4] === 0x30 &&
    bytes[at + 5] === 0x30
  );
}

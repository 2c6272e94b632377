import test from 'ava';
import { PlainDate, PlainTime } from '../../index.js';
import { writeDateTime } from '../../src/protocol/date-time.js';
import { parseDateTime } from '../../src/protocol/temporal.js';

/** The text of the map that stands for a Date, and undefined for one that is not written. */
function written(date: Date): string | undefined {
  const bytes = Buffer.alloc(64);
  const end = writeDateTime(bytes, 3, date);
  if (end === 3) return undefined;
  const map = bytes.toString('latin1', 3, end);
  const [, header = '', iso] = /^\x82\xac__datetime__\xc3\xa5value([\xa0-\xbf]|\xd9.)(.*)$/.exec(map) ?? [];
  if (iso?.length !== (header.length === 2 ? header.charCodeAt(1) : header.charCodeAt(0) & 0x1f)) return map;
  return iso;
}

test('a Date is written as every peer reads it: +00:00, and six digits of a fraction or none', (t) => {
  const rows = [
    ['2025-11-14T10:30:00Z', '2025-11-14T10:30:00+00:00'],
    ['2025-01-02T03:04:05.006Z', '2025-01-02T03:04:05.006000+00:00'],
    ['1969-12-31T23:59:59.999Z', '1969-12-31T23:59:59.999000+00:00'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00+00:00'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999000+00:00'],
  ] as const;
  for (const [date, iso] of rows) {
    t.is(written(new Date(date)), iso);
    t.is(parseDateTime(iso), new Date(date).getTime());
  }
  for (const date of [
    new Date(Number.NaN),
    new Date('0000-12-31T23:59:59.999Z'),
    new Date('+010000-01-01T00:00:00Z'),
    new Date(8.64e15),
  ]) {
    t.is(written(date), undefined);
  }
});

test('every day of the calendar is written and read as the engine has it', (t) => {
  const day = 86_400_000;
  let wrong = 0;
  // Steps of a prime number of days and of milliseconds reach every month, every leap rule and every digit.
  for (let ms = Date.parse('0001-01-01T00:00:00Z'); ms < 253_402_300_800_000; ms += 13 * day + 7_919_113) {
    const iso = written(new Date(ms)) ?? '';
    const expected = new Date(ms)
      .toISOString()
      .replace(/(?:\.000|(\.\d{3}))Z$/, (_, ms = '') => `${ms && `${ms}000`}+00:00`);
    if (iso !== expected || parseDateTime(iso) !== ms) wrong++;
  }
  t.is(wrong, 0);
  for (const year of [1600, 1700, 1900, 2000, 2023, 2024, 2100, 4, 1, 9999]) {
    for (const monthDay of ['02-28', '02-29', '03-01', '12-31', '01-01']) {
      const iso = `${String(year).padStart(4, '0')}-${monthDay}T00:00:00+00:00`;
      const at = new Date(`${iso.slice(0, 19)}Z`);
      const exists = at.toISOString().slice(5, 10) === monthDay;
      t.is(parseDateTime(iso), exists ? at.getTime() : undefined, iso);
      if (exists) t.is(written(at), iso);
    }
  }
});

test('a time that a Date was given as its own property is not what is written', (t) => {
  t.is(written(Object.assign(new Date(0), { getTime: () => 5, toISOString: () => 'x' })), '1970-01-01T00:00:00+00:00');
});

const read: [string, string][] = [
  ['2025-01-02T03:04:05Z', '2025-01-02T03:04:05.000Z'],
  ['2025-01-02T03:04:05', '2025-01-02T03:04:05.000Z'],
  ['2025-01-02 03:04', '2025-01-02T03:04:00.000Z'],
  ['2025-01-02T03:04:05.1', '2025-01-02T03:04:05.100Z'],
  ['2025-01-02T03:04:05.123456789+00:00', '2025-01-02T03:04:05.123Z'],
  ['2025-01-02T03:04:05.678901-08:00', '2025-01-02T11:04:05.678Z'],
  ['2025-01-02T03:04:05+05:30', '2025-01-01T21:34:05.000Z'],
  ['2025-01-02T03:04:05.006000+05:30:15', '2025-01-01T21:33:50.006Z'],
  ['2025-01-02T03:04:05+00:00:00.000001', '2025-01-02T03:04:04.999Z'],
  ['1969-12-31T23:59:59.999999+00:00', '1969-12-31T23:59:59.999Z'],
  ['0050-01-01T00:00:00Z', '0050-01-01T00:00:00.000Z'],
  ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
  ['2025-01-02T03:04:05.12Z', '2025-01-02T03:04:05.120Z'],
  ['2025-01-02T03:04:05.678+00:00', '2025-01-02T03:04:05.678Z'],
  ['2025-01-02T03:04:05.678999Z', '2025-01-02T03:04:05.678Z'],
  ['2025-01-02T03:04:05-00:00', '2025-01-02T03:04:05.000Z'],
  ['2025-01-02T03:04:05+10:00', '2025-01-01T17:04:05.000Z'],
  ['2025-01-02T03:04:05+01:00', '2025-01-02T02:04:05.000Z'],
  ['2025-01-02T03:04:05+00:10', '2025-01-02T02:54:05.000Z'],
  ['2025-01-02T03:04:05+00:01', '2025-01-02T03:03:05.000Z'],
];
for (const [iso, instant] of read) {
  test(`reads ${iso} as ${instant}`, (t) => t.is(new Date(parseDateTime(iso) ?? Number.NaN).toISOString(), instant));
}

test('what is no date and time is not read as one', (t) => {
  for (const iso of [
    '',
    'now',
    '2025-01-02',
    '2025-01-02T',
    '2025-1-2T03:04:05',
    '2025-02-29T00:00:00Z',
    '2025-01-02T24:00:00Z',
    '2025-01-02T23:60:00Z',
    '2025-01-02T23:59:60Z',
    '2025-01-02T03:04:05.',
    '2025-01-02T03:04:05.Z',
    '2025-01-02T03:04:05.1234567890Z',
    '2025-01-02T03:04:05z',
    '2025-01-02T03:04:05+0000',
    '2025-01-02T03:04:05+00:00Z',
    '2025-01-02T03:04:0\u0665Z',
    '2025-01-02t03:04:05Z',
    '2025/01-02T03:04:05Z',
    '2x25-01-02T03:04:05Z',
    '20 5-01-02T03:04:05Z',
    '2025-0x-02T03:04:05Z',
    '2025-01-x2T03:04:05Z',
    '2025-01-02Tx3:04:05Z',
    '2025-01-02T03:x4:05Z',
    '2025-01-02T03:04:0xZ',
    '2025-01/02T03:04:05Z',
    '2025-01-02T03.04:05Z',
    '2025-01-02T03:04.05Z',
    '2025-01-02T03:04:0',
    '2025-00-02T03:04:05Z',
    '2025-13-02T03:04:05Z',
    '2025-01-00T03:04:05Z',
    '2025-04-31T03:04:05Z',
    '2025-01-02T03:04:05+24:00',
    '2025-01-02T03:04:05+5:30',
    '2025-01-02T03:04:05 Z',
    '2025-01-02T03:04:05Z\n',
    '0000-01-01T00:00:00Z',
    '+002025-01-02T03:04:05Z',
    '٢٠٢٥-01-02T03:04:05Z',
  ]) {
    t.is(parseDateTime(iso), undefined, iso);
  }
});

test('a PlainDate has its parts, its text, and nothing that can be changed', (t) => {
  const date = new PlainDate('2024-02-29');
  t.deepEqual(
    [date.year, date.month, date.day, date.iso, `${date}`, JSON.stringify({ date })],
    [2024, 2, 29, '2024-02-29', '2024-02-29', '{"date":"2024-02-29"}'],
  );
  t.throws(() => Object.assign(date, { iso: '2025-01-01' }), { instanceOf: TypeError });
  for (const iso of [
    '',
    '2025-02-29',
    '1900-02-29',
    '2025-04-31',
    '2025-00-01',
    '2025-13-01',
    '2025-01-00',
    '2025-01-32',
    '0000-01-01',
    '2025-1-1',
    '2025-01-01T00:00:00',
    '2025-01-01\n',
  ]) {
    t.throws(() => new PlainDate(iso), { instanceOf: RangeError }, iso);
  }
  t.notThrows(() => new PlainDate('2000-02-29'));
  for (const iso of [undefined, 5, new Date(), ['2025-01-01']]) {
    t.throws(() => new PlainDate(iso as unknown as string), { instanceOf: TypeError });
  }
});

test('a PlainTime has its parts, its text with all its digits, and nothing that can be changed', (t) => {
  const time = new PlainTime('23:59:58.1234567+05:30');
  t.deepEqual(
    [time.hour, time.minute, time.second, time.microsecond, `${time}`, JSON.stringify({ time })],
    [23, 59, 58, 123_456, '23:59:58.1234567+05:30', '{"time":"23:59:58.1234567+05:30"}'],
  );
  const short = new PlainTime('07:08');
  t.deepEqual([short.hour, short.minute, short.second, short.microsecond], [7, 8, 0, 0]);
  t.throws(() => Object.assign(time, { iso: '00:00:00' }), { instanceOf: TypeError });
  for (const iso of [
    '',
    '24:00:00',
    '10:60:00',
    '10:30:60',
    '1:30:00',
    '10:30:00.',
    '10:30:00.1234567890',
    '10:30:00+25:00',
    '10:30:00\n',
    'T10:30:00',
  ]) {
    t.throws(() => new PlainTime(iso), { instanceOf: RangeError }, iso);
  }
  for (const iso of [undefined, null, 5])
    t.throws(() => new PlainTime(iso as unknown as string), { instanceOf: TypeError });
});

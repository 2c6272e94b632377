import test from 'ava';
import { cache, parseDuration, parseTtl } from '../../index.js';

test('text with a unit is a duration, as it is', (t) => {
  for (const text of ['250ms', '30s', '10m', '1.5h', '7d']) {
    t.is(parseDuration(text) as string, text);
    t.is(parseTtl(text) as string, text);
    t.notThrows(() => cache({ ttl: parseTtl(text), swr: parseDuration(text) }));
  }
  t.is(parseTtl('never'), 'never');
  t.throws(() => parseDuration('never'), { instanceOf: TypeError, message: /parseTtl takes 'never'/ });
});

test('other text is a TypeError that names the forms and not the text', (t) => {
  for (const parse of [parseDuration, parseTtl]) {
    for (const text of [
      '',
      '600',
      '10 m',
      ' 10m',
      '10m\n',
      '-1s',
      '1e3s',
      '1w',
      '1H',
      'ms',
      'forever',
      '١s',
      '1s1s',
      'x'.repeat(50),
    ]) {
      const error = t.throws(() => parse(text), { instanceOf: TypeError });
      t.true(error.message.includes("'250ms', '30s', '10m', '1h', '7d'"), error.message);
      t.true(text.length < 10 || !error.message.includes(text));
    }
    for (const value of [undefined, null, 600, {}, ['1s'], new String('1s')]) {
      t.throws(() => parse(value as string), { instanceOf: TypeError, message: /must be a string/ });
    }
    for (const text of ['0s', '0.0ms', `${'9'.repeat(400)}d`, '9007199254741s']) {
      t.throws(() => parse(text), { instanceOf: RangeError });
    }
  }
  t.regex(t.throws(() => parseTtl('x')).message, /or 'never'/);
});

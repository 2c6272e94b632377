import test from 'ava';
import { rewrapOptions } from '../../src/cache/rewrap/options.js';

const matchOf = (match: string) => rewrapOptions({ match }, 'rewrap').match!;

test('a star stands for any characters and a question mark for one', (t) => {
  const texts = ['', 'a', 'b', '.', '𝒳', '\n', 'ab', 'ba', 'a𝒳', 'aab', 'abab', 'b.a\n', 'aaab', 'ababa'];
  const patterns = [
    'a',
    '*',
    '?',
    '??',
    'a*',
    '*a',
    '*b*',
    'a*b',
    '*a*b',
    'a?b*',
    '**',
    '*?',
    'a**b?',
    '.',
    'ab*ab',
    '*aab',
  ];
  for (const pattern of patterns) {
    const escaped = pattern
      .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.');
    const expected = new RegExp(`^${escaped}$`, 'su');
    for (const text of texts) t.is(matchOf(pattern)(text), expected.test(text), JSON.stringify([pattern, text]));
  }
});

test('many stars take no longer than a few', (t) => {
  // A backtracking search would not end.
  t.false(matchOf(`${'*a'.repeat(30)}*b`)('a'.repeat(1000)));
});

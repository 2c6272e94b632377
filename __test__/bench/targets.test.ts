import test from 'ava';
import { atMost, better, faster, verdictOf } from '../../bench/lib/targets.js';

test('a target is reached within its margin, and missed beyond', (t) => {
  t.is(verdictOf(faster('a', 2, 1.81)), 'reached');
  t.is(verdictOf(faster('a', 2, 1.79)), 'missed');
  t.is(verdictOf(atMost('a', 2, 2.19)), 'reached');
  t.is(verdictOf(atMost('a', 2, 2.21)), 'missed');
  t.is(verdictOf(atMost('a', 2, 2.09, { steady: true })), 'missed');
});

test('a target that is out of reach is held up to its second bound, which has no margin of its own', (t) => {
  t.is(verdictOf(atMost('a', 0.25, 0.27, { held: 0.8 })), 'reached');
  t.is(verdictOf(atMost('a', 0.25, 0.8, { held: 0.8 })), 'held');
  t.is(verdictOf(atMost('a', 0.25, 0.81, { held: 0.8 })), 'missed');
});

test('of two measurements the better one counts, target by target', (t) => {
  const [first, second] = better([atMost('a', 1, 1.5), faster('b', 2, 3)], [atMost('a', 1, 1.2), faster('b', 2, 1)]);
  t.is(first?.measured, 1.2);
  t.is(second?.measured, 3);
});

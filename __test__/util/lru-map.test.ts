import test from 'ava';
import { LruMap } from '../../src/util/lru-map.js';

test('what was not used for longest leaves first, and is told', (t) => {
  const left: string[] = [];
  const map = new LruMap<number>(10, (_, key) => left.push(key));
  map.set('a', 1, 4);
  map.set('b', 2, 4);
  t.is(map.get('a'), 1);
  t.is(map.peek('b'), 2);
  map.set('c', 3, 4);
  t.deepEqual([left, map.keys(), map.size, map.count], [['b'], ['a', 'c'], 8, 2]);
  map.set('a', 4, 1);
  t.deepEqual([left, map.size], [['b', 'a'], 5]);
  map.set('huge', 5, 11);
  t.deepEqual([map.keys(), map.size], [['c', 'a'], 5], 'one that is larger than the map is not kept');
  map.set('c', 6, 11);
  t.deepEqual([map.keys(), map.size], [['a'], 1], 'and replaces what was there');
  map.delete('missing');
  map.clear();
  t.deepEqual([left.at(-1), map.size, map.count], ['a', 0, 0]);
});

test('it holds what a list of all does, also when it is used while something leaves', (t) => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const expected: { key: string; value: number; size: number }[] = [];
  const left: string[] = [];
  const expectedLeft: string[] = [];
  const take = (key: string) => {
    const at = expected.findIndex((one) => one.key === key);
    return at < 0 ? undefined : expected.splice(at, 1)[0];
  };
  const map = new LruMap<number>(20, (value, key) => left.push(`${key} ${value}`));
  for (let step = 0; step < 20_000; step++) {
    const key = `k${random(12)}`;
    switch (random(4)) {
      case 0:
      case 1: {
        const size = 1 + random(8);
        map.set(key, step, size);
        const old = take(key);
        if (old !== undefined) expectedLeft.push(`${key} ${old.value}`);
        expected.push({ key, value: step, size });
        while (expected.reduce((sum, one) => sum + one.size, 0) > 20) {
          const oldest = expected.shift();
          expectedLeft.push(`${oldest?.key} ${oldest?.value}`);
        }
        break;
      }
      case 2: {
        const found = take(key);
        if (found !== undefined) expected.push(found);
        t.is(map.get(key), found?.value);
        break;
      }
      default: {
        map.delete(key);
        const old = take(key);
        if (old !== undefined) expectedLeft.push(`${key} ${old.value}`);
      }
    }
    if (step % 100 === 0) {
      t.deepEqual(map.keys().toSorted(), expected.map((one) => one.key).toSorted());
      t.deepEqual([map.count, map.size], [expected.length, expected.reduce((sum, one) => sum + one.size, 0)]);
    }
  }
  t.deepEqual(left, expectedLeft);
  let again = 0;
  const reentrant: LruMap<number> = new LruMap<number>(2, (value, key) => {
    if (again++ < 5) reentrant.set(key, value + 1);
  });
  for (const key of ['a', 'b', 'a', 'c', 'd']) reentrant.set(key, 0);
  t.true(reentrant.size <= 2 && reentrant.count === reentrant.size);
});

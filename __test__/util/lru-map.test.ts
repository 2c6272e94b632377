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

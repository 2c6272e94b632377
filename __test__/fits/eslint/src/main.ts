import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cache, cachedMethod, createCache } from 'cachekit-native';

class Users {
  @cache()
  async byId(id: number): Promise<string> {
    return Promise.resolve(`user ${id.toString()}`);
  }
}

const double = cache()((id: number, times = 2) => id * times);
const { entry, invalidate, keyFor, refresh, stats } = double;
assert.equal((await entry(2)).value, 4);
assert.equal(await refresh(2, 3), 6);
assert.equal(typeof keyFor(2), 'string');
assert.equal(await invalidate(2), true);
assert.equal([2].map(keyFor).length, 1);
assert.equal(stats().misses > 0, true);

const { entry: userEntry } = cachedMethod(new Users(), 'byId');
assert.equal((await userEntry(7)).value, 'user 7');

// A cache needs its object, and the rule says so: unused, this line would be an error.
// eslint-disable-next-line @typescript-eslint/unbound-method
const { get } = createCache();
await assert.rejects(async () => get('k'), TypeError);

const { expected } = JSON.parse(readFileSync('package.json', 'utf8')) as { expected: string };
console.log(expected);

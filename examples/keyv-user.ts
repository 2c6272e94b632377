/**
 * An application that caches with Keyv already, and keeps its code: one line more, and what the store holds is sealed and
 * bound to its key. The other direction too: a cache of this package in any store that Keyv has.
 *
 *   npx tsx examples/keyv-user.ts
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createCache, encryptedStore } from 'cachekit-native';
import { Keyv } from 'keyv';

const masterKey = randomBytes(32).toString('hex');

// Before: new Keyv({ store, namespace: 'patients' }). The store may be any that Keyv has: Redis, Postgres, DynamoDB …
const store = new Map<string, unknown>();
const patients = new Keyv({ store: encryptedStore(store, { masterKey }), namespace: 'patients' });

await patients.set('7', { name: 'Ada Lovelace', diagnosis: 'curious' }, 60_000);
assert.deepEqual(await patients.get('7'), { name: 'Ada Lovelace', diagnosis: 'curious' });
const [[key, stored]] = [...store] as [[string, unknown]];
assert.ok(!JSON.stringify(stored).includes('Ada'));
console.log('Keyv reads it, and the store holds:', key, '→', `${JSON.stringify(stored).slice(0, 60)}…`);

// A value moved to another key does not open there: Keyv's own hooks could not know.
store.set(key.replace('7', '8'), stored);
assert.equal(await patients.get('8'), undefined);
console.log('moved to another key: a miss');

// The other direction: everything a cache does here, in a store of Keyv's.
await using cache = createCache({ namespace: 'labs', backend: new Keyv(), masterKey, ttl: '1h' });
let analyses = 0;
const result = cache.wrap({ operation: 'result' })(async (sample: string) => {
  analyses++;
  return { sample, value: 4.2 };
});
assert.deepEqual(await result('s-1'), await result('s-1'));
assert.equal(analyses, 1);
console.log('a cached function over Keyv ran', analyses, 'time for two calls');

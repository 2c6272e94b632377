import { randomBytes } from 'node:crypto';
import { getHeapSnapshot } from 'node:v8';
import { createCache, EncryptionWrapper, Keyring, Sealer } from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { oracleDomainKey } from './oracle.js';

/*
 * Says whether a heap snapshot of this process holds a key, or an entry of a full first tier, even one that is not sealed. The key exists
 * here as bytes only, outside the heap.
 */

const masterKey = randomBytes(32);
const planted = `planted-${randomBytes(8).toString('hex')}`;
const sealer = new Sealer(masterKey, 'default');
const wrapper = new EncryptionWrapper({ keyring: new Keyring({ masterKey }) });
const stored = wrapper.serialize({ planted }, { cacheKey: 'k' });
const named = codecOf(wrapper).privateNames('entry', 'k').length === 1;
const sealed = sealer.open(sealer.seal(new Uint8Array(4), new Uint8Array(0)), new Uint8Array(0)).length === 4;

const entries = createCache({ ttl: '1h', l1: { maxBytes: 200_000 } });
const about = (i: number) => `${planted} number ${i},`;
for (let i = 0; i < 2_000; i++) await entries.set(`key ${about(i)}`, `value ${about(i)}`);
const { l1Entries } = entries.stats();

const chunks: Buffer[] = [];
for await (const chunk of getHeapSnapshot()) chunks.push(chunk as Buffer);
const snapshot = Buffer.concat(chunks);

const derived = ['encryption', 'cache_keys'].map((domain) => oracleDomainKey(masterKey, domain, 'default'));
const needles = [masterKey, ...derived].flatMap((key) => [
  key.toString('hex'),
  key.toString('base64').slice(0, 40),
  key.toString('latin1'),
]);
const found = needles.map((needle) => snapshot.includes(needle)).flatMap((isThere, index) => (isThere ? [index] : []));
console.log(
  JSON.stringify({
    found,
    planted: snapshot.includes(planted),
    sealed: sealed && named && stored.length > 28,
    entries:
      l1Entries > 500
        ? Array.from({ length: 2_000 }, (_, i) => i).filter((i) => snapshot.includes(about(i)))
        : l1Entries,
  }),
);

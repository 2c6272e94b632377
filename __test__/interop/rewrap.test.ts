import test from 'ava';
import { ArrowSerializer, EncryptionWrapper, JsonSerializer, Keyring, type Serializer } from '../../index.js';
import { parseFrame } from '../../src/protocol/frame.js';
import { peerTests } from '../support/peer.js';
import { hasRedis, type RedisServer, startRedis } from '../support/redis-server.js';
import type { Tagged } from '../support/tagged.js';

/* What a real Python function stored under an old key is rewrapped here, and Python reads it with the new key alone. */

const peerSuite = peerTests(hasRedis ? undefined : 'redis-server is not installed');
const [oldKey, newKey] = ['5e'.repeat(32), '6f'.repeat(32)];

let redis: RedisServer;
if (hasRedis) {
  test.before(async () => {
    redis = await startRedis();
  });
  test.after.always(() => redis?.stop());
}

interface Entries {
  entries: { key: string; raw_hex: string }[];
}

const python = (qualname: string, options: object) => ({
  mode: 'secure',
  module: 'app.users',
  qualname,
  namespace: 'users',
  args: [42, 'x'],
  redis_url: redis.url,
  ...options,
});

// JavaScript's Date would cut the microseconds, and make 2.0 an integer.
const exact: Tagged = { at: { $datetime: '2025-01-02T03:04:05.678901+00:00' }, two: { $float: '2.0' }, name: '日本😀' };
const kinds: Record<string, { serializer?: Serializer; name?: string; value: Tagged }> = {
  MessagePack: { value: exact },
  JSON: { serializer: new JsonSerializer(), name: 'orjson', value: { id: 42, ratio: 0.5 } },
  Arrow: { serializer: new ArrowSerializer() as Serializer, name: 'arrow', value: { $df: { a: [1, 2, 3] } } },
};

for (const [kind, { serializer, name, value }] of Object.entries(kinds)) {
  peerSuite.test(
    `Python reads what it stored and what was rewrapped here, with the new key alone: ${kind}`,
    async (t) => {
      const peer = peerSuite.peer();
      const shared = python(`rewrapped_${kind}`, name === undefined ? {} : { serializer: name });
      const { entries } = await peer.call<Entries>('redis_set', { ...shared, master_key_hex: oldKey, value });
      const { key: cacheKey, raw_hex } = entries[0]!;
      const stored = Buffer.from(raw_hex, 'hex');
      const keyring = new Keyring({ masterKey: newKey, previousMasterKeys: [oldKey] });
      const wrapper = new EncryptionWrapper({ keyring, wire: 'python', serializer });
      const again = wrapper.rewrap(stored, { cacheKey })!;
      const { keyFingerprint: _, ...metadata } = parseFrame(again).metadata;
      t.like(parseFrame(stored).metadata, metadata);
      t.is(wrapper.rewrap(again, { cacheKey }), undefined);

      const read = { ...shared, master_key_hex: newKey, fail_closed: true };
      const plant = (data: Buffer) =>
        peer.call('redis_raw_set', { redis_url: redis.url, key: cacheKey, data_hex: data.toString('hex') });
      await plant(again);
      t.deepEqual(await peer.call('redis_get', read), { hit: true, value });
      await plant(stored);
      await t.throwsAsync(peer.call('redis_get', read), undefined, 'the new key alone does not read the old bytes');
    },
  );

  peerSuite.test(`what Python itself writes with the current key is left alone: ${kind}`, async (t) => {
    const shared = python(`current_${kind}`, name === undefined ? {} : { serializer: name });
    const { entries } = await peerSuite.peer().call<Entries>('redis_set', { ...shared, master_key_hex: newKey, value });
    const keyring = new Keyring({ masterKey: newKey, previousMasterKeys: [oldKey] });
    const wrapper = new EncryptionWrapper({ keyring, wire: 'python', serializer });
    t.is(wrapper.rewrap(Buffer.from(entries[0]!.raw_hex, 'hex'), { cacheKey: entries[0]!.key }), undefined);
  });
}

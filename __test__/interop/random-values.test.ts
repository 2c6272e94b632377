import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ExecutionContext } from 'ava';
import { EncryptionWrapper, InteropSerializer } from '../../index.js';
import { interopKey } from '../../src/protocol/index.js';
import { oracleAad } from '../support/oracle.js';
import { peerTests } from '../support/peer.js';
import { Random, randomValue, testSeed } from '../support/random.js';
import { fromTagged, type Tagged, toTagged } from '../support/tagged.js';

/*
 * The same random values through this package and through a real Python cachekit, each reading what the other
 * wrote. A failure prints the seed; CACHEKIT_TEST_SEED=… repeats it.
 */

const { test, peer } = peerTests();
const count = Number(process.env.CACHEKIT_TEST_VALUES ?? 10_000);
const masterKey = 'c4'.repeat(32);

interface Case {
  tenantId: string;
  cacheKey: string;
  value: unknown;
}

function casesOf(t: ExecutionContext, salt: number, tenants?: string[]): Case[] {
  const seed = testSeed();
  t.log(`${count} values, seed ${seed}`);
  const random = new Random(seed + salt);
  const pool = tenants ?? Array.from({ length: 40 }, () => random.text(30, 1));
  return Array.from({ length: count }, () => ({
    tenantId: random.pick(pool),
    cacheKey: random.text(60, 1),
    value: randomValue(random),
  }));
}

const readers = { datetime: (iso: string) => new Date(iso) };
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string) => Buffer.from(hex, 'hex');

function assertAllEqual(t: ExecutionContext, cases: Case[], values: unknown[]): void {
  t.is(values.length, cases.length);
  const differing = cases.findIndex(({ value }, index) => !isDeepStrictEqual(values[index], value));
  if (differing >= 0) t.deepEqual(values[differing], cases[differing]?.value, `value ${differing}`);
  t.is(differing, -1);
}

const fromPeer = (results: { value: Tagged }[]) => results.map(({ value }) => fromTagged(value, readers));

test('Python opens what the protocol wire sealed, with the AAD of four parts', async (t) => {
  using wrapper = new EncryptionWrapper({ masterKey });
  const cases = casesOf(t, 1);
  const opened = await peer().callAll<{ plaintext_hex: string }>(
    'decrypt_tenant',
    cases.map(({ tenantId, cacheKey, value }) => ({
      ciphertext_hex: hexOf(wrapper.serialize(value, { cacheKey, tenantId })),
      master_key_hex: masterKey,
      tenant_id: tenantId,
      aad_hex: hexOf(oracleAad({ tenantId, cacheKey, format: 'msgpack', compressed: true })),
    })),
  );
  const read = await peer().callAll<{ value: Tagged }>(
    'deserialize',
    opened.map(({ plaintext_hex }) => ({ data_hex: plaintext_hex, serializer: 'std' })),
  );
  assertAllEqual(t, cases, fromPeer(read));
});

test('the protocol wire opens what Python sealed, with the AAD of four parts', async (t) => {
  using wrapper = new EncryptionWrapper({ masterKey });
  const cases = casesOf(t, 2);
  const envelopes = await peer().callAll<{ data_hex: string }>(
    'serialize',
    cases.map(({ value }) => ({ value: toTagged(value), serializer: 'std' })),
  );
  const sealed = await peer().callAll<{ ciphertext_hex: string }>(
    'encrypt_tenant',
    cases.map(({ tenantId, cacheKey }, index) => ({
      plaintext_hex: envelopes[index]?.data_hex,
      master_key_hex: masterKey,
      tenant_id: tenantId,
      aad_hex: hexOf(oracleAad({ tenantId, cacheKey, format: 'msgpack', compressed: true })),
    })),
  );
  const results = wrapper.deserializeMany(
    cases.map(({ tenantId, cacheKey }, i) => ({
      tenantId,
      cacheKey,
      sealed: bytesOf(sealed[i]?.ciphertext_hex ?? ''),
    })),
  );
  assertAllEqual(
    t,
    cases,
    results.map((result) => (result.ok ? result.value : result.error)),
  );
});

test("Python's own wrapper opens what the python wire sealed, for tenants with any name", async (t) => {
  using wrapper = new EncryptionWrapper({ masterKey, wire: 'python' });
  const cases = casesOf(t, 3);
  const frames = await peer().callAll<{ payload_hex: string; metadata: object; serializer_name: string }>(
    'frame_unwrap',
    cases.map(({ tenantId, cacheKey, value }) => ({
      frame_hex: hexOf(wrapper.serialize(value, { cacheKey, tenantId })),
    })),
  );
  t.true(frames.every(({ serializer_name }) => serializer_name === 'default'));
  const read = await peer().callAll<{ value: Tagged }>(
    'wrapper_deserialize',
    cases.map(({ tenantId, cacheKey }, index) => ({
      data_hex: frames[index]?.payload_hex,
      metadata: frames[index]?.metadata,
      master_key_hex: masterKey,
      tenant_id: tenantId,
      cache_key: cacheKey,
      fail_closed: true,
    })),
  );
  assertAllEqual(t, cases, fromPeer(read));
});

test("the python wire opens what Python's own wrapper sealed, for tenants with any name", async (t) => {
  using wrapper = new EncryptionWrapper({ masterKey, wire: 'python' });
  const cases = casesOf(t, 4);
  const sealed = await peer().callAll<{ data_hex: string; metadata: object }>(
    'wrapper_serialize',
    cases.map(({ tenantId, cacheKey, value }) => ({
      value: toTagged(value),
      master_key_hex: masterKey,
      tenant_id: tenantId,
      cache_key: cacheKey,
    })),
  );
  const frames = await peer().callAll<{ frame_hex: string }>(
    'frame_wrap',
    sealed.map(({ data_hex, metadata }) => ({ payload_hex: data_hex, metadata, serializer_name: 'default' })),
  );
  const values = cases.map(({ tenantId, cacheKey }, index) =>
    wrapper.deserialize(bytesOf(frames[index]?.frame_hex ?? ''), { tenantId, cacheKey }),
  );
  assertAllEqual(t, cases, values);
});

for (const interop of [false, true]) {
  const wire = interop ? 'interop' : 'python';
  const uuids = ['default', randomUUID(), randomUUID()];
  const handler = ({ tenantId, cacheKey }: Case) => ({
    cache_key: cacheKey,
    master_key_hex: masterKey,
    interop,
    ...(tenantId === 'default' ? {} : { deployment_uuid: tenantId }),
  });

  test(`what a backend is given by the ${wire} wire is what a @cache.secure function reads`, async (t) => {
    using wrapper = new EncryptionWrapper({ masterKey, wire });
    const cases = casesOf(t, 5, uuids);
    const read = await peer().callAll<{ value: Tagged }>(
      'handler_deserialize',
      cases.map((c) => ({ ...handler(c), fail_closed: true, stored_hex: hexOf(wrapper.serialize(c.value, c)) })),
    );
    assertAllEqual(t, cases, fromPeer(read));
  });

  test(`what a @cache.secure function gives a backend is what the ${wire} wire reads`, async (t) => {
    using wrapper = new EncryptionWrapper({ masterKey, wire });
    const cases = casesOf(t, 6, uuids);
    const stored = await peer().callAll<{ stored_hex: string }>(
      'handler_serialize',
      cases.map((c) => ({ ...handler(c), value: toTagged(c.value) })),
    );
    assertAllEqual(
      t,
      cases,
      cases.map((c, i) => wrapper.deserialize(bytesOf(stored[i]?.stored_hex ?? ''), c)),
    );
  });
}

test('both sides write the same interop bytes for a value', async (t) => {
  const serializer = new InteropSerializer();
  const cases = casesOf(t, 7);
  const encoded = await peer().callAll<{ data_hex: string }>(
    'interop_encode',
    cases.map(({ value }) => ({ value: toTagged(value) })),
  );
  const mine = cases.map(({ value }) => hexOf(serializer.serialize(value)));
  const differing = cases.findIndex((_, index) => encoded[index]?.data_hex !== mine[index]);
  t.is(mine[differing], encoded[differing]?.data_hex, `value ${differing}`);
  assertAllEqual(
    t,
    cases,
    encoded.map(({ data_hex }) => serializer.deserialize(bytesOf(data_hex))),
  );
});

test('both sides make the same interop key of a call', async (t) => {
  const cases = casesOf(t, 8);
  const calls = cases.map(({ value }, index) => (Array.isArray(value) ? value : [value, index]));
  const keys = await peer().callAll<{ key: string }>(
    'interop_key',
    calls.map((args) => ({ namespace: 'users', operation: 'get_user', args: args.map(toTagged) })),
  );
  const mine = calls.map((args) => interopKey('users', 'get_user', args));
  const differing = calls.findIndex((_, index) => keys[index]?.key !== mine[index]);
  t.is(mine[differing], keys[differing]?.key, `call ${differing}`);
  t.is(differing, -1);
  t.true(new Set(mine).size > count * 0.9);
});

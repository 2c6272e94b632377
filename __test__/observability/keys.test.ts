import test from 'ava';
import { Registry } from 'prom-client';
import { cache, createCache, EncryptionWrapper, Keyring, MemoryBackend } from '../../index.js';
import { observeKeys } from '../../src/observability/opentelemetry.js';
import { registerKeyMetrics } from '../../src/observability/prometheus.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { collector } from '../support/collected-metrics.js';

const [first, second, third] = ['a1', 'b2', 'c3'].map((byte) => byte.repeat(32)) as [string, string, string];

/** The samples of a metric: labels and value. */
async function scrape(register: Registry, metric: string): Promise<Record<string, number>> {
  const lines = (await register.metrics()).split('\n').filter((line) => line.startsWith(`${metric}{`));
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(metric.length, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

test('seals, opens and positions of each master key follow a rotation', async (t) => {
  using keyring = new Keyring({ masterKey: first });
  const register = new Registry();
  registerKeyMetrics(register, { main: keyring });
  await using entries = createCache({ keyring, backend: new MemoryBackend(), l1: false });
  await entries.set('a', 1);
  await entries.set('b', 1);
  const [old] = keyring.usage().map(({ fingerprint }) => fingerprint);
  keyring.startRotation(second);
  keyring.stage(third);
  const [current, , staged] = keyring.usage().map(({ fingerprint }) => fingerprint);
  await entries.set('a', 1);
  await entries.get('b');
  const label = (fingerprint: string | undefined, more = '') => `{keyring="main",fingerprint="${fingerprint}"${more}}`;
  t.deepEqual(await scrape(register, 'cachekit_key_seals_total'), {
    [label(current)]: 1,
    [label(old)]: 2,
    [label(staged)]: 0,
  });
  t.deepEqual(await scrape(register, 'cachekit_key_opens_total'), {
    [label(current)]: 0,
    [label(old)]: 1,
    [label(staged)]: 0,
  });
  t.deepEqual(await scrape(register, 'cachekit_key_info'), {
    [label(current, ',position="current"')]: 1,
    [label(old, ',position="previous"')]: 1,
    [label(staged, ',position="staged"')]: 1,
  });
  t.deepEqual(await scrape(register, 'cachekit_keyring_keys'), {
    '{keyring="main",position="current"}': 1,
    '{keyring="main",position="previous"}': 1,
    '{keyring="main",position="staged"}': 1,
  });
  t.deepEqual(await scrape(register, 'cachekit_nonces_remaining'), {
    '{keyring="main",sequence="counter"}': 2 ** 32 - 3,
    '{keyring="main",sequence="random"}': 2 ** 32,
  });
  t.deepEqual(keyring.sealsRemaining, { counter: 2 ** 32 - 3, random: 2 ** 32 });
  t.deepEqual(Object.keys(await scrape(register, 'cachekit_key_last_needed_timestamp_seconds')), [
    label(current),
    label(old),
  ]);
  t.false((await register.metrics()).includes(first));
});

test.serial('since when a key was not needed is told in seconds, of one that never was since it is held', async (t) => {
  using keyring = new Keyring({ masterKey: first });
  keyring.startRotation(second);
  const [current, old] = keyring.usage().map(({ fingerprint }) => fingerprint);
  const register = new Registry();
  registerKeyMetrics(register, { main: keyring });
  const unused = async (fingerprint: string | undefined) =>
    (await scrape(register, 'cachekit_key_unused_seconds'))[`{keyring="main",fingerprint="${fingerprint}"}`] as number;
  using clock = fakeClock();
  clock.advance(86_400_000);
  const wrapper = new EncryptionWrapper({ keyring });
  wrapper.serialize(1, { cacheKey: 'k' });
  clock.advance(60_000);
  const [ofCurrent, ofOld] = [await unused(current), await unused(old)];
  t.true(ofCurrent >= 60 && ofCurrent < 86_400, `${ofCurrent}`);
  t.true(ofOld >= 86_460 && ofOld < 2 * 86_400, `${ofOld}`);
});

test('a cache, a function and a wrapper stand for the keys that they were made with, each keyring once', async (t) => {
  using shared = new Keyring({ masterKey: third });
  await using own = createCache({ masterKey: first });
  await using twice = createCache({ keyring: shared });
  const plain = createCache();
  const fn = plain.secure({ masterKey: second, namespace: 'n', operation: 'o' })(() => 1);
  using wrapper = new EncryptionWrapper({ masterKey: first });
  const register = new Registry();
  registerKeyMetrics(register, { shared, twice, own, plain, fn, wrapper });
  await own.set('k', 1);
  await twice.set('k', 1);
  await fn();
  const names = (samples: object) => Object.keys(samples).map((labels) => /keyring="(\w+)"/.exec(labels)?.[1]);
  const seals = await scrape(register, 'cachekit_key_seals_total');
  t.deepEqual(names(seals), ['shared', 'own', 'plain', 'wrapper'], 'what has another name already is not there again');
  t.deepEqual(Object.values(seals), [1, 1, 1, 0]);
  const alone = new Registry();
  registerKeyMetrics(alone, { fn });
  t.deepEqual(names(await scrape(alone, 'cachekit_key_seals_total')), ['fn']);
  await plain.close();
});

test('keyrings of one cache are taken together, by fingerprint', async (t) => {
  await using entries = createCache({ backend: new MemoryBackend() });
  const one = entries.secure({ masterKey: first, namespace: 'n', operation: 'one' })(() => 1);
  const two = entries.secure({ masterKey: first, namespace: 'n', operation: 'two' })(() => 2);
  const register = new Registry();
  registerKeyMetrics(register, { entries });
  await one();
  await two();
  t.deepEqual(Object.values(await scrape(register, 'cachekit_key_seals_total')), [2]);
  t.deepEqual(Object.values(await scrape(register, 'cachekit_nonces_remaining')), [2 ** 32 - 1, 2 ** 32]);
});

test('a keyring that is destroyed and a cache that is closed leave the others in the scrape', async (t) => {
  const keyring = new Keyring({ masterKey: first });
  const closed = createCache({ masterKey: second, backend: new MemoryBackend() });
  using kept = new Keyring({ masterKey: third });
  const register = new Registry();
  const end = registerKeyMetrics(register, { keyring, closed, kept });
  const { meter, collect, shutdown } = collector();
  observeKeys(meter, { keyring, closed, kept });
  t.is(Object.keys(await scrape(register, 'cachekit_key_info')).length, 3);
  keyring.destroy();
  await closed.close();
  t.deepEqual(Object.keys(await scrape(register, 'cachekit_nonces_remaining')).length, 2);
  t.regex(await register.metrics(), /cachekit_key_info\{keyring="kept"/);
  t.deepEqual(
    (await collect()).points('cachekit.key.info').map(({ attributes }) => attributes.keyring),
    ['kept'],
  );
  t.throws(() => keyring.sealsRemaining, { code: 'ERR_KEY' });
  end();
  t.is(await register.metrics(), '\n');
  await shutdown();
});

test('a meter has the same by the same names, in units, and once', async (t) => {
  const { meter, collect, shutdown } = collector();
  using keyring = new Keyring({ masterKey: first });
  const square = cache.secure({ keyring })((n: number) => n * n);
  const end = observeKeys(meter, { main: keyring });
  observeKeys(meter, { main: keyring });
  observeKeys(meter, { square });
  await square(2);
  const { points, metrics } = await collect();
  const [{ fingerprint } = { fingerprint: '' }] = keyring.usage();
  t.deepEqual(
    points('cachekit.key.seals').map(({ value, attributes }) => ({ value, attributes })),
    [{ value: 1, attributes: { keyring: 'main', fingerprint } }],
  );
  const units = Object.fromEntries(metrics.map(({ descriptor: { name, unit } }) => [name, unit]));
  t.deepEqual(units, {
    'cachekit.key.seals': '{value}',
    'cachekit.key.opens': '{value}',
    'cachekit.key.info': '{key}',
    'cachekit.key.unused': 's',
    'cachekit.key.last_needed.timestamp': 's',
    'cachekit.keyring.keys': '{key}',
    'cachekit.nonces.remaining': '{nonce}',
  });
  end();
  t.is((await collect()).points('cachekit.key.info').length, 1, 'the other call has not ended');
  await shutdown();
});

test('random nonces have a count of their own', (t) => {
  using keyring = new Keyring({ masterKey: first });
  const wrapper = new EncryptionWrapper({ keyring, nonces: 'random' });
  wrapper.serialize(1, { cacheKey: 'k' });
  t.deepEqual(keyring.sealsRemaining, { counter: 2 ** 32, random: 2 ** 32 - 1 });
});

test('what has no keys is a TypeError', (t) => {
  for (const keyrings of [null, { x: {} }, { x: undefined }, { x: 'a' }] as never[]) {
    t.throws(() => registerKeyMetrics(new Registry(), keyrings), { instanceOf: TypeError });
  }
  t.throws(() => registerKeyMetrics({} as never, {}), { instanceOf: TypeError });
  t.throws(() => observeKeys({} as never, {}), { instanceOf: TypeError });
  t.throws(() => registerKeyMetrics(new Registry(), {}, { prefx: 'x' } as never), { code: 'ERR_CONFIGURATION' });
});

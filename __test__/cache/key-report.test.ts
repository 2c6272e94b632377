import test from 'ava';
import {
  type Backend,
  ConfigurationError,
  type CreateCacheOptions,
  createCache,
  Keyring,
  MemoryBackend,
  UnknownKeyError,
} from '../../index.js';
import { MapBackend, masterKey, otherKey } from './map-backend.js';

const thirdKey = 'cd'.repeat(32);
const counts = { seen: 0, rewrapped: 0, current: 0, left: 0, unnamed: 0, unopened: 0, changed: 0 };

/** A process: a keyring and a cache over a store that others share. */
function join(backend: Backend, keyring: Keyring, options: CreateCacheOptions = {}) {
  return createCache({ backend, keyring, namespace: 'n', l1: false, ttl: '1h', ...options });
}

test('a report counts which key each value needs, over tenants and functions, and changes nothing', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = join(backend, keyring);
  const own = entries.wrap({ key: (id: number) => `user:${id}` })((id: number) => id);
  const elsewhere = entries.wrap({ namespace: 'm', operation: 'o' })((id: number) => id);
  await entries.set('a', 1);
  await entries.tenant('acme').set('a', 1);
  await own(7);
  await elsewhere(1);
  await createCache({ backend, namespace: 'foreign', masterKey: thirdKey, l1: false }).set('a', 1);
  keyring.startRotation(otherKey);
  await entries.set('b', 1);
  await entries.close();

  const again = join(backend, keyring);
  const { seals } = keyring.usage()[0]!;
  const report = await again.keyReport();
  t.like(report, { ...counts, seen: 5, current: 1, left: 4, cannotKnow: [], unnamedTenants: [], notHeld: [] });
  const [current, previous] = keyring.usage();
  t.deepEqual(report.keys, [
    { fingerprint: current?.fingerprint, position: 'current', values: 1 },
    { fingerprint: previous?.fingerprint, position: 'previous', values: 4 },
  ]);
  t.true(Math.abs(Date.now() - report.at.getTime()) < 60_000);
  const once = await again.keyReport();
  t.deepEqual({ ...once, at: report.at }, report);
  t.is(keyring.usage()[0]?.seals, seals);
});

test('what a report has found keeps completeRotation from dropping the key, until there is a better one', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = join(backend, keyring);
  const others = join(backend, keyring, { namespace: 'm' });
  await entries.set('a', 1);
  await others.set('a', 1);
  keyring.startRotation(otherKey);
  await others.keyReport();
  await entries.keyReport();
  t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /2 stored values need a previous key/ });
  await entries.rewrap();
  t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /1 stored values need/ });
  await others.rewrap({ match: 'nothing' });
  t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY' }, 'a part tells nothing of the whole');
  await others.rewrap();
  keyring.completeRotation();
  t.is(await others.get('a'), 1);
  keyring.startRotation(thirdKey);
  await entries.keyReport();
  keyring.completeRotation({ force: true });
  t.is(await entries.get('a'), undefined);
  keyring.startRotation(masterKey);
  for (const options of [{ force: 1 }, { ifUnusedFor: 'x' }] as never[]) {
    t.throws(() => keyring.completeRotation(options), { instanceOf: TypeError });
  }
  t.throws(() => keyring.completeRotation({ unknown: 1 } as never), { instanceOf: ConfigurationError });
});

test('what was found in one store stays when another of the same namespace has nothing', async (t) => {
  const keyring = new Keyring({ masterKey });
  const [one, two] = [new MemoryBackend(), new MemoryBackend()];
  await join(one, keyring).set('a', 1);
  keyring.startRotation(otherKey);
  await join(one, keyring).keyReport();
  await join(two, keyring).rewrap();
  t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /1 stored values need/ });
  await join(one, keyring).rewrap();
  keyring.completeRotation();
  t.is(await join(one, keyring).get('a'), 1);
});

test('a rewrap that was ended early does not let a key go', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = join(backend, keyring);
  await entries.setMany(Array.from({ length: 500 }, (_, i) => [`k${i}`, i] as const));
  keyring.startRotation(otherKey);
  for await (const _ of entries.rewrapSteps({ concurrency: 100 })) break;
  t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /not looked at/ });
  await entries.rewrap();
  keyring.completeRotation();
  t.is(await entries.get('k499'), 499);
});

test('what a process that has not rotated yet stores during the work is sealed anew too', async (t) => {
  const backend = new (class extends MemoryBackend {
    meanwhile: (() => Promise<unknown>) | undefined;
    override async getMany(...args: Parameters<MemoryBackend['getMany']>) {
      const found = await super.getMany(...args);
      await this.meanwhile?.();
      return found;
    }
  })();
  const keyring = new Keyring({ masterKey });
  const entries = join(backend, keyring);
  const late = join(backend, new Keyring({ masterKey, previousMasterKeys: [otherKey] }));
  await entries.setMany([
    ['a', 1],
    ['b', 1],
  ]);
  keyring.startRotation(otherKey);
  backend.meanwhile = () => late.set('a', 2);
  t.like(await entries.rewrap(), { ...counts, seen: 2, rewrapped: 2 });
  backend.meanwhile = undefined;
  keyring.completeRotation();
  t.deepEqual(await entries.getMany(['a', 'b']), [2, 1]);
});

test('tenants that nobody named are counted by their hash, and sealed again where they are named', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const writer = join(backend, keyring, { registry: false });
  await writer.set('a', 1);
  await writer.tenant('acme').set('a', 1);
  await writer.tenant('acme').set('b', 1);
  await writer.tenant('beta').set('a', 1);
  keyring.startRotation(otherKey);
  t.like(await writer.rewrap({ tenants: ['beta'] }), { ...counts, seen: 4, rewrapped: 2, unnamed: 2 });
  const report = await writer.keyReport({ tenants: ['beta'] });
  t.like(report, { current: 2, unnamed: 2, cannotKnow: ['unregistered', 'unnamed-tenants'] });
  const hash = writer.tenant('acme').keyFor('a').slice(2, 18);
  t.deepEqual(report.unnamedTenants, [{ hash, values: 2 }]);
  t.throws(() => keyring.completeRotation(), { message: /2 may/ });
  t.like(await writer.rewrap({ tenants: ['beta', 'acme'] }), { ...counts, seen: 4, rewrapped: 2, current: 2 });
  keyring.completeRotation();
  t.deepEqual(await writer.tenant('acme').getMany(['a', 'b']), [1, 1]);
});

test('another process knows by the registry of tenants, of namespaces and of functions with a key of their own', async (t) => {
  const backend = new MemoryBackend();
  const [one, two] = [new Keyring({ masterKey }), new Keyring({ masterKey })];
  const first = join(backend, one);
  await first.tenant('acme').set('a', 1);
  const own = first.wrap({ key: (id: string) => `user:${id}`, tenant: (id: string) => id })((id: string) => id);
  await own('beta');
  await first.wrap({ namespace: 'm', operation: 'o' })((id: number) => id)(1);
  await first.close();
  two.startRotation(otherKey);
  const second = join(backend, two);
  t.like(await second.rewrap(), { ...counts, seen: 3, rewrapped: 3 });
  two.completeRotation();
  t.is(await second.tenant('acme').get('a'), 1);
  const third = join(backend, two);
  await third.tenant('gamma').set('a', 1);
  await third.close();
  two.startRotation(thirdKey);
  t.like(await join(backend, two).rewrap(), { ...counts, seen: 4, rewrapped: 4 });
});

test('the registry is sealed, is not among the keys of a cache, and a process without its key leaves it alone', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const first = join(backend, keyring);
  await first.tenant('acme-tenant').set('a', 1);
  await first.close();
  const registry = await backend.get('ns:n:registry');
  t.truthy(registry);
  t.false(Buffer.from(registry!.bytes).includes('acme-tenant'));
  const second = join(backend, keyring);
  const names: string[] = [];
  for await (const name of second.keys()) names.push(name);
  t.deepEqual(names, []);
  const errors: unknown[] = [];
  const rotated = new Keyring({ masterKey: otherKey });
  rotated.startRotation(thirdKey);
  await join(backend, rotated)
    .rewrap({ tenants: [] })
    .catch(() => {});
  const strange = join(backend, new Keyring({ masterKey: otherKey, previousMasterKeys: [masterKey] }));
  await strange.rewrap();
  const sealedAnew = (await backend.get('ns:n:registry'))!.bytes;
  t.notDeepEqual(sealedAnew, registry!.bytes);
  const late = join(backend, keyring, { onError: (error) => errors.push(error) });
  await late.tenant('late').set('a', 1);
  await late.close();
  t.deepEqual((await backend.get('ns:n:registry'))?.bytes, sealedAnew);
  t.true(errors.some((error) => error instanceof UnknownKeyError));
});

test('where entries cannot be found, a report says why', async (t) => {
  const keyring = new Keyring({ masterKey });
  const hidden = join(new MemoryBackend(), keyring, { privateKeys: true });
  t.like(await hidden.keyReport(), { ...counts, cannotKnow: ['private-keys'] });
  keyring.startRotation(otherKey);
  t.throws(() => keyring.completeRotation(), { code: 'ERR_KEY', message: /others, which were not looked at, may/ });
  const unlisted = join(new MapBackend(), keyring);
  t.like(await unlisted.keyReport(), { ...counts, cannotKnow: ['no-listing'] });
  await t.throwsAsync(unlisted.rewrap(), { code: 'ERR_BACKEND', message: /rewrapOnRead/ });
  t.like(await createCache({ keyring }).keyReport(), { ...counts, cannotKnow: [] });
  await t.throwsAsync(createCache().keyReport(), { instanceOf: ConfigurationError });
});

test('names of another program that only begin like private ones hide nothing', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const entries = join(backend, keyring);
  await backend.set('n:p:picture', new Uint8Array(100));
  await entries.set('a', 1);
  t.deepEqual((await entries.keyReport()).cannotKnow, []);
  await join(backend, keyring, { privateKeys: true }).set('b', 1);
  t.deepEqual((await entries.keyReport()).cannotKnow, ['private-keys']);
});

test('fingerprints relate what errors and headers name to what usage names', (t) => {
  const [here, there] = [new Keyring({ masterKey }), new Keyring({ masterKey })];
  there.startRotation(otherKey);
  const [current, previous] = there.fingerprints({ tenantId: 'acme' });
  t.deepEqual(
    there.usage().map(({ fingerprint, position }) => [fingerprint, position]),
    [current, previous].map((key) => [key?.fingerprint, key?.position]),
  );
  t.deepEqual(here.fingerprints({ tenantId: 'acme' })[0], { ...previous!, position: 'current' });
  t.not(here.fingerprints()[0]?.tenantFingerprint, previous?.tenantFingerprint);
  t.is(here.fingerprints()[0]?.tenantId, 'default');
  t.throws(() => here.fingerprints({ tenantId: '' }), { instanceOf: RangeError });
  t.throws(() => here.fingerprints({ tenant: 'acme' } as never), { instanceOf: ConfigurationError });
  here.destroy();
  t.throws(() => here.fingerprints(), { code: 'ERR_KEY' });
});

test('a namespace that is longer than what is kept of a shortened key has all its entries', async (t) => {
  const backend = new MemoryBackend();
  const keyring = new Keyring({ masterKey });
  const namespace = 'n'.repeat(60);
  const entries = join(backend, keyring, { namespace });
  const load = entries.wrap({ operation: 'o'.repeat(200), tenant: () => 'acme' })((id: number) => id);
  const ours = entries.wrap({ operation: 'p'.repeat(200) })((id: number) => id);
  await Promise.all([load(1), ours(1), entries.set('a', 1)]);
  await join(backend, keyring, { namespace: 'n'.repeat(47) }).set('a', 1);
  keyring.startRotation(otherKey);
  t.like(await entries.rewrap({ tenants: ['acme'] }), { ...counts, seen: 3, rewrapped: 3 });
});

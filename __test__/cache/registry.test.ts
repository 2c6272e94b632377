import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { type Backend, createCache, EncryptionWrapper, Keyring, MemoryBackend } from '../../index.js';
import { Registry } from '../../src/cache/engine/registry.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { masterKey, otherKey } from './map-backend.js';

const NAME = 'ns:n:registry';

function registryOf(backend: Backend, options: { checkMs?: number; onError?: (error: unknown) => void } = {}) {
  const wrapper = new EncryptionWrapper({ masterKey });
  return new Registry({
    backend,
    codec: codecOf(wrapper).forOwnValues(),
    namespace: 'n',
    onError: undefined,
    ...options,
  });
}

/** As `MemoryBackend`, and what is asked for the registry fails while `down`. */
class Failing extends MemoryBackend {
  down = false;
  asked = 0;

  override async get(...args: Parameters<MemoryBackend['get']>) {
    if (args[0] === NAME) this.asked++;
    if (this.down && args[0] === NAME) throw new Error('down');
    return super.get(...args);
  }
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await pause(20);
}

test('what could not be written is written when the store is back, also when no other tenant comes', async (t) => {
  const backend = new Failing();
  backend.down = true;
  const errors: unknown[] = [];
  const registry = registryOf(backend, { onError: (error) => errors.push(error) });
  registry.note({ namespace: undefined, ownKey: true });
  registry.stored(undefined);
  await until(() => errors.length > 0);
  backend.down = false;
  t.is(registry.last, null, 'the next value is told of');
  await pause(0);
  registry.stored(undefined);
  await until(async () => (await backend.get(NAME)) !== undefined);
  t.like(await registryOf(backend).names(), { ownKeys: true, whole: true });
});

test('what the store has evicted is written again', async (t) => {
  const backend = new MemoryBackend();
  const registry = registryOf(backend, { checkMs: 50 });
  registry.note({ namespace: 'm', ownKey: false });
  registry.stored(undefined);
  await until(async () => (await backend.get(NAME)) !== undefined);
  await backend.delete(NAME);
  await until(() => registry.last === null);
  registry.stored(undefined);
  await until(async () => (await backend.get(NAME)) !== undefined);
  t.deepEqual([...(await registryOf(backend).names()).namespaces], ['m']);
});

test('of many that write at once, none is lost', async (t) => {
  const backend = new (class extends MemoryBackend {
    override async get(...args: Parameters<MemoryBackend['get']>) {
      const found = await super.get(...args);
      await pause(5);
      return found;
    }
  })();
  const all = Array.from({ length: 15 }, () => registryOf(backend));
  for (const [i, registry] of all.entries()) registry.stored(`tenant-${i}`);
  await until(async () => {
    for (const [i, registry] of all.entries()) if (registry.last === null) registry.stored(`tenant-${i}`);
    return (await registryOf(backend).names()).tenants.size === all.length;
  });
  t.pass();
});

test('after close, the store is left alone', async (t) => {
  const backend = new Failing();
  const errors: unknown[] = [];
  const registry = registryOf(backend, { onError: (error) => errors.push(error) });
  registry.stored('acme');
  await registry.close();
  const { asked } = backend;
  t.deepEqual([...(await registryOf(backend).names()).tenants], ['acme']);
  await pause(1_200);
  t.is(backend.asked, asked + 1);
  t.deepEqual(errors, []);
});

test('caches of one namespace and different tenants share it, and each finds what the others have stored', async (t) => {
  const backend = new MemoryBackend();
  const join = (keyring: Keyring, tenantId?: string) =>
    createCache({ backend, keyring, namespace: 'n', l1: false, ttl: '1h', ...(tenantId && { tenantId }) });
  for (const tenantId of ['acme', undefined, 'beta']) {
    const entries = join(new Keyring({ masterKey }), tenantId);
    const name = tenantId ?? 'none';
    await entries.set(name, 1);
    await entries.wrap({ key: (id: string) => `own:${id}` })((id: string) => id)(name);
    await entries.close();
  }
  const keyring = new Keyring({ masterKey: otherKey, previousMasterKeys: [masterKey] });
  t.like(await join(keyring).rewrap(), { seen: 6, rewrapped: 6, unopened: 0 });
  keyring.completeRotation();
  t.is(await join(keyring, 'acme').get('acme'), 1);
  t.is(await join(keyring, 'beta').get('beta'), 1);
});

test('a registry that does not open is something that a report cannot know', async (t) => {
  const backend = new MemoryBackend();
  await backend.set(NAME, Buffer.from('no sealed value'));
  const entries = createCache({ backend, masterKey, namespace: 'n', l1: false });
  t.deepEqual((await entries.keyReport()).cannotKnow, ['unregistered']);
});

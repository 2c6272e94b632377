import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BentoCache, bentostore } from 'bentocache';
import { fileDriver } from 'bentocache/drivers/file';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';
import { Redis } from 'ioredis';
import { type EncryptedStoreOptions, encryptedDriver } from '../../index.js';
import { requireRedis } from '../support/redis-server.js';

const MASTER_KEY = '5a'.repeat(32);
const SECRET = 'the secret of 123-45-6789';

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-bento-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function bentoIn(t: ExecutionContext, directory: string, options: EncryptedStoreOptions = {}) {
  const sealing = { masterKey: MASTER_KEY, ...options };
  const bento = new BentoCache({
    default: 'store',
    prefix: 'app',
    stores: {
      store: bentostore().useL2Layer(encryptedDriver(fileDriver({ directory, pruneInterval: false }), sealing)),
      layered: bentostore()
        .useL1Layer(encryptedDriver(memoryDriver(), sealing))
        .useL2Layer(encryptedDriver(fileDriver({ directory, pruneInterval: false }), sealing)),
    },
  });
  t.teardown(() => bento.disconnectAll());
  return bento;
}

function filesIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test('values come back through both layers, and no file has plaintext', async (t) => {
  const directory = directoryOf(t);
  const bento = bentoIn(t, directory);
  for (const store of [bento, bento.use('layered'), bento.namespace('users')]) {
    await store.set({ key: 'a', value: { ssn: SECRET }, ttl: '10m' });
    t.deepEqual(await store.get({ key: 'a' }), { ssn: SECRET });
    t.is(await store.getOrSet({ key: 'b', ttl: '10m', factory: () => SECRET }), SECRET);
    t.is(await store.getOrSet({ key: 'b', ttl: '10m', factory: () => 'another' }), SECRET);
  }
  const files = filesIn(directory);
  t.true(files.length >= 4);
  for (const file of files) {
    const text = readFileSync(file, 'latin1');
    t.false(text.includes('123-45'));
    t.false(Buffer.from(text.match(/[A-Za-z0-9+/=]{40,}/)?.[0] ?? '', 'base64').includes('123-45'));
  }
  t.is(await bentoIn(t, directory).pull('b'), SECRET);
  t.is(await bento.get({ key: 'b' }), undefined);
  await bento.delete({ key: 'a' });
  t.is(await bento.get({ key: 'a' }), undefined);
  t.deepEqual(await bento.namespace('users').get({ key: 'a' }), { ssn: SECRET });
});

test('values that change their places are misses, as is plaintext', async (t) => {
  const directory = directoryOf(t);
  const errors: unknown[] = [];
  const bento = bentoIn(t, directory, { onError: (error) => errors.push(error) });
  await bento.set({ key: 'a', value: 'value of a' });
  const [fileA] = filesIn(directory) as [string];
  await bento.set({ key: 'b', value: 'value of b' });
  const fileB = filesIn(directory).find((file) => file !== fileA) as string;
  const sealed = readFileSync(fileA, 'utf8');
  const aside = join(directory, 'aside');
  renameSync(fileA, aside);
  renameSync(fileB, fileA);
  renameSync(aside, fileB);
  t.is(await bento.get({ key: 'a' }), undefined);
  t.is(await bento.get({ key: 'b' }), undefined);
  t.is(errors.length, 2);
  writeFileSync(fileA, sealed);
  t.is(await bento.get({ key: 'a' }), 'value of a');
  await bento.namespace('n').set({ key: 'a', value: 'in n' });
  const fileN = filesIn(directory).find((file) => file !== fileA && file !== fileB) as string;
  writeFileSync(fileA, readFileSync(fileN));
  t.is(await bento.get({ key: 'a' }), undefined, 'nor does a value of another namespace open');
  writeFileSync(
    fileA,
    sealed.replace(/[A-Za-z0-9+/=]{60,}/, JSON.stringify({ value: 'plain' }).replaceAll('"', '\\"')),
  );
  t.is(await bento.get({ key: 'a' }), undefined);
});

test('entries expire, and the first layer holds no plaintext', async (t) => {
  const held = new Map<string, string>();
  const spying = {
    options: {},
    factory: () => ({
      type: 'l1' as const,
      namespace: () => t.fail(),
      get: (key: string) => held.get(key),
      pull: (key: string) => held.get(key),
      set: (key: string, value: string, ttl?: number) => {
        t.true(ttl === undefined || (ttl > 0 && ttl <= 60_000));
        held.set(key, value);
        return true;
      },
      delete: (key: string) => held.delete(key),
      deleteMany: (keys: string[]) => keys.every((key) => held.delete(key)),
      clear: () => held.clear(),
      disconnect: () => undefined,
      getRemainingTtl: () => 1_000,
    }),
  };
  const driver = encryptedDriver(spying, { masterKey: MASTER_KEY }).factory({ prefix: 'p' });
  t.is(driver.get('a'), undefined);
  driver.set('a', SECRET, 60_000);
  t.is(driver.get('a'), SECRET);
  t.false([...held.values()].some((value) => Buffer.from(value, 'base64').includes('123-45')));
  const bento = bentoIn(t, directoryOf(t)).use('layered');
  await bento.set({ key: 'long', value: 'x', ttl: '1h', grace: false });
  await bento.set({ key: 'short', value: 'x', ttl: 40, grace: false });
  t.is(await bento.get({ key: 'long' }), 'x');
  await new Promise((resolve) => setTimeout(resolve, 90));
  t.is(await bento.get({ key: 'short' }), undefined);
});

test('what is no driver is refused', (t) => {
  for (const driver of [undefined, null, 'x', {}, { factory: 1 }]) {
    t.throws(() => encryptedDriver(driver as never, { masterKey: MASTER_KEY }), { instanceOf: TypeError });
  }
});

test('an option that there is not is refused by its name', (t) => {
  t.throws(() => encryptedDriver(memoryDriver(), { masterKey: MASTER_KEY, tenantID: 'a' } as never), {
    code: 'ERR_CONFIGURATION',
    message: "Unknown option 'tenantID'. Known options: masterKey, keyring, tenantId, nonces, wire, compress, onError",
  });
});

test('a value that is moved to another prefix of the client does not open', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const raw = new Redis(server.url);
  const [a, b, unprefixed] = ['a:', 'b:', ''].map((keyPrefix) => {
    const connection = new Redis(server.url, { keyPrefix });
    const bento = new BentoCache({
      default: 'store',
      prefix: 'app',
      stores: {
        store: bentostore().useL2Layer(encryptedDriver(redisDriver({ connection }), { masterKey: MASTER_KEY })),
      },
    });
    t.teardown(() => bento.disconnectAll());
    return bento;
  });
  t.teardown(() => raw.disconnect());
  await a?.set({ key: 'k', value: SECRET });
  t.is(await a?.get({ key: 'k' }), SECRET);
  const [name = ''] = await raw.keys('a:*');
  for (const to of [name.replace('a:', 'b:'), name.replace('a:', '')]) await raw.copy(name, to);
  t.is(await b?.get({ key: 'k' }), undefined);
  t.is(await unprefixed?.get({ key: 'k' }), undefined);
  const interop = () => encryptedDriver(memoryDriver(), { masterKey: MASTER_KEY, wire: 'interop' });
  t.throws(() => interop().factory({ prefix: 'app' }), { code: 'ERR_CONFIGURATION' });
  t.notThrows(() => interop().factory({}));
});

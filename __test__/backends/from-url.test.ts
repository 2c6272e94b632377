import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import test from 'ava';
import { Keyv, KeyvMemoryAdapter } from 'keyv';
import { LRUCache } from 'lru-cache';
import {
  type Backend,
  ConfigurationError,
  FileBackend,
  HttpBackend,
  KeyvBackend,
  LmdbBackend,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { backendFrom } from '../../src/backends/from-url.js';
import { Keyv5 } from '../support/keyv5.js';
import { requireRedis } from '../support/redis-server.js';

process.env.CACHEKIT_API_KEY = 'ck_live_test';

test('nothing is a new store in this process', (t) => {
  const stores = [backendFrom(null), backendFrom(undefined), backendFrom(null)];
  for (const store of stores) t.true(store instanceof MemoryBackend);
  t.is(new Set(stores).size, 3);
});

test('a backend is itself', (t) => {
  const own: Backend = { get: async () => undefined, set: async () => undefined, delete: async () => false };
  const memory = new MemoryBackend();
  class Derived extends MemoryBackend {}
  const derived = new Derived();
  for (const backend of [own, memory, derived]) t.is(backendFrom(backend), backend);
});

test('each scheme has its store', (t) => {
  t.true(backendFrom('redis://127.0.0.1:6390/2') instanceof RedisBackend);
  t.true(backendFrom('rediss://user:pass@cache.example.com') instanceof RedisBackend);
  t.true(backendFrom('https://cache.example.com/api') instanceof HttpBackend);
  t.true(backendFrom('HTTPS://cache.example.com') instanceof HttpBackend);
  t.true(backendFrom('file:./cache') instanceof FileBackend);
  t.true(backendFrom('lmdb:./cache') instanceof LmdbBackend);
});

for (const scheme of ['file:', 'lmdb:']) {
  test(`a ${scheme} URL is a directory, relative or absolute`, async (t) => {
    const parent = mkdtempSync(join(tmpdir(), 'cachekit-url-'));
    t.teardown(() => rmSync(parent, { recursive: true, force: true }));
    const absolute = (name: string) => pathToFileURL(join(parent, name)).href.replace('file:', scheme);
    for (const [name, url] of [
      ['a', `${scheme}${join(parent, 'a')}`],
      ['b', absolute('b')],
      ['c', `${scheme}${relative(process.cwd(), join(parent, 'c'))}`],
      ['with space', absolute('with space')],
    ] as const) {
      const backend = backendFrom(url);
      t.teardown(() => backend.close?.());
      await backend.set('a', Buffer.from('x'));
      t.true(existsSync(join(parent, name)), url);
    }
    for (const rest of ['', '//host/share', '//']) {
      if (rest === '//host/share' && process.platform === 'win32') continue;
      t.throws(() => backendFrom(scheme + rest), { instanceOf: ConfigurationError }, rest);
    }
  });
}

test('plain http and private hosts are refused with the way to allow them', (t) => {
  for (const url of ['http://localhost:8080', 'https://localhost', 'http://cache.example.com', 'https://10.0.0.1']) {
    const error = t.throws(() => backendFrom(url), { instanceOf: ConfigurationError }, url);
    t.regex(error.message, /new HttpBackend\(\{ allowPrivateHosts: true \}\)/);
  }
});

test('other schemes are refused with those there are, and without the URL', (t) => {
  for (const url of ['memcached://user:secret@host', 'secret', '', ':secret', '/tmp/secret', 'mailto:secret']) {
    const error = t.throws(() => backendFrom(url), { instanceOf: ConfigurationError }, url);
    t.regex(
      error.message,
      /redis:\/\/, rediss:\/\/, redis\+cluster:\/\/, rediss\+cluster:\/\/, .*unix:, https:\/\/, lmdb: and file:/,
    );
    t.false(inspect(error).includes('secret@') || error.message.includes('secret'));
  }
});

test('Keyv instances and storage adapters are taken, of either version', async (t) => {
  const legacy = { opts: {}, get() {}, set() {}, delete() {}, clear() {} };
  for (const keyv of [new Keyv(), new Keyv5(), new KeyvMemoryAdapter(new Map()), legacy]) {
    t.true(backendFrom(keyv as never) instanceof KeyvBackend);
  }
  const backend = backendFrom(new Keyv());
  await backend.set('a', Buffer.from('x'));
  t.is(Buffer.from((await backend.get('a'))?.bytes ?? []).toString(), 'x');
});

test('anything else is a TypeError that lists what is accepted', (t) => {
  const keyv = { opts: {}, get() {}, set() {}, delete() {} };
  const keyv4 = { opts: { store: new Map() }, get() {}, set() {}, delete() {}, clear() {} };
  for (const value of [
    1,
    true,
    Symbol('x'),
    1n,
    {},
    [],
    { get() {}, set() {} },
    { get: 1, set: 1, delete: 1 },
    new Map(),
    new LRUCache({ max: 10 }),
    keyv,
    keyv4,
    new URL('redis://x'),
  ]) {
    t.throws(() => backendFrom(value as never), { instanceOf: TypeError }, inspect(value));
  }
  t.throws(() => backendFrom(keyv as never), { message: /URL .*get, set and delete/ });
});

test('a backend by URL stores and finds', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  const backend = backendFrom(server.url);
  t.teardown(() => backend.close?.());
  await backend.set('a', Buffer.from('x'));
  t.is(Buffer.from((await backend.get('a'))?.bytes ?? []).toString(), 'x');
});

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import test from 'ava';
import type { Backend } from '../../src/backends/backend.js';
import { FileBackend } from '../../src/backends/file.js';
import { backendFrom } from '../../src/backends/from-url.js';
import { HttpBackend } from '../../src/backends/http.js';
import { MemoryBackend } from '../../src/backends/memory.js';
import { RedisBackend } from '../../src/backends/redis.js';
import { ConfigurationError } from '../../src/errors.js';
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
});

test('a file: URL is a directory, relative or absolute', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'cachekit-url-'));
  t.teardown(() => rmSync(parent, { recursive: true, force: true }));
  for (const [name, url] of [
    ['a', `file:${join(parent, 'a')}`],
    ['b', pathToFileURL(join(parent, 'b')).href],
    ['c', `file:${relative(process.cwd(), join(parent, 'c'))}`],
    ['with space', pathToFileURL(join(parent, 'with space')).href],
  ] as const) {
    await backendFrom(url).set('a', Buffer.from('x'));
    t.true(existsSync(join(parent, name)), url);
  }
  for (const url of ['file:', 'file://host/share', 'file://']) {
    if (url === 'file://host/share' && process.platform === 'win32') continue;
    t.throws(() => backendFrom(url), { instanceOf: ConfigurationError }, url);
  }
});

test('plain http and private hosts are refused with the way to allow them', (t) => {
  for (const url of ['http://localhost:8080', 'https://localhost', 'http://cache.example.com', 'https://10.0.0.1']) {
    const error = t.throws(() => backendFrom(url), { instanceOf: ConfigurationError }, url);
    t.regex(error.message, /new HttpBackend\(\{ allowPrivateHosts: true \}\)/);
  }
});

test('other schemes are refused with those there are, and without the URL', (t) => {
  for (const url of [
    'lmdb:./dir',
    'memcached://user:secret@host',
    'secret',
    '',
    ':secret',
    '/tmp/secret',
    'mailto:secret',
  ]) {
    const error = t.throws(() => backendFrom(url), { instanceOf: ConfigurationError }, url);
    t.regex(error.message, /redis:\/\/, rediss:\/\/, https:\/\/ and file:/);
    t.false(inspect(error).includes('secret@') || error.message.includes('secret'));
  }
});

test('anything else is a TypeError that lists what is accepted', (t) => {
  const keyv = { opts: {}, get() {}, set() {}, delete() {} };
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
    keyv,
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

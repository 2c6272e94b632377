import test from 'ava';
import { BackendError, ConfigurationError, HttpBackend } from '../../index.js';
import { API_KEY } from '../support/http-server.js';
import { assertNoSecret, open, SECRET_KEY, SECRET_VALUE, start } from './http-backends.js';

const unhandled: unknown[] = [];

process.on('unhandledRejection', (reason) => unhandled.push(reason));

process.on('uncaughtException', (error) => unhandled.push(error));

test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

test.serial('an API key comes from the options or the environment, and is checked', (t) => {
  const url = 'https://cache.example.com';
  const before = process.env.CACHEKIT_API_KEY;
  t.teardown(() => {
    if (before === undefined) delete process.env.CACHEKIT_API_KEY;
    else process.env.CACHEKIT_API_KEY = before;
  });
  delete process.env.CACHEKIT_API_KEY;
  const missing = t.throws(() => new HttpBackend({ url }), { instanceOf: ConfigurationError });
  t.regex(missing.message, /CACHEKIT_API_KEY/);
  process.env.CACHEKIT_API_KEY = 'ck_live_from-env';
  t.notThrows(() => new HttpBackend({ url }));
  for (const bad of ['with space', 'line\nbreak', 'ck_live_x\n', '\r\nX: y', 'ümlaut', '=abc', 'a=b', 'quote"']) {
    const error = t.throws(() => new HttpBackend({ url, apiKey: bad }), { instanceOf: ConfigurationError }, bad);
    t.false(error.message.includes(bad));
    process.env.CACHEKIT_API_KEY = bad;
    t.throws(() => new HttpBackend({ url }), { instanceOf: ConfigurationError }, bad);
  }
  for (const good of ['a', 'ck_live_A-Z.a~z_0+9/', 'abc==']) t.notThrows(() => new HttpBackend({ url, apiKey: good }));
  t.throws(() => new HttpBackend({ url, apiKey: '' }), { instanceOf: ConfigurationError });
  t.throws(() => new HttpBackend({ url, apiKey: 5 as never }), { instanceOf: TypeError });
});

test.serial('CACHEKIT_API_URL may name the hosts of the service, and others only when that is allowed too', (t) => {
  const names = ['CACHEKIT_API_URL', 'CACHEKIT_ALLOW_CUSTOM_HOST'] as const;
  const before = names.map((name) => process.env[name]);
  t.teardown(() => {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    }
  });
  const make =
    (options = {}) =>
    () =>
      new HttpBackend({ apiKey: API_KEY, ...options });
  delete process.env.CACHEKIT_API_URL;
  for (const url of ['https://api.cachekit.io', 'https://api.staging.cachekit.io/']) {
    process.env.CACHEKIT_API_URL = url;
    t.notThrows(make(), url);
  }
  for (const url of ['https://cache.example.com', 'https://api.cachekit.io.example.com', 'https://cachekit.io']) {
    delete process.env.CACHEKIT_ALLOW_CUSTOM_HOST;
    process.env.CACHEKIT_API_URL = url;
    t.throws(make(), { instanceOf: ConfigurationError }, url);
    t.notThrows(make({ url }), url);
    process.env.CACHEKIT_ALLOW_CUSTOM_HOST = 'true';
    t.notThrows(make(), url);
  }
  process.env.CACHEKIT_API_URL = 'https://127.0.0.1';
  t.throws(make(), { instanceOf: ConfigurationError });
});

test.serial('options of a wrong type or range are refused', (t) => {
  const url = 'https://cache.example.com';
  const make = (options: unknown) => () => new HttpBackend(options as never);
  const wrong = [
    null,
    'x',
    { url: 1 },
    { url: null },
    { url, allowPrivateHosts: 'yes' },
    { url, fetch: {} },
    { url, lookup: 1 },
    { url, timeoutMs: '1' },
    { url, maxResponseBytes: '1' },
    { url, connections: null },
  ];
  for (const options of wrong)
    t.throws(make(options && typeof options === 'object' ? { apiKey: API_KEY, ...options } : options), {
      instanceOf: TypeError,
    });
  for (const options of [
    { timeoutMs: 0 },
    { timeoutMs: 2 ** 31 },
    { maxResponseBytes: 0 },
    { connections: 0 },
    { connections: 1.5 },
  ]) {
    t.throws(make({ url, apiKey: API_KEY, ...options }), { instanceOf: RangeError });
  }
});

test.serial(
  'what a fetch throws is a BackendError, whatever the path of the URL is, and quotes no cache key',
  async (t) => {
    for (const path of ['', '/%zz', '/%E9']) {
      const fetch: typeof globalThis.fetch = async (url) => {
        throw new Error(decodeURIComponent(`${url}`.slice('https://cache.example.com'.length + path.length)));
      };
      const backend = open(t, `https://cache.example.com${path}`, { fetch });
      const error = await t.throwsAsync(backend.get('a:b'), { instanceOf: BackendError, message: /cannot be reached/ });
      t.is(path === '' ? error.cause : undefined, undefined);
    }
  },
);

test.serial(
  'a fetch of the caller gets the whole request, and what it throws is cut down to its message',
  async (t) => {
    const calls: [string, RequestInit | undefined][] = [];
    const answer: typeof globalThis.fetch = async (url, init) => {
      calls.push([String(url), init]);
      return new Response(SECRET_VALUE, { headers: { 'x-cachekit-fresh-for': '9' } });
    };
    const url = 'https://cache.example.com:8443/api';
    const backend = new HttpBackend({ url, apiKey: API_KEY, fetch: answer });
    t.deepEqual(await backend.get('a:b'), { bytes: SECRET_VALUE, freshInMs: 9_000 });
    t.is(calls[0]?.[0], 'https://cache.example.com:8443/api/v1/cache/a%3Ab');
    t.is(calls[0]?.[1]?.redirect, 'manual');
    await t.throwsAsync(new HttpBackend({ url, apiKey: API_KEY, fetch: answer, maxResponseBytes: 5 }).get('a'), {
      instanceOf: BackendError,
    });
    const broken: typeof globalThis.fetch = async () => {
      throw Object.assign(new TypeError('no network'), { code: 'EBROKEN', body: SECRET_VALUE, request: SECRET_KEY });
    };
    const error = await t.throwsAsync(new HttpBackend({ url, apiKey: API_KEY, fetch: broken }).get(SECRET_KEY), {
      instanceOf: BackendError,
    });
    t.regex(error.message, /EBROKEN/);
    t.is((error.cause as Error).message, 'no network');
    assertNoSecret(t, error);
    // As other implementations of fetch than Node's do.
    const quoting: typeof globalThis.fetch = async (url, init) => {
      const { authorization } = (init?.headers ?? {}) as Record<string, string>;
      throw new Error(authorization === `Bearer ${API_KEY}` ? `request to ${url} failed` : 'nothing');
    };
    const told = await t.throwsAsync(
      new HttpBackend({ url, apiKey: API_KEY, fetch: quoting }).get(`${SECRET_KEY}: ü`),
      {
        instanceOf: BackendError,
      },
    );
    t.is(told.cause, undefined);
    assertNoSecret(t, told);
  },
);

test.serial('neither a backend nor its errors show the API key', async (t) => {
  const server = await start(t);
  const backend = new HttpBackend({ url: server.url, apiKey: `${API_KEY}-other`, allowPrivateHosts: true });
  assertNoSecret(t, backend);
  t.is(JSON.stringify(backend), '{}');
  const error = await t.throwsAsync(backend.get(SECRET_KEY), { instanceOf: BackendError });
  t.is(error.status, 401);
  assertNoSecret(t, error);
});

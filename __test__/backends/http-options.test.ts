import test from 'ava';
import { ConfigurationError, HttpBackend, type HttpBackendOptions } from '../../index.js';
import { checkedHttpOptions } from '../../src/backends/http/options.js';
import { withEnvironment } from '../support/environment.js';
import { API_KEY, startCacheServer } from '../support/http-server.js';

const NONE = {
  CACHEKIT_API_KEY: undefined,
  CACHEKIT_API_URL: undefined,
  CACHEKIT_ALLOW_CUSTOM_HOST: undefined,
  CACHEKIT_TIMEOUT: undefined,
  CACHEKIT_MAX_RETRIES: undefined,
  CACHEKIT_CONNECTION_POOL_SIZE: undefined,
};

const checked = (environment: Record<string, string | undefined>, options: HttpBackendOptions = {}) =>
  withEnvironment({ ...NONE, CACHEKIT_API_KEY: 'ck_live_env', ...environment }, () => checkedHttpOptions(options));

test('an API key is enough: the rest has the defaults of the service', (t) => {
  const { server, authorization, timeoutMs, connections, maxRetries, metrics } = checked({});
  t.is(server.hostname, 'api.cachekit.io');
  t.is(server.protocol, 'https:');
  t.is(authorization, 'Bearer ck_live_env');
  t.deepEqual([timeoutMs, connections, maxRetries, metrics], [5_000, 32, 1, undefined]);
  t.is(checked({ CACHEKIT_API_URL: '' }).server.hostname, 'api.cachekit.io');
  t.throws(() => checked({ CACHEKIT_API_KEY: undefined }), { instanceOf: ConfigurationError });
});

test('the environment says where, how long, how often and how many, and options outrank it', (t) => {
  const environment = {
    CACHEKIT_API_URL: 'https://api.staging.cachekit.io/x/',
    CACHEKIT_TIMEOUT: '2.5',
    CACHEKIT_MAX_RETRIES: '0',
    CACHEKIT_CONNECTION_POOL_SIZE: '10',
  };
  const fromEnvironment = checked(environment);
  t.is(fromEnvironment.server.hostname, 'api.staging.cachekit.io');
  t.is(fromEnvironment.server.path, '/x');
  t.deepEqual([fromEnvironment.timeoutMs, fromEnvironment.maxRetries, fromEnvironment.connections], [2_500, 0, 10]);
  const options = { url: 'https://cache.example', apiKey: 'a', timeoutMs: 7, maxRetries: 2, connections: 3 };
  const fromOptions = checked(environment, options);
  t.deepEqual([fromOptions.timeoutMs, fromOptions.maxRetries, fromOptions.connections], [7, 2, 3]);
  t.is(fromOptions.server.hostname, 'cache.example');
  t.is(fromOptions.authorization, 'Bearer a');
  t.is(checked({ CACHEKIT_TIMEOUT: '0.0001' }).timeoutMs, 1);
  t.is(checked({ CACHEKIT_TIMEOUT: '' }).timeoutMs, 5_000);
});

test('a variable that cannot be read is a ConfigurationError with its name and without its value', (t) => {
  const wrong: Record<string, string[]> = {
    CACHEKIT_TIMEOUT: ['0', '-1', 'soon', '5s', '1e3', '99999999', 'Infinity', '0x10'],
    CACHEKIT_MAX_RETRIES: ['-1', '1.5', 'many', '101'],
    CACHEKIT_CONNECTION_POOL_SIZE: ['0', '-1', '1.5', 'all', '10001'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const error = t.throws(() => checked({ [name]: value }), { instanceOf: ConfigurationError }, `${name}=${value}`);
      t.true(error.message.startsWith(name));
    }
  }
});

test('CACHEKIT_ALLOW_CUSTOM_HOST lets in other hosts, and private ones only with the option in code', (t) => {
  const url = 'https://cache.example.com';
  t.throws(() => checked({ CACHEKIT_API_URL: url }), { instanceOf: ConfigurationError });
  t.throws(() => checked({ CACHEKIT_API_URL: url, CACHEKIT_ALLOW_CUSTOM_HOST: 'false' }), {
    instanceOf: ConfigurationError,
  });
  for (const allow of ['true', 'True', '1']) {
    t.is(checked({ CACHEKIT_API_URL: url, CACHEKIT_ALLOW_CUSTOM_HOST: allow }).server.hostname, 'cache.example.com');
    for (const local of ['https://127.0.0.1', 'http://127.0.0.1', 'https://0x7f.1', 'https://10.0.0.1']) {
      const environment = { CACHEKIT_API_URL: local, CACHEKIT_ALLOW_CUSTOM_HOST: allow };
      t.throws(() => checked(environment), { instanceOf: ConfigurationError }, local);
    }
  }
});

test('maxRetries and metrics of a wrong type or range are refused', (t) => {
  const make = (options: unknown) => () => checked({}, options as HttpBackendOptions);
  for (const options of [{ maxRetries: '1' }, { maxRetries: null }, { metrics: 1 }, { metrics: {} }]) {
    t.throws(make(options), { instanceOf: TypeError });
  }
  for (const maxRetries of [-1, 0.5, 101]) t.throws(make({ maxRetries }), { instanceOf: RangeError });
});

test('maxRetries is how often a write is sent again', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  server.handler = (_, response) => {
    response.writeHead(503, { 'retry-after': '0' }).end();
    return true;
  };
  for (const [maxRetries, requests] of [
    [0, 1],
    [1, 2],
    [3, 4],
  ]) {
    await using backend = new HttpBackend({ url: server.url, apiKey: API_KEY, allowPrivateHosts: true, maxRetries });
    server.seen.length = 0;
    await t.throwsAsync(backend.set('a', Buffer.from('x')));
    t.is(server.seen.length, requests);
  }
});

test('metrics are sent only when they are given, with one session for the process', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const options = { url: server.url, apiKey: API_KEY, allowPrivateHosts: true };
  await new HttpBackend(options).has('a');
  const names = Object.keys(server.seen[0]?.headers ?? {}).filter((name) => name.startsWith('x-cachekit-'));
  t.deepEqual(names, ['x-cachekit-l1-status']);
  const stats = { hits: 0, l1Hits: 0, staleHits: 0, misses: 0 };
  const backend = new HttpBackend({ ...options, metrics: () => stats });
  await backend.has('a');
  Object.assign(stats, { hits: 5, l1Hits: 4, staleHits: 1 });
  await backend.has('a');
  stats.misses = Number.NaN;
  await backend.has('a');
  const sent = server.seen
    .slice(1)
    .map(({ headers }) => [
      headers['x-cachekit-l1-hits'],
      headers['x-cachekit-l2-hits'],
      headers['x-cachekit-misses'],
      headers['x-cachekit-l1-hit-rate'],
    ]);
  t.deepEqual(sent, [
    ['0', '0', '0', '0.000'],
    ['4', '2', '0', '0.667'],
    [undefined, undefined, undefined, undefined],
  ]);
  const sessions = new Set(server.seen.slice(1).map(({ headers }) => headers['x-cachekit-session-id']));
  t.is(sessions.size, 1);
  t.regex([...sessions][0] as string, /^[0-9a-f-]{36}$/);
  const start = Number(server.seen[1]?.headers['x-cachekit-session-start']);
  t.true(start > 1.6e12 && start <= Date.now());
});

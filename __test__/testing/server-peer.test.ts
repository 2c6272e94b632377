import type { ExecutionContext } from 'ava';
import { HttpBackend } from '../../index.js';
import { startCacheServer } from '../../src/testing/server.js';
import { type PeerError, peerTests } from '../support/peer.js';

const { test, peer } = peerTests();
const API_KEY = 'ck_sdk_peer';
const CACHE_KEY = 'ns:peer:func:f:args:00:1s';

async function start(t: ExecutionContext) {
  let now = 1_000_000_000;
  const server = await startCacheServer({ tokens: [API_KEY], now: () => now });
  const backend = new HttpBackend({ url: server.url, apiKey: API_KEY, allowPrivateHosts: true });
  t.teardown(() => backend.close());
  t.teardown(() => server.stop());
  return {
    server,
    backend,
    python: <T>(method: string, args: object = {}) =>
      peer().call<T>('io_call', { port: server.port, api_key: API_KEY, method, key: CACHE_KEY, ...args }),
    advance: (ms: number) => {
      now += ms;
    },
  };
}

test('the Python client and HttpBackend share entries of the server', async (t) => {
  const { python, backend } = await start(t);
  t.deepEqual(await python('get'), { data_hex: null });
  t.deepEqual(await python('exists'), { exists: false });
  await python('set', { data_utf8: 'from Python', ttl: 60, stale_ttl: 30 });
  t.deepEqual(await backend.get(CACHE_KEY), { bytes: Buffer.from('from Python'), freshInMs: 60_000 });
  t.is(await backend.ttl(CACHE_KEY), 90_000);
  await backend.set(CACHE_KEY, Buffer.from('from Node'), { ttlMs: 50_000, staleMs: 10_000 });
  t.deepEqual(await python('get_with_freshness'), {
    hit: true,
    stale: false,
    fresh_for: 40,
    data_hex: Buffer.from('from Node').toString('hex'),
  });
  t.deepEqual(await python('get_ttl'), { ttl: 50 });
  t.deepEqual(await python('exists'), { exists: true });
  t.deepEqual(await python('delete'), { deleted: true });
  t.is(await backend.get(CACHE_KEY), undefined);
});

test('both see an entry become stale, and neither makes it fresh again without a new value', async (t) => {
  const { python, backend, advance } = await start(t);
  await backend.set(CACHE_KEY, Buffer.from('x'), { ttlMs: 60_000, staleMs: 20_000 });
  t.deepEqual(await python('refresh_ttl', { ttl: 50 }), { updated: true });
  t.is(await backend.ttl(CACHE_KEY), 70_000);
  advance(50_000);
  t.like(await python('get_with_freshness'), { hit: true, stale: true, fresh_for: 0 });
  t.like(await backend.get(CACHE_KEY), { stale: true, freshInMs: 0 });
  t.deepEqual(await python('refresh_ttl', { ttl: 50 }), { updated: false });
  t.false(await backend.expire(CACHE_KEY, 50_000));
  advance(20_000);
  t.deepEqual(await python('get_with_freshness'), { hit: false });
  t.deepEqual(await python('get_ttl'), { ttl: null });
  t.is(await backend.ttl(CACHE_KEY), undefined);
});

test('a lock that one of them holds is taken for the other', async (t) => {
  const { python, backend } = await start(t);
  t.deepEqual(await python('lock'), { acquired: true });
  const lock = await backend.lock(CACHE_KEY, 60_000);
  t.truthy(lock, 'Python has given it back');
  t.deepEqual(await python('lock', { blocking_timeout: 0.1 }), { acquired: false });
  await lock?.release();
  t.deepEqual(await python('lock', { blocking_timeout: 0.1 }), { acquired: true });
});

test('the Python client finds the server healthy, and a key that it does not know refused', async (t) => {
  const { python } = await start(t);
  t.like(await python('health_check'), { healthy: true });
  const error = (await python('get', { api_key: 'ck_sdk_other' }).catch((reason) => reason)) as PeerError;
  t.regex(error.type, /BackendError/);
});

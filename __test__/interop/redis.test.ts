import { randomUUID } from 'node:crypto';
import { type Table, tableFromArrays } from 'apache-arrow';
import test from 'ava';
import { ArrowSerializer, cache, JsonSerializer, PlainDate, PlainTime, type Serializer } from '../../index.js';
import { peerTests } from '../support/peer.js';
import { hasRedis, type RedisServer, startRedis } from '../support/redis-server.js';
import { fromTagged, type Tagged, toTagged } from '../support/tagged.js';
import { valueReaders } from '../support/vectors/interop.js';

/*
 * A real Python function under @cache or @cache.secure and a cached function here, on one real Redis server:
 * each finds what the other has stored, under Python's own key.
 */

const peerSuite = peerTests(hasRedis ? undefined : 'redis-server is not installed');
const masterKey = '5e'.repeat(32);
const value = {
  id: 42,
  name: '日本😀',
  big: 2n ** 63n,
  ratio: 0.5,
  nothing: null,
  list: [1, [2, -3]],
  bytes: new Uint8Array([0, 255]),
  at: new Date('2025-01-02T03:04:05.678Z'),
  day: new PlainDate('2025-01-02'),
  time: new PlainTime('10:30:00'),
};
const plainValue = { id: 42, name: '日本😀', list: [1, [2, -3]], nothing: null, deep: { x: { y: 0.5 } } };

let redis: RedisServer;
if (hasRedis) {
  test.before(async () => {
    redis = await startRedis();
  });
  test.after.always(() => redis?.stop());
}

const asTagged = (of: object): Tagged => {
  const { day, time, ...rest } = of as typeof value;
  const tagged = toTagged(rest) as { [name: string]: Tagged };
  return day ? { ...tagged, day: { $date: day.iso }, time: { $time: time.iso } } : tagged;
};

interface Entries {
  called: boolean;
  entries: { key: string; ttl: number; raw_hex: string }[];
}
type Got = { hit: true; value: Tagged } | { hit: false };

/** One Python function, and the cached function here that shares its entries. */
interface Shared {
  /** As the peer's redis ops take it. */
  python: Record<string, unknown>;
  node: (cacheKey: string, original: () => unknown) => () => Promise<unknown>;
  value: object;
}

let nextQualname = 0;
function python(options: Record<string, unknown>): Record<string, unknown> {
  const fresh = { module: 'app.users', qualname: `get_user_${nextQualname++}`, namespace: 'users', args: [42, 'x'] };
  return { ...fresh, redis_url: redis.url, ...options };
}

const missed = () => {
  throw new Error('the original ran: it was a miss');
};

function framed(mode: 'plain' | 'secure', options: Record<string, unknown> = {}, serializer?: Serializer): Shared {
  const { deployment_uuid: tenantId } = options;
  return {
    python: python({ mode, ...(mode === 'secure' ? { master_key_hex: masterKey } : {}), ...options }),
    value: serializer === undefined ? value : plainValue,
    node: (cacheKey, original) => {
      const shared = {
        wire: 'python',
        backend: redis.url,
        timeout: '60s',
        l1: false,
        namespace: 'users',
        key: () => cacheKey,
      } as const;
      const settings = { ...shared, serializer, ...(tenantId === undefined ? {} : { tenantId: String(tenantId) }) };
      return mode === 'secure' ? cache.secure({ ...settings, masterKey })(original) : cache(settings)(original);
    },
  };
}

function interop(mode: 'interop' | 'interop_secure'): Shared {
  const operation = `get_user_${nextQualname++}`;
  return {
    python: {
      ...python({ mode, operation, params: ['id', 'kind'] }),
      ...(mode === 'interop' ? {} : { master_key_hex: masterKey }),
    },
    value,
    node: (_, original) => {
      const settings = {
        wire: 'interop',
        backend: redis.url,
        timeout: '60s',
        l1: false,
        namespace: 'users',
        operation,
      } as const;
      const get = mode === 'interop' ? cache(settings)(load) : cache.secure({ ...settings, masterKey })(load);
      function load(_id: number, _kind: string) {
        return original();
      }
      return () => get(42, 'x');
    },
  };
}

/** Python's key of the function, with the prefix that its default provider puts in front. */
async function keyOf({ python: p }: Shared): Promise<string> {
  const type = String(p.serializer ?? 'std');
  const { key } = await peerSuite.peer().call<{ key: string }>('cache_key', { ...p, serializer_type: type });
  return p.backend === 'default' ? `t:default:${key}` : key;
}

const profiles: Record<string, () => Shared> = {
  '@cache.secure, bare keys': () => framed('secure'),
  '@cache.secure, default provider': () => framed('secure', { backend: 'default' }),
  '@cache.secure, a deployment of its own': () => framed('secure', { deployment_uuid: randomUUID() }),
  '@cache.secure, failing closed': () => framed('secure', { fail_closed: true }),
  '@cache.secure with JSON': () => framed('secure', { serializer: 'orjson' }, new JsonSerializer()),
  '@cache, bare keys': () => framed('plain'),
  '@cache, default provider': () => framed('plain', { backend: 'default' }),
  '@cache with JSON': () => framed('plain', { serializer: 'orjson' }, new JsonSerializer()),
  interop: () => interop('interop'),
  'interop, secure': () => interop('interop_secure'),
};

for (const [name, make] of Object.entries(profiles)) {
  peerSuite.test(`a Python function finds what was stored here: ${name}`, async (t) => {
    const shared = make();
    const write = shared.node(await keyOf(shared), () => shared.value);
    t.deepEqual(await write(), shared.value);
    const got = await peerSuite.peer().call<Got>('redis_get', shared.python);
    t.true(got.hit);
    t.deepEqual(got.hit && fromTagged(got.value, valueReaders), shared.value);
  });

  peerSuite.test(`what a Python function stored is found here: ${name}`, async (t) => {
    const shared = make();
    const { called, entries } = await peerSuite
      .peer()
      .call<Entries>('redis_set', { ...shared.python, value: asTagged(shared.value) });
    t.true(called);
    t.is(entries.length, 1);
    const [entry] = entries;
    const read = shared.node(entry?.key ?? '', missed);
    t.deepEqual(await read(), shared.value);
  });
}

peerSuite.test('the stored bytes of a secure entry show nothing of it, and start as the profile says', async (t) => {
  const stored = async (shared: Shared) => {
    const { entries } = await peerSuite.peer().call<Entries>('redis_set', { ...shared.python, value: asTagged(value) });
    await shared.node(entries[0]?.key ?? '', () => value)();
    return Buffer.from(entries[0]?.raw_hex ?? '', 'hex');
  };
  const frame = await stored(framed('secure'));
  t.is(frame.toString('latin1', 0, 3), 'CK\x03');
  const bare = await stored(interop('interop_secure'));
  for (const bytes of [frame, bare]) for (const part of ['日本', 'name', '2025-01-02']) t.false(bytes.includes(part));
});

peerSuite.test('an entry that was moved to another key, or altered, is a miss on both sides', async (t) => {
  const [from, to] = [framed('secure'), framed('secure')];
  const [fromKey, toKey] = [await keyOf(from), await keyOf(to)];
  await from.node(fromKey, () => value)();
  const { data_hex: stored } = await peerSuite
    .peer()
    .call<{ data_hex: string }>('redis_raw_get', { redis_url: redis.url, key: fromKey });
  const altered = `${stored.slice(0, -2)}${stored.endsWith('00') ? '01' : '00'}`;
  for (const data_hex of [stored, altered]) {
    const plant = () => peerSuite.peer().call('redis_raw_set', { redis_url: redis.url, key: toKey, data_hex });
    await plant();
    t.is(await to.node(toKey, () => 'ran')(), 'ran');
    await plant();
    t.deepEqual(await peerSuite.peer().call<Got>('redis_get', to.python), { hit: false });
  }
});

peerSuite.test('another master key finds nothing on either side, and another deployment nothing here', async (t) => {
  const shared = framed('secure');
  const cacheKey = await keyOf(shared);
  await shared.node(cacheKey, () => value)();
  const other = {
    wire: 'python',
    backend: redis.url,
    timeout: '60s',
    l1: false,
    namespace: 'users',
    key: () => cacheKey,
  } as const;
  const foreign = [
    cache.secure({ ...other, masterKey: '5f'.repeat(32) }),
    cache.secure({ ...other, masterKey, tenantId: randomUUID() }),
  ];
  // A foreign tenant's entry is one that does not open, so it is replaced: each starts from a fresh one.
  for (const secure of foreign) {
    await peerSuite.peer().call('redis_raw_del', { redis_url: redis.url, key: cacheKey });
    await shared.node(cacheKey, () => value)();
    t.is(await secure(() => 'ran')(), 'ran');
  }
  await peerSuite.peer().call('redis_raw_del', { redis_url: redis.url, key: cacheKey });
  await shared.node(cacheKey, () => value)();
  const got = await peerSuite.peer().call<Got>('redis_get', { ...shared.python, master_key_hex: '5f'.repeat(32) });
  t.deepEqual(got, { hit: false });
});

peerSuite.test('a table written here is a DataFrame there', async (t) => {
  const shared = framed('secure', { serializer: 'arrow' }, new ArrowSerializer() as Serializer);
  const table = tableFromArrays({ a: Int32Array.of(1, 2, 3), b: Float64Array.of(0.5, 1.5, 2.5) });
  await shared.node(await keyOf(shared), () => table)();
  const got = await peerSuite.peer().call<Got>('redis_get', shared.python);
  t.deepEqual(got, { hit: true, value: { $df: { a: [1, 2, 3], b: [0.5, 1.5, 2.5] } } });
});

peerSuite.test('a DataFrame written there is a table here', async (t) => {
  const shared = framed('secure', { serializer: 'arrow' }, new ArrowSerializer() as Serializer);
  const frame = { $df: { a: [1, 2, 3], b: [0.5, 1.5, 2.5] } };
  const { entries } = await peerSuite.peer().call<Entries>('redis_set', { ...shared.python, value: frame });
  const other = tableFromArrays({ b: Float64Array.of(9) });
  const result = await shared.node(entries[0]?.key ?? '', () => other)();
  t.deepEqual([...((result as Table).getChild('b') ?? [])], [0.5, 1.5, 2.5]);
});

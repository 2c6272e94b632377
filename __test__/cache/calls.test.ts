import { randomBytes } from 'node:crypto';
import test from 'ava';
import { cache, EncryptionWrapper } from '../../index.js';
import { codecOf } from '../../src/codec/encryption-wrapper.js';
import { deferred, MapBackend, masterKey, settle } from './map-backend.js';

interface User {
  id: number;
  name: string;
  tags?: string[];
}

for (const [kind, wrap] of [
  ['plain', cache],
  ['secure', cache.secure],
] as const) {
  const key = kind === 'secure' ? { masterKey } : {};
  const shared = (backend: MapBackend) => ({ ...key, backend, namespace: 'users', operation: 'user' });

  test(`${kind}: the function runs once and later calls are hits`, async (t) => {
    let runs = 0;
    const user = wrap(key)((id: number): User => ({ id, name: `n${++runs}` }));
    t.deepEqual(await user(1), { id: 1, name: 'n1' });
    t.deepEqual(await user(1), { id: 1, name: 'n1' });
    t.deepEqual(await user(2), { id: 2, name: 'n2' });
    t.is(runs, 2);
    const { hits, misses, l1Hits, loads, sets, l1Entries } = user.stats();
    t.deepEqual(
      { hits, misses, l1Hits, loads, sets, l1Entries },
      { hits: 1, misses: 2, l1Hits: 1, loads: 2, sets: 2, l1Entries: 2 },
    );
  });

  test(`${kind}: another process finds in the backend what this one stored`, async (t) => {
    const backend = new MapBackend();
    const first = wrap(shared(backend))((id: number) => ({ id, secret: 'rosebud' }));
    const second = wrap(shared(backend))((_id: number): { id: number; secret: string } => t.fail() as never);
    await first(1);
    t.deepEqual(await second(1), { id: 1, secret: 'rosebud' });
    t.is(second.stats().l1Hits, 0);
    t.deepEqual(await second(1), { id: 1, secret: 'rosebud' });
    t.is(second.stats().l1Hits, 1);
    t.is(backend.calls.get, 2, 'the second hit did not ask the backend');
    t.is(backend.text.includes('rosebud'), kind === 'plain');
  });

  test(`${kind}: without L1 every call asks the backend`, async (t) => {
    const backend = new MapBackend();
    const user = wrap({ ...shared(backend), l1: false })((id: number) => ({ id }));
    for (let i = 0; i < 3; i++) t.deepEqual(await user(1), { id: 1 });
    t.is(backend.calls.get, 3);
    t.like(user.stats(), { hits: 2, l1Hits: 0, l1Entries: 0, l1Bytes: 0 });
  });

  test(`${kind}: null is a value, undefined is not stored`, async (t) => {
    const backend = new MapBackend();
    let runs = 0;
    const find = wrap(shared(backend))((id: number) => {
      runs++;
      return id === 1 ? null : undefined;
    });
    t.is(await find(1), null);
    t.is(await find(1), null);
    t.is(runs, 1);
    t.is(await find(2), undefined);
    t.is(await find(2), undefined);
    t.is(runs, 3);
    t.is(backend.stored.size, 1);
    t.is(find.stats().refusedValues, 0);
  });

  test(`${kind}: changing what a call returned changes no later hit`, async (t) => {
    const backend = new MapBackend();
    const user = wrap(shared(backend))((id: number): User => ({ id, name: 'a', tags: ['x'] }));
    const spoil = (value: User) => {
      value.name = 'spoilt';
      value.tags?.push('spoilt');
    };
    const good = { id: 1, name: 'a', tags: ['x'] };
    const miss = await user(1);
    spoil(miss);
    const hit = await user(1);
    t.deepEqual(hit, good, 'after the miss');
    spoil(hit);
    const again = await user(1);
    t.deepEqual(again, good, 'after the hit');
    t.not(again, hit);
    const entry = await user.entry(1);
    spoil(entry.value);
    t.deepEqual((await user.entry(1)).value, good, 'after entry()');
  });

  test(`${kind}: callers who share a read of the backend each get an object of their own`, async (t) => {
    const backend = new MapBackend();
    await wrap(shared(backend))((id: number) => ({ id }))(1);
    const user = wrap(shared(backend))((id: number) => ({ id, fresh: true }));
    const values = await Promise.all([user(1), user(1), user(1)]);
    t.is(backend.calls.get, 2, 'one by the writer, one by all readers');
    t.deepEqual(
      values.map((value) => ({ ...value })),
      [{ id: 1 }, { id: 1 }, { id: 1 }] as never,
    );
    t.is(new Set(values).size, 3);
  });

  test(`${kind}: a large value takes the way off the event loop both ways`, async (t) => {
    const backend = new MapBackend();
    const bytes = Buffer.alloc(3 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
    const large = wrap(shared(backend))(() => ({ bytes: new Uint8Array(bytes) }));
    t.is(Buffer.compare((await large()).bytes, bytes), 0);
    t.is(Buffer.compare((await large()).bytes, bytes), 0, 'from L1');
    t.is(large.stats().l1Hits, 1);
    const other = wrap(shared(backend))((): { bytes: Uint8Array } => t.fail() as never);
    const [one, two] = await Promise.all([other(), other()]);
    t.is(Buffer.compare(one.bytes, bytes), 0, 'from the backend');
    t.is(Buffer.compare(two.bytes, bytes), 0);
    t.not(one, two);
  });
}

test('values from 1 MiB are sealed and opened off the event loop, smaller ones at once', async (t) => {
  const codec = codecOf(new EncryptionWrapper({ masterKey }));
  const context = { cacheKey: 'k' };
  for (const [length, large] of [
    [1_000_000, false],
    [1024 * 1024, true],
  ] as const) {
    const value = randomBytes(length);
    const sealing = codec.serialize(value, context);
    t.is(sealing instanceof Promise, large);
    const opening = codec.deserialize(await sealing, context);
    t.is(opening instanceof Promise, large);
    t.is(Buffer.compare((await opening) as Uint8Array, value), 0);
  }
});

test('a thousand callers at once run the function once and share its result', async (t) => {
  let runs = 0;
  const gate = deferred();
  const load = cache.secure({ masterKey, backend: new MapBackend(), namespace: 'n', operation: 'load' })(
    async (id: number) => {
      runs++;
      await gate.promise;
      return { id };
    },
  );
  const calls = Array.from({ length: 1000 }, () => load(7));
  await settle();
  const late = load(7);
  gate.resolve();
  const values = await Promise.all([...calls, late]);
  t.is(runs, 1);
  t.is(new Set(values).size, 1, 'the object of the run they waited for');
  t.deepEqual(values[0], { id: 7 });
  t.not(await load(7), values[0], 'a hit is another object');
  t.like(load.stats(), { misses: 1001, loads: 1, hits: 1 });
});

test('an error reaches every waiting caller, is not cached, and leaves nothing behind', async (t) => {
  let runs = 0;
  const boom = new Error('no');
  const load = cache({})(async (_id: number) => {
    runs++;
    await settle();
    if (runs === 1) throw boom;
    return runs;
  });
  const results = await Promise.allSettled([load(1), load(1), load.entry(1)]);
  for (const result of results) t.is(result.status === 'rejected' && result.reason, boom);
  t.is(runs, 1);
  t.is(await load(1), 2, 'the next call runs it again');
  t.is(await load(1), 2);
});

test('a function that throws at once rejects', async (t) => {
  const load = cache({})((): number => {
    throw new RangeError('at once');
  });
  await t.throwsAsync(load(), { instanceOf: RangeError, message: 'at once' });
});

test('entry says no times that are not known', async (t) => {
  const backend = new MapBackend();
  const load = cache({ backend, namespace: 'n', operation: 'o', l1: false })(() => 1);
  await load();
  t.deepEqual(await load.entry(), { value: 1, status: 'hit' });
  backend.expiresInMs = 599_000;
  const { ageMs, expiresInMs } = await load.entry();
  t.true((ageMs ?? 0) >= 1000 && (ageMs ?? 0) < 11_000 && (expiresInMs ?? 0) <= 599_000);
  const never = cache({ ttl: 'never' })(() => 1);
  t.deepEqual(await never.entry(), { value: 1, status: 'miss' });
  t.deepEqual(await never.entry(), { value: 1, status: 'hit' });
});

test('the TTL that a backend is told is 600 s unless given, and nothing for never', async (t) => {
  for (const [ttl, expected] of [
    [undefined, 600_000],
    [1.5, 1500],
    ['7d', 604_800_000],
    ['never', Number.POSITIVE_INFINITY],
  ] as const) {
    const backend = new MapBackend();
    await cache({ backend, namespace: 'n', operation: 'o', ttl })(() => 1)();
    t.is(backend.ttls.get(backend.only), expected);
  }
});

test('invalidate removes one entry from L1 and the backend', async (t) => {
  const backend = new MapBackend();
  let runs = 0;
  const load = cache({ backend, namespace: 'n', operation: 'o' })((id: number) => `${id}:${++runs}`);
  await load(1);
  await load(2);
  t.true(await load.invalidate(1));
  t.false(await load.invalidate(1));
  t.is(backend.stored.size, 1);
  t.is(await load(1), '1:3');
  t.is(await load(2), '2:2');
  const local = cache({})((id: number) => id);
  t.false(await local.invalidate(1));
  await local(1);
  t.true(await local.invalidate(1));
});

test('refresh runs the function and replaces what is stored', async (t) => {
  const backend = new MapBackend();
  let runs = 0;
  const load = cache({ backend, namespace: 'n', operation: 'o' })(() => ++runs);
  t.is(await load(), 1);
  t.is(await load.refresh(), 2);
  t.is(await load(), 2);
  t.is(await cache({ backend, namespace: 'n', operation: 'o' })(() => 99)(), 2);
});

test('a refresh that finds nothing removes what was stored, one that fails leaves it', async (t) => {
  const backend = new MapBackend();
  let next: number | undefined | Error = 1;
  const load = cache({ backend, namespace: 'n', operation: 'o' })(() => {
    if (next instanceof Error) throw next;
    return next;
  });
  t.is(await load(), 1);
  next = new Error('down');
  await t.throwsAsync(load.refresh(), { message: 'down' });
  t.is(await load(), 1);
  next = undefined;
  t.is(await load.refresh(), undefined);
  t.is(backend.stored.size, 0);
  next = 3;
  t.is(await load(), 3);
});

test('`this` and the arguments reach the function, and `this` is no part of the key', async (t) => {
  const seen: unknown[] = [];
  const load = cache({})(function (this: { id: number } | undefined, a: number, b?: string) {
    seen.push([this, a, b]);
    return this?.id ?? 0;
  });
  t.is(await load.call({ id: 5 }, 1, 'x'), 5);
  t.is(await load.call({ id: 6 }, 1, 'x'), 5);
  t.is((await load.entry(2)).value, 0);
  t.is(await load.refresh(3), 0);
  t.deepEqual(seen, [
    [{ id: 5 }, 1, 'x'],
    [undefined, 2, undefined],
    [undefined, 3, undefined],
  ]);
});

test('a cached function has the name and the length of the original', (t) => {
  const load = cache({})(async function findUser(_id: number, _deep: boolean) {});
  t.is(load.name, 'findUser');
  t.is(load.length, 2);
});

test('trailing undefined and an argument left out are the same call', async (t) => {
  let runs = 0;
  const load = cache({})((_a: number, _b?: string) => ++runs);
  t.is(await load(1), 1);
  t.is(await load(1, undefined), 1);
  t.is(await load(1, ''), 2);
});

test('decoded values are kept and handed out as they are with l1.values', async (t) => {
  for (const backend of [null, new MapBackend()]) {
    const load = cache.secure({ masterKey, backend, namespace: 'n', operation: 'o', l1: { values: true } })(() => ({
      a: 1,
    }));
    const first = await load();
    t.is(await load(), first);
    t.is((await load.entry()).value, first);
    t.true(load.stats().l1Bytes > 0);
    if (backend === null) continue;
    const other = cache.secure({ masterKey, backend, namespace: 'n', operation: 'o', l1: { values: true } })(() => ({
      a: 2,
    }));
    const decoded = await other();
    t.deepEqual(decoded, { a: 1 });
    t.is(await other(), decoded);
  }
});

test('L1 is bounded in bytes: what it has no room for is asked for again', async (t) => {
  let runs = 0;
  const load = cache({ l1: { maxBytes: 4096 } })((id: number) => {
    runs++;
    return String(id).padEnd(600, 'x').split('').reverse().join(`${id}`);
  });
  for (let id = 0; id < 50; id++) await load(id);
  const { l1Bytes, l1Entries } = load.stats();
  t.true(l1Bytes <= 4096 && l1Entries > 1 && l1Entries < 25, `${l1Entries} entries, ${l1Bytes} bytes`);
  await load(49);
  t.is(runs, 50, 'the newest is there');
  for (let id = 0; id < 50; id++) await load(id);
  t.true(runs > 100 - 25 && load.stats().l1Bytes <= 4096, `${runs} runs`);
});

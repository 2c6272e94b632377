import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { Redis } from 'ioredis';
import { createCache, RedisBackend } from '../../index.js';
import { SingleFlight } from '../../src/cache/engine/single-flight.js';
import { commandsOf } from '../support/redis-commands.js';
import { requireRedis } from '../support/redis-server.js';
import { masterKey, settle } from './map-backend.js';

/* What is asked for in one tick goes to Redis together, and each caller gets what it would get alone. */

const values = Array.from({ length: 40 }, (_, i): [string, unknown] => [`k${i}`, { i, secret: 'rosebud' }]);

for (const l1 of [false, true]) {
  const kind = l1 ? 'with L1' : 'without L1';

  test(`${kind}: gets of one tick are one request, and each entry is asked for once`, async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return;
    const watching = new Redis(server.url);
    t.teardown(() => watching.disconnect());
    await using writer = createCache({ backend: server.url, masterKey, l1: false });
    await using entries = createCache({ backend: server.url, masterKey, l1 });
    t.true(await writer.setMany(values));
    await entries.get('nothing');
    await commandsOf(watching);
    const wanted = [...values, ...values, ['none', undefined] as const];
    const got = await Promise.all(wanted.map(([key]) => entries.get(key)));
    t.deepEqual(
      got,
      wanted.map(([, value]) => value),
    );
    t.not(got[0], got[values.length], 'each caller has an object of its own');
    const ran = await commandsOf(watching);
    t.is(ran('mget'), 1);
    t.is(ran('get'), 0);
    const { hits, misses, readLatency } = entries.stats();
    t.deepEqual([hits, misses], [2 * values.length, 2]);
    t.true(readLatency.count >= 2);
  });

  test(`${kind}: functions share the request, and the first caller's function runs for all that miss`, async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return;
    await using entries = createCache({ backend: server.url, masterKey, l1 });
    const runs: string[] = [];
    const ask = (key: string, caller: number) =>
      entries.getOrSet(key, async () => {
        runs.push(`${key} ${caller}`);
        return key;
      });
    const asked = [0, 1, 2].flatMap((caller) => ['a', 'b', 'c'].map((key) => ask(key, caller)));
    t.deepEqual(await Promise.all(asked), [...'abcabcabc']);
    t.deepEqual(runs, ['a 0', 'b 0', 'c 0']);
    t.deepEqual(await Promise.all(['a', 'b', 'c'].map((key) => ask(key, 9))), [...'abc']);
    t.is(runs.length, 3);
  });

  test(`${kind}: what does not open is a miss for its callers alone, and is deleted`, async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return;
    await using entries = createCache({ backend: server.url, masterKey, l1, onError: () => {} });
    const raw = new RedisBackend({ url: server.url });
    t.teardown(() => raw.close());
    await entries.setMany(values);
    await raw.set('k1', Buffer.from('something else'));
    await using reader = createCache({ backend: server.url, masterKey, l1, onError: () => {} });
    const got = await Promise.all(values.map(([key]) => reader.get(key)));
    t.deepEqual(
      got,
      values.map(([key, value]) => (key === 'k1' ? undefined : value)),
    );
    t.is(await raw.get('k1'), undefined);
    t.is(reader.stats().authenticationFailures, 1);
  });
}

test('an entry that is deleted while it is read, or opened in another thread, leaves no copy', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const l1 = { invalidation: false, maxBytes: 2 ** 28 };
  await using entries = createCache({ backend: server.url, masterKey, l1 });
  await using writer = createCache({ backend: server.url, masterKey, l1: false });
  const large: [string, unknown] = ['large', randomBytes(2 ** 24)];
  const all = [...values, large];
  await writer.setMany(all);
  const reads = all.map(([key]) => entries.get(key));
  await setImmediate();
  // Behind the request, on the same connection: it is answered before the large value is opened.
  t.is(await entries.deleteMany([...values.slice(0, 20).map(([key]) => key), 'large']), 21);
  await Promise.all(reads);
  const left = await Promise.all(all.map(([key]) => entries.get(key)));
  t.deepEqual(
    left.map((value) => value !== undefined),
    all.map(([key], i) => i >= 20 && key !== 'large'),
  );
});

test('a large value of which there is a copy in L1 is not asked for again', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const watching = new Redis(server.url);
  t.teardown(() => watching.disconnect());
  await using entries = createCache({ backend: server.url, masterKey, l1: { invalidation: false } });
  const value = randomBytes(2 ** 21);
  await entries.set('large', value);
  await commandsOf(watching);
  const got = await Promise.all([entries.get<Uint8Array>('large'), entries.getOrSet('large', () => value.fill(0))]);
  for (const bytes of got) t.true(bytes !== undefined && value.equals(bytes));
  const ran = await commandsOf(watching);
  t.is(ran('get') + ran('mget'), 0);
});

test('tenants are read apart, and one of them does not open what is the other’s', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  await using entries = createCache({ backend: server.url, masterKey, l1: false });
  const tenants = ['a', 'b'].map((id) => entries.tenant(id));
  await Promise.all(tenants.map((tenant, i) => tenant.set('k', `of ${i}`)));
  const both = () => Promise.all(tenants.flatMap((tenant) => [tenant.get('k'), tenant.get('none')]));
  t.deepEqual(await both(), ['of 0', undefined, 'of 1', undefined]);
});

test('when Redis fails, every caller of the tick gets what the function returns', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  await using entries = createCache({ backend: server.url, masterKey, l1: false, retry: 0, onError: () => {} });
  t.true(await entries.set('k0', 1));
  await server.kill();
  const got = await Promise.all([
    ...values.map(([key]) => entries.get(key)),
    ...values.map(([key]) => entries.getOrSet(key, () => key)),
  ]);
  t.deepEqual(got, [...values.map(() => undefined), ...values.map(([key]) => key)]);
  t.true(entries.stats().backendErrors >= 1);
  await entries.close();
  await t.throwsAsync(async () => entries.get('k0'), { code: 'ERR_BACKEND' });
});

test.serial(
  'each function of a tick counts its reads and its failures, and after a timeout stores nothing',
  async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return;
    await using entries = createCache({
      backend: server.url,
      masterKey,
      l1: false,
      retry: 0,
      namespace: 'counted',
      timeout: '2s',
      onError: () => {},
    });
    const functions = ['a', 'b'].map((operation) =>
      entries.wrap({ operation })(async (id: number) => `${operation} ${id}`),
    );
    const askAll = () => Promise.all(functions.flatMap((call) => [1, 2, 3].map((id) => call(id))));
    const all = ['a 1', 'a 2', 'a 3', 'b 1', 'b 2', 'b 3'];
    t.deepEqual(await askAll(), all);
    for (const call of functions) t.like(call.stats(), { misses: 3, sets: 3, backendErrors: 0 });
    for (const call of functions) t.true(call.stats().readLatency.count >= 1);
    t.deepEqual(await askAll(), all);
    for (const call of functions) t.like(call.stats(), { hits: 3, loads: 3 });
    server.freeze();
    t.deepEqual(await askAll(), all);
    server.resume();
    // What could not be read was not written either: that would have been another timeout.
    for (const call of functions) t.like(call.stats(), { loads: 6, sets: 3, backendErrors: 1 });
  },
);

test('the function of the first caller runs, whatever else is asked for meanwhile', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  await using entries = createCache({ backend: server.url, masterKey, l1: false });
  const [a, b] = [entries.tenant('a'), entries.tenant('b')];
  await Promise.all([a.get('warm'), b.get('warm')]);
  const oneTick = [a.get('x'), a.getOrSet('k', () => 'first'), b.get('y'), a.getOrSet('k', () => 'second')];
  t.deepEqual(await Promise.all(oneTick), [undefined, 'first', undefined, 'first']);
  // The server answers the reads of several ticks at once.
  server.freeze();
  const asked = [a.get('x'), a.getOrSet('later', () => 'first')];
  for (let tick = 0; tick < 5; tick++) {
    await setImmediate();
    asked.push(a.getOrSet('later', () => `tick ${tick}`));
  }
  server.resume();
  t.deepEqual(await Promise.all(asked), [undefined, ...Array.from({ length: 6 }, () => 'first')]);
});

test('a caller after a change does not join a read from before it', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  await using entries = createCache({ backend: server.url, masterKey, l1: false, namespace: 'changes' });
  const calls = entries.wrap({ operation: 'calls' });
  let run = 0;
  const call = calls(async (_id: number) => ++run);
  t.is(await call(1), 1);
  t.deepEqual(await Promise.all([call(1), call.refresh(1), call(1)]), [1, 2, 2]);
  server.freeze();
  const before = entries.get('k');
  await setImmediate();
  const stored = entries.set('k', 'new');
  await setImmediate();
  const after = entries.get('k');
  server.resume();
  t.deepEqual(await Promise.all([before, stored, after]), [undefined, true, 'new']);
});

test('an entry that decodes to nothing is replaced by what the function returns', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const json = {
    format: 'text',
    serialize: (value: unknown) => Buffer.from(String(value)),
    deserialize: (bytes: Uint8Array) => (bytes.length === 0 ? undefined : Buffer.from(bytes).toString()),
  };
  await using entries = createCache({ backend: server.url, masterKey, l1: false, serializer: json });
  await entries.set('k', '');
  let runs = 0;
  const load = () => `run ${++runs}`;
  for (let i = 0; i < 3; i++) t.is(await entries.getOrSet('k', load), 'run 1');
});

test('who waits for another process is told of the change, and does not wait for the next look', async (t) => {
  const flights = new SingleFlight<unknown, unknown>();
  const told: string[] = [];
  const waits = ['a', 'b', 'c'].map((key) => flights.changeWithin(60_000, key).then(() => told.push(key)));
  flights.invalidateKey('other');
  await settle();
  t.deepEqual(told, []);
  flights.invalidateKey('b');
  await settle();
  t.deepEqual(told, ['b']);
  flights.invalidateAllReads();
  await Promise.all(waits);
  t.deepEqual(told, ['b', 'a', 'c']);
  await flights.changeWithin(1, 'a');
});

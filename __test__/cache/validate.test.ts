import test from 'ava';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type Backend,
  type CacheOptions,
  cache,
  createCache,
  MemoryBackend,
  RedisBackend,
  type StandardSchema,
  ValidationError,
} from '../../index.js';
import { requireRedis } from '../support/redis-server.js';
import { deferred, masterKey, withClock } from './map-backend.js';

const User = z.object({ id: z.number(), name: z.string() });
const Named = v.object({ id: v.number(), name: v.string() });
const old = { id: 1 };
const user = { id: 1, name: 'Ada' };
const quiet = { onError: () => {} };

async function validates(t: import('ava').ExecutionContext, backend: Backend | null, more: CacheOptions = {}) {
  const shared = createCache({ namespace: 'n', backend, masterKey, ...quiet, ...(more as object) });
  for (const schema of [User, Named] as StandardSchema<typeof user>[]) {
    await shared.clear();
    const { invalidValues } = shared.stats();
    await shared.set('k', old);
    t.deepEqual(await shared.get('k'), old);
    t.is(await shared.get('k', { validate: schema }), undefined);
    t.is(shared.stats().invalidValues, invalidValues + 1);
    t.deepEqual(await shared.get('k'), old, 'a get leaves it to whom it is right');
    t.deepEqual(await shared.getOrSet('k', () => user, { validate: schema }), user);
    t.deepEqual(await shared.get('k'), user, 'replaced');
    t.deepEqual(await shared.get('k', { validate: schema }), user);
    t.is((await shared.entry('k', () => user, { validate: schema })).status, 'hit');
    t.is(shared.stats().invalidValues, invalidValues + 2);
  }
}

test('a stored value that does not pass is a miss, and replaced by what is loaded', async (t) => {
  await validates(t, null);
  await validates(t, null, { l1: { values: true } });
  await validates(t, new MemoryBackend(), { l1: false });
  // Looked at in L1 and in the backend, and counted once.
  await validates(t, new MemoryBackend());
});

test('in Redis an invalid value is replaced, also where L1 has a copy, and where a lock is taken', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const backend = new RedisBackend({ url: server.url });
  for (const more of [{}, { l1: false }, { lock: true }]) {
    const writer = createCache({ namespace: 'n', backend, masterKey, ...more });
    const reader = createCache({ namespace: 'n', backend, masterKey, validate: User, ...quiet, ...more });
    await writer.setMany([
      ['a', old],
      ['b', user],
    ]);
    t.deepEqual(await reader.getMany(['a', 'b', 'c']), [undefined, user, undefined]);
    t.deepEqual(await Promise.all(['a', 'b'].map((key) => reader.get(key))), [undefined, user]);
    t.deepEqual(await reader.getOrSet('a', () => user), user);
    t.deepEqual(await writer.get('a'), user, 'stored');
    t.deepEqual(await reader.getOrSet('a', () => ({ ...user, id: 2 })), user, 'a hit');
    await writer.clear();
    const fn = writer.wrap({ operation: 'o' })(async () => old);
    await fn();
    await fn();
    const checked = writer.wrap({ operation: 'o', validate: User })(async () => user);
    t.deepEqual([await checked(), await checked()], [user, user]);
    t.like(checked.stats(), { misses: 1, loads: 1, hits: 1 });
    await writer.clear();
  }
  await backend.close();
});

test('callers get the output of a schema, and stored is its input', async (t) => {
  const Dated = z.object({ at: z.string().transform((text) => new Date(text)) });
  const asynchronous = z.object({ at: z.string() }).refine(async () => true);
  for (const backend of [null, new MemoryBackend()]) {
    const shared = createCache({ namespace: 'n', backend, masterKey });
    const iso = '2026-01-01T00:00:00.000Z';
    const fn = shared.wrap({ operation: 'o', validate: Dated })(async (_id: number) => ({ at: iso }));
    for (let i = 0; i < 3; i++) t.deepEqual(await fn(1), { at: new Date(iso) });
    t.deepEqual(await fn.refresh(1), { at: new Date(iso) });
    t.deepEqual((await fn.entry(1)).value, { at: new Date(iso) });
    // The same entry, without the schema.
    t.deepEqual(await shared.wrap({ operation: 'o' })(async (_id: number) => 0)(1), { at: iso } as never);
    t.deepEqual(await shared.getOrSet('k', () => ({ at: iso }), { validate: asynchronous }), { at: iso });
    t.deepEqual(await shared.get('k', { validate: asynchronous }), { at: iso });
    t.deepEqual(await shared.pull('k'), { at: iso });
    const two = await Promise.all([fn(2), fn(2)]);
    t.deepEqual(two, [{ at: new Date(iso) }, { at: new Date(iso) }]);
  }
});

test('what is loaded or set and does not pass is an error without the value, and not stored', async (t) => {
  const shared = createCache({ namespace: 'n', masterKey, validate: User });
  const secret = { id: 'secret-id', name: 'secret-name' };
  const throwing: StandardSchema<never> = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: (value) => {
        throw new Error(JSON.stringify(value));
      },
    },
  };
  const fn = shared.wrap({ operation: 'o' })(async () => secret);
  for (const failing of [
    () => shared.set('k', secret),
    () => shared.setMany([['k', secret]]),
    () => shared.getOrSet('k', () => secret as never),
    () => shared.getOrSet('k', () => secret, { validate: throwing }),
    () => fn(),
  ]) {
    const error = await t.throwsAsync(failing(), { instanceOf: ValidationError, code: 'ERR_VALIDATION' });
    t.notRegex(`${error?.stack} ${JSON.stringify(error)}`, /secret-/);
    t.is(error?.cause, undefined);
  }
  t.is(await shared.get('k', { validate: false }), undefined);
  t.true(await shared.set('k', secret, { validate: false }));
  t.is(await shared.get('k'), undefined);
  for (const wrong of [1, {}, () => {}, { '~standard': { version: 2 } }, null]) {
    t.throws(() => cache({ validate: wrong as never }), { instanceOf: TypeError });
  }
});

test.serial(
  'a stale value that does not pass does not answer, and one that does answers for a failed check',
  async (t) => {
    await withClock(async (clock) => {
      for (const backend of [null, new MemoryBackend()]) {
        const shared = createCache({ namespace: 'n', backend, ttl: '10s', swr: '1m', staleIfError: '1h', ...quiet });
        await shared.set('k', old);
        clock.ms += 11_000;
        t.deepEqual(await shared.getOrSet('k', () => user, { validate: User }), user);
        clock.ms += 120_000;
        t.deepEqual(await shared.getOrSet('k', () => old as never, { validate: User }), user, 'staleIfError');
      }
    });
  },
);

test('an entry that is removed while it is checked is not stored again', async (t) => {
  const gate = deferred<void>();
  const slow: StandardSchema<number> = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: async (value) => {
        await gate.promise;
        return { value: value as number };
      },
    },
  };
  const shared = createCache({ namespace: 'n', backend: new MemoryBackend() });
  const loading = shared.getOrSet('k', () => 1, { validate: slow });
  await new Promise((resolve) => setImmediate(resolve));
  await shared.delete('k');
  gate.resolve();
  t.is(await loading, 1);
  t.is(await shared.get('k'), undefined);
});

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
function same<_Yes extends true>(): void {}

test('types are those of the schema’s output', async (t) => {
  const Dated = z.object({ at: z.string().transform((text) => new Date(text)) });
  const shared = createCache();
  const fn = shared.wrap({ validate: Dated })(async (_id: number) => ({ at: '' }));
  same<Same<typeof fn extends (id: number) => Promise<infer R> ? R : never, { at: Date }>>();
  const sealed = cache.secure({ masterKey, validate: Named, key: (id: number) => `u:${id}` })((id: number) => ({ id }));
  same<Same<ReturnType<typeof sealed>, Promise<{ id: number; name: string }>>>();
  const read = () => shared.get('k', { validate: Dated });
  same<Same<ReturnType<typeof read>, Promise<{ at: Date } | undefined>>>();
  const loaded = () => shared.getOrSet('k', async () => ({ at: '' }), { validate: Dated });
  same<Same<ReturnType<typeof loaded>, Promise<{ at: Date }>>>();
  t.pass();
});

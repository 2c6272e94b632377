import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import test from 'ava';
import { Keyv, KeyvMemoryAdapter } from 'keyv';
import { type Backend, KeyvBackend } from '../../index.js';
import { behaviours } from '../../src/testing/conformance.js';
import { Keyv5 } from '../support/keyv5.js';

/** A storage adapter as those of Keyv 5 are: its `set` takes milliseconds to live, its values are strings. */
class LegacyAdapter {
  opts = { url: 'legacy://', dialect: 'redis' };
  readonly map = new Map<string, { value: string; ends: number }>();
  readonly listeners = new Set<(error: unknown) => void>();

  on(_: 'error', listener: (error: unknown) => void) {
    this.listeners.add(listener);
    return this;
  }

  off(_: 'error', listener: (error: unknown) => void) {
    this.listeners.delete(listener);
    return this;
  }

  report(error: Error) {
    for (const listener of this.listeners) listener(error);
  }

  async get(name: string): Promise<string | undefined> {
    const held = this.map.get(name);
    return held && held.ends > Date.now() ? held.value : undefined;
  }

  async set(name: string, value: string, ttl?: number) {
    this.map.set(name, { value, ends: ttl === undefined ? Number.POSITIVE_INFINITY : Date.now() + ttl });
  }

  async delete(name: string) {
    return this.map.delete(name);
  }

  async clear() {
    this.map.clear();
  }
}

const reversing = {
  stringify: (object: unknown) => [...JSON.stringify(object)].reverse().join(''),
  parse: (text: string) => JSON.parse([...text].reverse().join('')),
};

const targets: Record<string, () => object> = {
  'Keyv 6': () => new Keyv(),
  'Keyv 6 with a namespace': () => new Keyv({ namespace: 't' }),
  'Keyv 6 without serialization': () => new Keyv({ serialization: false }),
  'Keyv 6 with its own serialization': () => new Keyv({ serialization: reversing as never }),
  'Keyv 6 with an adapter of Keyv 5': () => new Keyv({ store: new LegacyAdapter(), namespace: 'n' }),
  'Keyv 5': () => new Keyv5(),
  'Keyv 5 without a prefix': () => new Keyv5({ useKeyPrefix: false }),
  'Keyv 5 with an adapter': () => new Keyv5({ store: new LegacyAdapter(), namespace: 'n' }),
  'Keyv 5 without serialization': () => new Keyv5({ serialize: undefined, deserialize: undefined }),
  'an adapter of Keyv 6': () => new KeyvMemoryAdapter(new Map()),
  'an adapter of Keyv 5': () => new LegacyAdapter(),
};

for (const [name, make] of Object.entries(targets)) {
  for (const behaviour of behaviours) {
    test(`${name}: ${behaviour.title}`, async (t) => {
      await behaviour.run(new KeyvBackend({ store: make() as never }), {});
      t.pass();
    });
  }
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

test('the namespace is the owner’s, and cache keys that look like it stay apart', async (t) => {
  for (const [keyv, name] of [
    [new Keyv5({ store: new Map(), namespace: 'ns' }), 'ns:a'],
    [new Keyv({ store: new Map(), namespace: 'ns' }), 'ns::a'],
  ] as const) {
    const backend = new KeyvBackend({ store: keyv as never });
    for (const cacheKey of ['a', 'ns:a', 'ns::a', 'ns:ns:a']) await backend.set(cacheKey, Buffer.from(cacheKey));
    for (const cacheKey of ['a', 'ns:a', 'ns::a', 'ns:ns:a'])
      t.is(text((await backend.get(cacheKey))?.bytes), cacheKey);
    const many = await backend.getMany(['ns:a', 'missing', 'a']);
    t.deepEqual(
      many.map((entry) => text(entry?.bytes)),
      ['ns:a', undefined, 'a'],
    );
    t.is(await keyv.get('a'), Buffer.from('a').toString('base64'), `its owner finds it as ${name}`);
  }
});

test('TTLs are milliseconds for every kind of store', async (t) => {
  const seen: (number | undefined)[] = [];
  class Watched extends LegacyAdapter {
    override async set(name: string, value: string, ttl?: number) {
      seen.push(ttl);
      await super.set(name, value, ttl);
    }
  }
  for (const store of [new Watched(), new Keyv5({ store: new Watched() }), new Keyv({ store: new Watched() })]) {
    const backend = new KeyvBackend({ store: store as never });
    await backend.set('a', Buffer.from('x'), { ttlMs: 5_000 });
    const left = (await backend.get('a'))?.expiresInMs ?? 0;
    t.true(left > 0 && left <= 5_000);
    await backend.set('a', Buffer.from('x'));
    t.is((await backend.get('a'))?.expiresInMs, Number.POSITIVE_INFINITY);
  }
  t.is(seen.length, 6);
  for (const [i, ttl] of seen.entries()) {
    if (i % 2) t.is(ttl, undefined);
    else t.true(ttl !== undefined && ttl > 0 && ttl <= 5_000, `${ttl}`);
  }
});

function stores(adapter: () => object): object[] {
  const [six, five] = [new Keyv({ store: adapter() }), new Keyv5({ store: adapter() })];
  six.on('error', () => undefined);
  return [adapter(), six, five];
}

async function allFail(t: import('ava').ExecutionContext, backend: Backend, code: string, forbidden: RegExp) {
  for (const work of [
    () => backend.get('secret-key'),
    () => backend.getMany?.(['secret-key']) ?? Promise.reject(),
    () => backend.has?.('secret-key') ?? Promise.reject(),
    () => backend.set('secret-key', Buffer.from('x')),
    () => backend.delete('secret-key'),
  ]) {
    const error = await t.throwsAsync(work(), { code });
    t.notRegex(inspect(error, { depth: 9 }), forbidden);
  }
}

test('a store that throws is a BackendError, whose text has no cache key', async (t) => {
  class Throwing extends LegacyAdapter {
    override async get(name: string): Promise<never> {
      throw Object.assign(new Error(`cannot use ${name}`), { code: 'ECONNREFUSED' });
    }
    override set = this.get;
    override delete = this.get;
  }
  for (const store of stores(() => new Throwing())) {
    await allFail(t, new KeyvBackend({ store: store as never }), 'ERR_BACKEND', /secret-key/);
  }
  const error = await t.throwsAsync(new KeyvBackend({ store: new Throwing() }).get('a-key'), { code: 'ERR_BACKEND' });
  t.regex(error.message, /ECONNREFUSED/);
});

test('a store that reports an error and answers as for a miss is a BackendError', async (t) => {
  class Reporting extends LegacyAdapter {
    override async get(): Promise<undefined> {
      this.report(new Error('the connection is lost'));
    }
    override async set() {
      return this.refuse() as never;
    }
    override async delete() {
      return this.refuse();
    }
    refuse() {
      this.report(new Error('the connection is lost'));
      return false;
    }
  }
  for (const store of stores(() => new Reporting())) {
    await allFail(t, new KeyvBackend({ store: store as never }), 'ERR_BACKEND', /secret-key/);
  }
  const adapter = new LegacyAdapter();
  const backend = new KeyvBackend({ store: adapter });
  await backend.set('a', Buffer.from('x'));
  adapter.report(new Error('between operations'));
  t.is(await backend.get('missing'), undefined, 'an error of another time does not count');
  t.is(adapter.listeners.size, 1);
  await backend.close();
  t.is(adapter.listeners.size, 0, 'its listener goes with it');
});

test('a store that answers false to set has failed', async (t) => {
  class Refusing extends LegacyAdapter {
    override async set() {
      return false as never;
    }
  }
  for (const store of stores(() => new Refusing())) {
    await t.throwsAsync(new KeyvBackend({ store: store as never }).set('a', Buffer.from('x')), { code: 'ERR_BACKEND' });
  }
});

test('a store that never answers is a TimeoutError', async (t) => {
  class Hanging extends LegacyAdapter {
    override get(): Promise<never> {
      return new Promise(() => undefined);
    }
    override set = this.get;
    override delete = this.get;
  }
  for (const store of stores(() => new Hanging())) {
    await allFail(t, new KeyvBackend({ store: store as never, timeoutMs: 20 }), 'ERR_TIMEOUT', /secret-key/);
  }
});

test('a value of somebody else is a miss', async (t) => {
  const keyv = new Keyv();
  const backend = new KeyvBackend({ store: keyv });
  for (const value of ['not base64!', 42, { a: 1 }, null, ['x'], 'abc']) {
    await keyv.set('a', value);
    t.is(await backend.get('a'), undefined, inspect(value));
    t.false(await backend.delete('a', { ifBytes: Buffer.from('x') }));
  }
  await backend.set('a', Buffer.from('x'));
  t.is(text((await backend.get('a'))?.bytes), 'x');
});

test.serial('a wall clock that is set back lengthens no entry, set ahead it ends them', async (t) => {
  const keyv = new Keyv();
  const backend = new KeyvBackend({ store: keyv });
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
  await backend.set('b', Buffer.from('y'), { ttlMs: 50 });
  Date.now = () => now() - 3_600_000;
  const { expiresInMs = 0 } = (await backend.get('a')) ?? {};
  t.true(expiresInMs > 0 && expiresInMs <= 60_000, String(expiresInMs));
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.is(await backend.get('b'), undefined);
  t.is(await new KeyvBackend({ store: keyv }).get('b'), undefined);
  Date.now = () => now() + 61_000;
  t.is(await backend.get('a'), undefined);
});

test('an entry from another start of the machine ends by the wall clock', async (t) => {
  const map = new Map<string, string>();
  const backend = new KeyvBackend({ store: new Keyv5({ store: map }) });
  await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
  const [[name, stored] = ['', '']] = map;
  map.set(name, stored.replace(/"machineEnd":"[^"]+"/, '"machineEnd":"0123456789ab:1"'));
  t.not(map.get(name), stored);
  t.true(((await backend.get('a'))?.expiresInMs ?? 0) > 50_000);
});

test('what is no Keyv store is a TypeError', (t) => {
  for (const store of [undefined, null, 1, 'x', {}, new Map(), { get() {}, set() {}, delete() {} }, () => undefined]) {
    t.throws(() => new KeyvBackend({ store: store as never }), { instanceOf: TypeError }, inspect(store));
  }
  t.throws(() => new KeyvBackend({ store: new Keyv(), timeoutMs: 0 }), { instanceOf: RangeError });
});

test('a hundred backends over one store add one listener for its errors, and all of them take notice', async (t) => {
  const store = Object.assign(new EventEmitter(), {
    get: async (): Promise<unknown> => void store.emit('error', new Error('lost')),
    set: async () => true,
    delete: async () => true,
    clear: async () => undefined,
  });
  const backends = Array.from({ length: 100 }, () => new KeyvBackend({ store }));
  for (const backend of backends) await backend.set('k', Buffer.from('x'));
  t.is(store.listenerCount('error'), 1);
  for (const backend of backends) await t.throwsAsync(backend.get('k'), { code: 'ERR_BACKEND' });
  const [last, ...others] = backends as [KeyvBackend, ...KeyvBackend[]];
  for (const backend of others) await backend.close();
  t.is(store.listenerCount('error'), 1);
  await t.throwsAsync(last.get('k'), { code: 'ERR_BACKEND' });
  await last.close();
  t.is(store.listenerCount('error'), 0);
});

import { randomBytes } from 'node:crypto';
import test from 'ava';
import {
  ArrowSerializer,
  createCache,
  EncryptionWrapper,
  InteropSerializer,
  JsonSerializer,
  type Serializer,
  StandardSerializer,
} from '../../index.js';
import { PlainCodec } from '../../src/codec/plain-codec.js';

/* Whoever replaces a method of a serializer of ours, at any time, has made it somebody else's. */

const masterKey = Buffer.alloc(32, 9);
const context = { cacheKey: 'k' };
const classes = { StandardSerializer, JsonSerializer, InteropSerializer, ArrowSerializer };
const wireOf = (serializer: Serializer) =>
  serializer instanceof InteropSerializer ? ({ wire: 'interop' } as const) : ({} as const);

const take = (bytes: Uint8Array) => void structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
const detached = () => {
  const bytes = new Uint8Array(8);
  take(bytes);
  return bytes;
};
const lengthened = (length: unknown) => () => Object.defineProperty(Uint8Array.from(TEXT), 'length', { value: length });
/** What every serializer of ours may have written. */
const TEXT = Buffer.from('\xa9AAAAAAAAA', 'latin1');
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

for (const [name, Class] of Object.entries(classes)) {
  const ways = (serializer: Serializer) => {
    const wrapper = new EncryptionWrapper<unknown>({ masterKey, serializer, ...wireOf(serializer) });
    return {
      wrapper,
      now: () => wrapper.serialize(1, context),
      later: () => wrapper.serializeAsync(1, context),
      many: () => wrapper.serializeMany([{ value: 1, ...context }])[0] as Buffer,
    };
  };

  test(`${name}: the bytes of a replaced serialize are the engine's, whatever their length is said to be`, async (t) => {
    for (const length of [0, 3, 3_000, Number.NaN, '7']) {
      const serializer = new Class() as Serializer;
      const { wrapper, ...calls } = ways(serializer);
      serializer.serialize = lengthened(length);
      serializer.deserialize = (bytes) => Buffer.from(bytes).toString('latin1');
      for (const call of Object.values(calls)) {
        const sealed = await call();
        t.is(wrapper.deserialize(sealed, context), TEXT.toString('latin1'));
        t.is(await wrapper.deserializeAsync(sealed, context), TEXT.toString('latin1'));
        t.deepEqual(wrapper.deserializeMany([{ sealed, ...context }]), [{ ok: true, value: TEXT.toString('latin1') }]);
      }
    }
    const good = new EncryptionWrapper<unknown>({ masterKey });
    const sealed = await good.serializeAsync({ good: true }, context);
    t.deepEqual(good.deserialize(sealed, context), { good: true });
  });

  test(`${name}: what a replaced serialize returns that is no memory is a TypeError that says what`, async (t) => {
    const wrong: [() => unknown, RegExp][] = [
      [() => null, /null/],
      [() => 'SECRET', /string/],
      [async () => new Uint8Array(1), /a Promise/],
      [revoked, /a Proxy/],
      [() => new Proxy(new Uint8Array(1), {}), /a Proxy/],
      [() => new Uint8Array(new SharedArrayBuffer(4)), /Shared/],
      [() => new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 })), /resizable/],
      [detached, /detached/],
    ];
    for (const [returned, message] of wrong) {
      const serializer = new Class() as Serializer;
      const { now, later, many } = ways(serializer);
      const plain = new PlainCodec({ serializer, ...wireOf(serializer) });
      serializer.serialize = returned as Serializer['serialize'];
      const expected = { instanceOf: TypeError, message };
      t.throws(now, expected);
      t.throws(many, expected);
      await t.throwsAsync(later, expected);
      t.throws(() => plain.serialize(1), expected);
    }
  });

  test(`${name}: what a replaced serialize or deserialize keeps can be taken away`, async (t) => {
    const serializer = new Class() as Serializer;
    const cache = createCache({ masterKey, serializer, ...wireOf(serializer), namespace: 'n' });
    const bytes = new Uint8Array(randomBytes(3 << 20));
    // As MessagePack has them, which those of its serializers must be.
    bytes.set([0xc6, ...[24, 16, 8, 0].map((shift) => ((bytes.length - 5) >> shift) & 0xff)]);
    let kept: Uint8Array | undefined;
    serializer.serialize = () => {
      kept = Uint8Array.from(bytes);
      return kept;
    };
    serializer.deserialize = (payload) => {
      const value = Buffer.from(payload);
      take(payload);
      return value;
    };
    const stored = cache.set('k', 1);
    take(kept as unknown as Uint8Array);
    t.true(await stored);
    for (let round = 0; round < 2; round++) t.is(Buffer.compare((await cache.get('k')) as Buffer, bytes), 0);
  });

  test(`${name}: a method that the package itself calls makes a stranger too`, async (t) => {
    const serializer = new Class() as Serializer;
    Object.assign(serializer, { serializeWithRoom: () => null });
    const { wrapper, now } = ways(serializer);
    if (name !== 'ArrowSerializer') t.is(wrapper.deserialize(now(), context), 1);
    else t.throws(now, { instanceOf: TypeError, message: /null/ });
  });
}

const SECRET = 'hunter2';
const oddities: Record<string, () => unknown> = {
  'a revoked proxy': revoked,
  'an error whose name throws': () =>
    Object.defineProperty(new Error('x'), 'name', {
      get: () => {
        throw new Error(SECRET);
      },
    }),
  'an error whose code throws': () =>
    Object.defineProperty(new Error('x'), 'code', {
      get: () => {
        throw new Error(SECRET);
      },
    }),
  'an error whose name is a symbol': () => Object.assign(new Error('x'), { name: Symbol(SECRET) }),
  'an error whose name is a message': () => Object.assign(new Error('x'), { name: `${SECRET}password` }),
  'a proxy that answers nothing': () =>
    new Proxy(new Error('x'), {
      get: () => {
        throw new Error(SECRET);
      },
      getPrototypeOf: () => {
        throw new Error(SECRET);
      },
    }),
  undefined: () => undefined,
};
for (const [what, odd] of Object.entries(oddities)) {
  test(`a serializer that throws ${what} fails nobody's call and shows nothing`, async (t) => {
    let failing = true;
    const thrown = odd();
    const serializer: Serializer = {
      format: 'own',
      serialize: () => {
        if (failing) throw thrown;
        return Buffer.from(SECRET);
      },
      deserialize: () => {
        throw thrown;
      },
    };
    for (const key of [{ masterKey }, {}]) {
      failing = true;
      const errors: unknown[] = [];
      const cache = createCache({ ...key, serializer, namespace: 'n', onError: (error) => errors.push(error) });
      const load = cache.wrap({ operation: 'o' })(async () => 'value');
      t.is(await load(), 'value');
      t.is(errors[0], thrown);
      failing = false;
      t.is(await load(), 'value');
      t.is(await load(), 'value');
      const error = errors[1] as Error & { code: string };
      t.is(error.code, 'ERR_SERIALIZATION');
      t.false(error.message.includes(SECRET));
    }
    const wrapper = new EncryptionWrapper({ masterKey, serializer });
    const sealed = wrapper.serialize(1, context);
    t.throws(() => wrapper.deserialize(sealed, context), { code: 'ERR_SERIALIZATION' });
    await t.throwsAsync(() => wrapper.deserializeAsync(sealed, context), { code: 'ERR_SERIALIZATION' });
    const [result] = wrapper.deserializeMany([{ sealed, ...context }]);
    t.is(result?.ok === false && (result.error as { code?: string }).code, 'ERR_SERIALIZATION');
  });
}

test('a serializer that returns a revoked proxy has read nothing', async (t) => {
  const serializer: Serializer = { format: 'own', serialize: () => Buffer.alloc(1), deserialize: revoked };
  const cache = createCache({ masterKey, serializer, namespace: 'n' });
  const load = cache.wrap({ operation: 'o' })(async () => 'value');
  t.deepEqual([await load(), await load()], ['value', 'value']);
});

test.serial('the warning of a value that was not cached says what was wrong with the serializer', async (t) => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  const serializer = { format: 'own', serialize: async () => Buffer.alloc(1), deserialize: () => 1 };
  const cache = createCache({ masterKey, serializer: serializer as unknown as Serializer, namespace: 'n' });
  t.is(await cache.wrap({ operation: 'o' })(async () => 'value')(), 'value');
  t.regex((await warned).message, /not cached: What a serializer returns must be a Uint8Array, not a Promise/);
});

import test from 'ava';
import { EncryptionWrapper, JsonSerializer, Keyring, type Serializer, StandardSerializer } from '../../index.js';
import { encodeInteropArgs } from '../../src/protocol/index.js';

/* Values whose getters and proxies run a stranger's code in the middle of a call. */

const masterKey = Buffer.alloc(32, 8);
const context = { cacheKey: 'k' };
const wires = ['protocol', 'interop', 'python'] as const;

for (const wire of wires) {
  test(`a getter that seals, opens and makes keys of its own does not disturb the value around it: ${wire}`, (t) => {
    using wrapper = new EncryptionWrapper<unknown>({ masterKey, wire });
    const inner: Buffer[] = [];
    const nested = (depth: number): object => ({
      before: 'x'.repeat(100),
      get inside() {
        if (depth === 0) return 'innermost';
        const sealed = wrapper.serialize(nested(depth - 1), { cacheKey: `inner ${depth}` });
        inner.push(sealed, ...wrapper.serializeMany([{ value: depth, cacheKey: `many ${depth}` }]));
        wrapper.deserialize(sealed, { cacheKey: `inner ${depth}` });
        encodeInteropArgs([
          {
            get a() {
              return encodeInteropArgs([depth]).length;
            },
          },
        ]);
        return depth;
      },
      after: new Uint8Array(50).fill(depth),
    });
    const sealed = wrapper.serialize(nested(4), context);
    t.deepEqual(wrapper.deserialize(sealed, context), {
      before: 'x'.repeat(100),
      inside: 4,
      after: new Uint8Array(50).fill(4),
    });
    t.is(inner.length, 8);
    t.true(inner.every((bytes) => bytes.length > 28));
  });
}

test('a getter that rotates or destroys the keys leaves a value that opens, or an error', (t) => {
  const other = Buffer.alloc(32, 9);
  const rotating = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper<unknown>({ keyring: rotating });
  const sealed = wrapper.serialize(
    {
      get a() {
        rotating.startRotation(other);
        return 1;
      },
    },
    context,
  );
  t.deepEqual(wrapper.deserialize(sealed, context), { a: 1 });
  t.is(wrapper.inspect(sealed).header?.keyVersion, 1);
  const doomed = new Keyring({ masterKey });
  const last = new EncryptionWrapper<unknown>({ keyring: doomed });
  t.throws(
    () =>
      last.serialize(
        {
          get a() {
            doomed.destroy();
            return 1;
          },
        },
        context,
      ),
    { code: 'ERR_KEY' },
  );
  const own = new EncryptionWrapper<unknown>({ masterKey });
  t.throws(
    () =>
      own.serialize(
        {
          get a() {
            own.destroy();
            return 1;
          },
        },
        context,
      ),
    { code: 'ERR_KEY' },
  );
});

test('the cache key and tenant of a context are read once', (t) => {
  using wrapper = new EncryptionWrapper<unknown>({ masterKey });
  let reads = 0;
  const changing = {
    get cacheKey() {
      return `key ${reads++}`;
    },
    get tenantId() {
      return `tenant ${reads++}`;
    },
  };
  const sealed = wrapper.serialize(1, changing);
  t.is(reads, 2);
  t.is(wrapper.deserialize(sealed, { cacheKey: 'key 0', tenantId: 'tenant 1' }), 1);
});

test('a value that changes while it is written is one well-formed document, or is refused', (t) => {
  const bytes = new Uint8Array(64).fill(7);
  const growing: unknown[] = [];
  growing.push(
    {
      get a() {
        growing.push(1, 2, 3);
        return 0;
      },
    },
    'last',
  );
  const shrinking: unknown[] = [
    {
      get a() {
        shrinking.length = 1;
        return 0;
      },
    },
    1,
    2,
    3,
  ];
  const adding: Record<string, unknown> = {
    get a() {
      adding.z = 1;
      return 0;
    },
    b: 1,
  };
  const removing: Record<string, unknown> = {
    get a() {
      delete removing.b;
      return 0;
    },
    b: 1,
    c: 2,
  };
  const detaching = {
    get a() {
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      return 0;
    },
    bytes,
  };
  const endless = new Proxy(
    {},
    { ownKeys: () => ['a', 'b'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) },
  );
  const lying = new Proxy([1, 2, 3], { get: (of, name) => (name === 'length' ? 2 ** 32 - 1 : Reflect.get(of, name)) });
  const throwing = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('a trap');
      },
    },
  );
  const values = { growing, shrinking, adding, removing, detaching, endless, lying, throwing };
  for (const serializer of [new StandardSerializer(), new JsonSerializer()] as Serializer[]) {
    for (const [name, value] of Object.entries(values)) {
      let payload: Uint8Array;
      try {
        payload = serializer.serialize(value);
      } catch (error) {
        t.true(error instanceof Error, name);
        continue;
      }
      t.notThrows(() => serializer.deserialize(payload), name);
    }
  }
});

test('a serializer of a stranger that keeps, changes or lies about its bytes hurts nobody else', (t) => {
  const kept: Uint8Array[] = [];
  const memory = new Uint8Array(100_000);
  const own: Serializer<number> = {
    format: 'own',
    serialize: (value) => memory.fill(value).subarray(0, 50_000),
    deserialize: (payload) => {
      kept.push(payload);
      return payload[0] as number;
    },
  };
  using wrapper = new EncryptionWrapper<number>({ masterKey, serializer: own });
  const many = wrapper.serializeMany([1, 2, 3].map((value) => ({ value, cacheKey: `k${value}` })));
  const one = wrapper.serialize(4, context);
  t.deepEqual(
    wrapper.deserializeMany(many.map((sealed, i) => ({ sealed, cacheKey: `k${i + 1}` }))),
    [1, 2, 3].map((value) => ({ ok: true, value })),
  );
  t.is(wrapper.deserialize(one, context), 4);
  t.deepEqual(
    kept.map((payload) => new Set(payload)),
    [1, 2, 3, 4].map((value) => new Set([value])),
  );
  for (const returned of [null, 'text', [1], new Uint16Array(4), Promise.resolve(new Uint8Array(1))]) {
    const lying = { format: 'own', serialize: () => returned as never, deserialize: () => 0 };
    t.throws(() => new EncryptionWrapper({ masterKey, serializer: lying }).serialize(1, context), {
      instanceOf: TypeError,
    });
  }
});

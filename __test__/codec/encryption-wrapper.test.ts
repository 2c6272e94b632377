import { inspect } from 'node:util';
import test from 'ava';
import {
  ArrowSerializer,
  AuthenticationError,
  ConfigurationError,
  EncryptionWrapper,
  InteropSerializer,
  JsonSerializer,
  KeyError,
  Keyring,
  SealedFormatError,
  Sealer,
  type Serializer,
  StandardSerializer,
} from '../../index.js';
import { createAad } from '../../src/protocol/index.js';

const masterKey = '42'.repeat(32);
const context = { cacheKey: 'users:1' };
const value = { name: 'Ada', tags: ['a', 'b'], age: 36 };

/** A serializer of somebody's own, which keeps what it is given and returns the same array each time. */
class Upper implements Serializer<string> {
  readonly format: string = 'upper';
  readonly seen: Uint8Array[] = [];
  readonly #bytes = new Uint8Array(64);

  serialize(text: string): Uint8Array {
    const length = Buffer.from(this.#bytes.buffer).write(text.toUpperCase());
    return this.#bytes.subarray(0, length);
  }

  deserialize(payload: Uint8Array): string {
    this.seen.push(payload);
    return Buffer.from(payload).toString();
  }
}

test('values round trip through every serializer, sync, async and in a batch', async (t) => {
  for (const serializer of [new StandardSerializer(), new JsonSerializer(), undefined]) {
    const wrapper = new EncryptionWrapper({ masterKey, serializer });
    const sealed = wrapper.serialize(value, context);
    t.false(sealed.includes('Ada'));
    t.deepEqual(wrapper.deserialize(sealed, context), value);
    t.deepEqual(await wrapper.deserializeAsync(sealed, context), value);
    t.deepEqual(wrapper.deserialize(await wrapper.serializeAsync(value, context), context), value);
    const batch = wrapper.serializeMany([
      { value, ...context },
      { value: 7, cacheKey: 'b' },
    ]);
    t.deepEqual(
      wrapper.deserializeMany([
        { sealed: batch[0]!, ...context },
        { sealed: batch[1]!, cacheKey: 'b' },
      ]),
      [
        { ok: true, value },
        { ok: true, value: 7 },
      ],
    );
  }
});

test('every size round trips, compressible and not, around each internal boundary', async (t) => {
  const wrapper = new EncryptionWrapper<Uint8Array>({ masterKey });
  const json = new EncryptionWrapper<string>({ masterKey, serializer: new JsonSerializer() });
  for (const size of [0, 1, 63, 64, 255, 256, 3900, 4096, 4097, 65_400, 65_536, 65_537, 70_000, 300_000, 1_200_000]) {
    const random = new Uint8Array(size);
    for (let i = 0; i < size; i++) random[i] = Math.imul(i ^ 0x9e37, 0x85eb_ca6b) >>> 13;
    for (const bytes of [random, new Uint8Array(size)]) {
      const sync = wrapper.deserialize(wrapper.serialize(bytes, context), context);
      const off = await wrapper.deserializeAsync(await wrapper.serializeAsync(bytes, context), context);
      // Compared by hand: an assertion library enumerates every byte.
      t.true(Buffer.compare(sync, bytes) === 0 && Buffer.compare(off, bytes) === 0, `${size} bytes`);
    }
    t.is(json.deserialize(json.serialize('x'.repeat(size), context), context).length, size);
  }
});

test('a sealed value is a plain protocol ciphertext: a Sealer with the documented AAD opens it', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, tenantId: 'acme' });
  const sealer = new Sealer(masterKey, 'acme');
  const aad = createAad({ tenantId: 'acme', cacheKey: 'users:1', format: 'msgpack', compressed: true });
  const envelope = sealer.open(wrapper.serialize(value, context), aad);
  t.is(envelope[0], 0x94);
});

test('another tenant, key or master key opens nothing, always with the same error', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const sealed = wrapper.serialize(value, context);
  const attempts = [
    () => wrapper.deserialize(sealed, { cacheKey: 'users:2' }),
    () => wrapper.deserialize(sealed, { ...context, tenantId: 'other' }),
    () => new EncryptionWrapper({ masterKey: '43'.repeat(32) }).deserialize(sealed, context),
    () => new EncryptionWrapper({ masterKey, serializer: new JsonSerializer() }).deserialize(sealed, context),
    () => wrapper.deserialize(sealed.subarray(0, 20), context),
    () => wrapper.deserialize(Buffer.alloc(0), context),
  ];
  const messages = attempts.map((attempt) => t.throws(attempt, { instanceOf: AuthenticationError })!.message);
  t.is(new Set(messages).size, 1);
});

test("a user's serializer gets bytes of its own, and its bytes are sealed before it can change them", async (t) => {
  const serializer = new Upper();
  const wrapper = new EncryptionWrapper({ masterKey, serializer });
  const one = wrapper.serialize('one', context);
  const two = wrapper.serialize('two', context);
  const pending = wrapper.serializeAsync('three', context);
  const four = wrapper.serialize('four', context);
  t.is(wrapper.deserialize(one, context), 'ONE');
  t.is(wrapper.deserialize(two, context), 'TWO');
  t.is(wrapper.deserialize(four, context), 'FOUR');
  t.is(wrapper.deserialize(await pending, context), 'THREE');
  t.deepEqual(
    serializer.seen.map((bytes) => Buffer.from(bytes).toString()),
    ['ONE', 'TWO', 'FOUR', 'THREE'],
  );
  const many = wrapper.serializeMany([
    { value: 'a', ...context },
    { value: 'b', ...context },
  ]);
  t.deepEqual(wrapper.deserializeMany(many.map((sealed) => ({ sealed, ...context }))), [
    { ok: true, value: 'A' },
    { ok: true, value: 'B' },
  ]);
});

test('original type is a fifth part of the AAD only for a serializer that sets it', (t) => {
  class Typed extends Upper {
    readonly originalType = 'Shout';
    override readonly format = 'typed';
  }
  const sealed = new EncryptionWrapper({ masterKey, serializer: new Typed() }).serialize('x', context);
  const parts = { tenantId: 'default', cacheKey: 'users:1', format: 'typed', compressed: true };
  const sealer = new Sealer(masterKey, 'default');
  t.notThrows(() => sealer.open(sealed, createAad({ ...parts, originalType: 'Shout' })));
  t.throws(() => sealer.open(sealed, createAad(parts)), { instanceOf: AuthenticationError });
});

test('each wire carries the serializers of its table and refuses the others', (t) => {
  const refused: [string, Serializer][] = [
    ['interop', new StandardSerializer()],
    ['interop', new JsonSerializer()],
    ['interop', new ArrowSerializer()],
    ['interop', new Upper()],
    ['python', new Upper()],
    ['python', new InteropSerializer()],
  ];
  for (const [wire, serializer] of refused) {
    t.throws(() => new EncryptionWrapper({ masterKey, wire: wire as 'interop', serializer }), {
      instanceOf: ConfigurationError,
    });
  }
  for (const wire of ['interop', 'python'] as const) {
    const wrapper = new EncryptionWrapper({ masterKey, wire });
    t.deepEqual(wrapper.deserialize(wrapper.serialize(value, context), context), value);
    t.throws(() => new EncryptionWrapper({ masterKey, wire, rotationHeader: 'always' }), {
      instanceOf: ConfigurationError,
    });
  }
});

test('a python frame is what Python writes, and a header that was changed is refused', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, wire: 'python' });
  const sealed = wrapper.serialize(value, context);
  const headerLen = sealed.readUInt32BE(3);
  const header = sealed.toString('utf8', 7, 7 + headerLen);
  t.regex(
    header,
    /^\{"s": "default", "m": \{"format": "msgpack", "encoding": "utf-8", "compressed": true, "original_type": "msgpack", "encrypted": true, "tenant_id": "default", "encryption_algorithm": "AES-256-GCM", "key_fingerprint": "[0-9a-f]{32}"\}, "v": "2.0"\}$/,
  );
  const changed = (from: string, to: string) => {
    const text = header.replace(from, to);
    const prefix = Buffer.alloc(7);
    sealed.copy(prefix, 0, 0, 3);
    prefix.writeUInt32BE(Buffer.byteLength(text), 3);
    return Buffer.concat([prefix, Buffer.from(text), sealed.subarray(7 + headerLen)]);
  };
  t.deepEqual(wrapper.deserialize(changed('", "', '","'), context), value, 'spacing is free');
  const refusals: [Buffer, string][] = [
    [changed('"encrypted": true', '"encrypted": false'), 'ERR_SEALED_FORMAT'],
    [changed('"s": "default"', '"s": "orjson"'), 'ERR_SEALED_FORMAT'],
    [changed('"tenant_id": "default", ', ''), 'ERR_SEALED_FORMAT'],
    [changed('"tenant_id": "default"', '"tenant_id": "other"'), 'ERR_AUTHENTICATION'],
    [changed('"compressed": true', '"compressed": false'), 'ERR_AUTHENTICATION'],
    [changed('"original_type": "msgpack"', '"original_type": null'), 'ERR_AUTHENTICATION'],
    [changed('"format": "msgpack"', '"format": "pickle"'), 'ERR_SEALED_FORMAT'],
    [sealed.subarray(7 + headerLen), 'ERR_SEALED_FORMAT'],
    [sealed.subarray(0, 5), 'ERR_SEALED_FORMAT'],
  ];
  for (const [bytes, code] of refusals) t.throws(() => wrapper.deserialize(bytes, context), { code });
  t.throws(() => new EncryptionWrapper({ masterKey: '43'.repeat(32), wire: 'python' }).deserialize(sealed, context), {
    code: 'ERR_UNKNOWN_KEY',
  });
});

test('a wire never reads the bytes of another', (t) => {
  const wrappers = (['protocol', 'interop', 'python'] as const).map(
    (wire) => new EncryptionWrapper({ masterKey, wire }),
  );
  for (const writer of wrappers) {
    const sealed = writer.serialize(value, context);
    for (const reader of wrappers) {
      if (reader === writer) continue;
      t.throws(() => reader.deserialize(sealed, context), { any: true });
    }
  }
});

test('a batch has one result an item, and a writer that fails returns nothing', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const items = [1, 2, 3].map((n) => ({ value: n, cacheKey: `k${n}`, tenantId: n === 2 ? 'two' : undefined }));
  const sealed = wrapper.serializeMany(items);
  const read = items.map(({ cacheKey, tenantId }, i) => ({ sealed: sealed[i]!, cacheKey, tenantId }));
  read[0]!.cacheKey = 'swapped';
  const results = wrapper.deserializeMany(read);
  t.deepEqual(
    results.map((result) => result.ok),
    [false, true, true],
  );
  t.true(results[0]!.ok === false && results[0]!.error instanceof AuthenticationError);
  t.throws(() => wrapper.serializeMany([items[0]!, { value: () => 1, cacheKey: 'x' }]), { code: 'ERR_SERIALIZATION' });
  t.deepEqual(wrapper.serializeMany([]), []);
  t.deepEqual(wrapper.deserializeMany([]), []);
});

test('a batch mixes old and new keys, small and very compressible values', (t) => {
  const keyring = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper<unknown>({ keyring });
  const bare = wrapper.serialize('bare', context);
  keyring.stage('43'.repeat(32));
  const withHeader = wrapper.serialize('header', context);
  keyring.startRotation('43'.repeat(32));
  const zeros = new Uint8Array(20_000_000);
  const sealed = [
    bare,
    withHeader,
    ...wrapper.serializeMany([
      { value: zeros, ...context },
      { value: 'new', ...context },
    ]),
  ];
  const results = wrapper.deserializeMany(sealed.map((bytes) => ({ sealed: bytes, ...context })));
  const values = results.map((result) => (result.ok ? result.value : result.error));
  t.deepEqual([values[0], values[1], values[3]], ['bare', 'header', 'new']);
  t.is(Buffer.compare(values[2] as Uint8Array, zeros), 0);
});

test('inspect tells header and sizes without a key, and nothing secret', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, rotationHeader: 'always' });
  const sealed = wrapper.serialize(value, context);
  const seen = wrapper.inspect(sealed);
  t.like(seen, { wire: 'protocol', length: sealed.length, plaintextLen: sealed.length - 60 });
  t.is(seen.header?.keyVersion, 0);
  t.is(typeof seen.instanceId, 'bigint');
  t.false(inspect(wrapper, { depth: Number.POSITIVE_INFINITY, showHidden: true }).includes('4242'));
  t.throws(() => new EncryptionWrapper({ masterKey, wire: 'python' }).inspect(sealed), {
    instanceOf: SealedFormatError,
  });
});

test('wrong options are errors at construction', (t) => {
  const wrong: [object, { instanceOf: abstract new () => Error }][] = [
    [{ masterKey, keyring: new Keyring({ masterKey }) }, { instanceOf: ConfigurationError as never }],
    [{}, { instanceOf: ConfigurationError as never }],
    [{ masterKey, wire: 'soap' }, { instanceOf: RangeError }],
    [{ masterKey, nonces: 'lucky' }, { instanceOf: RangeError }],
    [{ masterKey, rotationHeader: true }, { instanceOf: TypeError }],
    [{ masterKey, tenantId: '' }, { instanceOf: RangeError }],
    [{ masterKey, tenantId: 'x'.repeat(1025) }, { instanceOf: RangeError }],
    [{ masterKey, serializer: {} }, { instanceOf: TypeError }],
    [{ masterKey, compress: 'no' }, { instanceOf: TypeError }],
    [{ keyring: {} }, { instanceOf: TypeError }],
    [[], { instanceOf: TypeError }],
  ];
  for (const [options, expected] of wrong)
    t.throws(() => new EncryptionWrapper(options), expected as never, inspect(options));
});

test('an option that there is not is refused by its name, which may be one that was to keep tenants apart', (t) => {
  for (const name of ['tenantID', 'onError', 'previousMasterKeys']) {
    t.throws(() => new EncryptionWrapper({ masterKey, [name]: 'rosebud' } as never), {
      instanceOf: ConfigurationError,
      message: `Unknown option '${name}'. Known options: serializer, masterKey, keyring, tenantId, wire, rotationHeader, nonces, compress`,
    });
  }
});

test('wrong contexts are TypeError or RangeError', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  t.throws(() => wrapper.serialize(1, undefined as never), { instanceOf: TypeError });
  t.throws(() => wrapper.serialize(1, { cacheKey: '' }), { instanceOf: RangeError });
  t.throws(() => wrapper.serialize(1, { cacheKey: 'a\udc00' }), { instanceOf: TypeError });
  t.throws(() => wrapper.serialize(1, { cacheKey: 'a', tenantId: '' }), { instanceOf: RangeError });
  t.throws(() => wrapper.deserialize('sealed' as never, context), { instanceOf: TypeError });
});

test('without compression a length does not depend on the content', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, compress: false });
  const [same, mixed] = [
    'a'.repeat(2000),
    Array.from({ length: 2000 }, (_, i) => String.fromCharCode(97 + ((i * 7 + (i >> 3)) % 26))).join(''),
  ];
  t.true(Math.abs(wrapper.serialize(same, context).length - wrapper.serialize(mixed, context).length) < 20);
  t.is(wrapper.deserialize(wrapper.serialize(same, context), context), same);
  t.is(new EncryptionWrapper({ masterKey }).deserialize(wrapper.serialize(same, context), context), same);
});

test('a class that extends a serializer and has its own bytes is nobody that the wrapper knows', (t) => {
  class Reversed extends StandardSerializer {
    readonly #bytes = new Uint8Array(2_500_000);
    override serialize(item: unknown): Uint8Array {
      const payload = super.serialize(item);
      this.#bytes.set(payload.reverse());
      return this.#bytes.subarray(0, payload.length);
    }
    override deserialize(payload: Uint8Array): unknown {
      return super.deserialize(new Uint8Array(payload).reverse());
    }
  }
  const wrapper = new EncryptionWrapper({ masterKey, serializer: new Reversed() });
  t.deepEqual(wrapper.deserialize(wrapper.serialize(value, context), context), value);
  const values = ['a'.repeat(2_000_000), 'b'.repeat(2_000_000)];
  const sealed = wrapper.serializeMany(values.map((text) => ({ value: text, ...context })));
  const opened = wrapper.deserializeMany(sealed.map((bytes) => ({ sealed: bytes, ...context })));
  t.true(opened.every((result, i) => result.ok && result.value === values[i]));
});

test("what a user's serializer says of a payload reaches nobody: parsers quote what they read", (t) => {
  const serializer: Serializer = {
    format: 'quoting',
    serialize: (text) => Buffer.from(String(text)),
    deserialize: (payload) => JSON.parse(Buffer.from(payload).toString()),
  };
  const wrapper = new EncryptionWrapper({ masterKey, serializer });
  const sealed = wrapper.serialize('SECRET', context);
  const error = t.throws(() => wrapper.deserialize(sealed, context), {
    code: 'ERR_SERIALIZATION',
    message: /SyntaxError/,
  });
  t.false(inspect(error, { showHidden: true, depth: 10 }).includes('SECRET'));
});

test('the results of a batch cannot be transferred from under each other', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  for (const size of [10, 100_000]) {
    const items = [1, 2].map((n) => ({ value: new Uint8Array(size).fill(n), ...context }));
    const [one, two] = wrapper.serializeMany(items) as [Buffer, Buffer];
    const before = two.length;
    try {
      // Node 20 clones instead, later ones throw a DataCloneError.
      structuredClone(one, { transfer: [one.buffer as ArrayBuffer] });
    } catch (error) {
      t.is((error as Error).name, 'DataCloneError');
    }
    t.is(two.length, before);
  }
});

test('random nonces differ in their first half from value to value', (t) => {
  const wrapper = new EncryptionWrapper({ masterKey, nonces: 'random' });
  const ids = new Set(Array.from({ length: 50 }, () => wrapper.inspect(wrapper.serialize(1, context)).instanceId));
  t.is(ids.size, 50);
  const counted = new EncryptionWrapper({ masterKey });
  t.is(new Set(Array.from({ length: 50 }, () => counted.inspect(counted.serialize(1, context)).instanceId)).size, 1);
});

test("a signal's own addEventListener cannot bind a value to another cache key", async (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const other = { cacheKey: 'users:2' };
  const { signal } = new AbortController();
  signal.addEventListener = () => {
    wrapper.serialize(1, other);
  };
  const sealed = await wrapper.serializeAsync(value, { ...context, signal });
  t.deepEqual(wrapper.deserialize(sealed, context), value);
  t.throws(() => wrapper.deserialize(sealed, other), { instanceOf: AuthenticationError });
  t.deepEqual(await wrapper.deserializeAsync(sealed, { ...context, signal }), value);
});

test('an aborted signal rejects with its reason', async (t) => {
  const wrapper = new EncryptionWrapper({ masterKey });
  const signal = AbortSignal.abort(new Error('enough'));
  await t.throwsAsync(wrapper.serializeAsync(1, { ...context, signal }), { message: 'enough' });
  await t.throwsAsync(wrapper.deserializeAsync(wrapper.serialize(1, context), { ...context, signal }), {
    message: 'enough',
  });
});

test('work under way finishes after destroy, and later use is a KeyError', async (t) => {
  const wrapper = new EncryptionWrapper<Uint8Array>({ masterKey });
  const big = new Uint8Array(3_000_000).fill(7);
  const pending = wrapper.serializeAsync(big, context);
  wrapper.destroy();
  const sealed = await pending;
  t.throws(() => wrapper.deserialize(sealed, context), { instanceOf: KeyError });
  const opened = new EncryptionWrapper<Uint8Array>({ masterKey }).deserialize(sealed, context);
  t.is(Buffer.compare(opened, big), 0);
});

import test from 'ava';
import { EncryptionWrapper, JsonSerializer, Sealer } from '../../index.js';
import { runNode, supportFile } from '../support/child.js';

/* Whoever is given bytes can read all of the memory that they lie in, and can take it away. */

const masterKey = Buffer.alloc(32, 4);
const aad = Buffer.from('aad');

/** Takes away the memory of bytes, all of it. */
async function take(bytes: Uint8Array): Promise<void> {
  const start = (controller: ReadableByteStreamController) => {
    controller.enqueue(bytes);
    controller.close();
  };
  for await (const chunk of new ReadableStream({ type: 'bytes', start })) void chunk;
}

test.serial('around every result there are zeros or other results', async (t) => {
  const env = { MALLOC_PERTURB_: '90' };
  const { stdout, stderr, code } = await runNode(supportFile('memory-around.ts'), [], { env });
  t.is(code, 0, stderr);
  const { dirty, shared, slabs, results } = JSON.parse(String(stdout));
  t.deepEqual(
    Object.entries(dirty).filter(([, count]) => count !== 0),
    [],
  );
  t.deepEqual(shared, []);
  t.true(slabs > 1 && results > 1000, `${slabs} slabs, ${results} results`);
});

test.serial('small results go on when the memory of one is taken away', async (t) => {
  const sealer = new Sealer(masterKey, 't');
  const plaintext = Buffer.from('a plaintext');
  for (let round = 0; round < 3; round++) {
    const sealed = sealer.seal(plaintext, aad);
    await take(sealed);
    t.is(sealed.buffer.byteLength, 0, 'it was taken away');
    for (let i = 0; i < 500; i++) {
      const again = sealer.seal(plaintext, aad);
      const opened = sealer.open(again, aad);
      if (!opened.equals(plaintext)) return t.fail(`seal ${i}`);
      if (i % 100 === 0) await take(opened);
    }
    await take(sealer.seal(Buffer.alloc(0), aad));
    t.deepEqual(sealer.open(sealer.seal(Buffer.alloc(0), aad), aad), Buffer.alloc(0));
  }
});

const wrappers = {
  protocol: {},
  headed: { rotationHeader: 'always' },
  json: { serializer: new JsonSerializer() },
  interop: { wire: 'interop' },
  python: { wire: 'python' },
} as const;
for (const [name, options] of Object.entries(wrappers)) {
  test.serial(`${name}: values go on when the memory of one, or of a batch, is taken away`, async (t) => {
    const wrapper = new EncryptionWrapper<unknown>({ masterKey, ...options });
    const context = { cacheKey: 'k' };
    for (const size of [10, 3_000, 50_000, 100_000]) {
      const value = { text: 'é'.repeat(size / 2) };
      const items = [1, 2, 3].map(() => ({ value, ...context }));
      const many = () => wrapper.serializeMany(items).map((sealed) => ({ sealed, ...context }));
      await take(wrapper.serialize(value, context));
      t.deepEqual(wrapper.deserialize(wrapper.serialize(value, context), context), value);
      await take((many()[1] as { sealed: Buffer }).sealed);
      t.deepEqual(
        wrapper.deserializeMany(many()),
        [1, 2, 3].map(() => ({ ok: true as const, value })),
      );
      await take(wrapper.serialize(value, context));
      t.deepEqual(
        wrapper.deserializeMany(many()),
        [1, 2, 3].map(() => ({ ok: true as const, value })),
      );
    }
  });
}

test.serial("a user's serializer may give away what it gets and what it returns", async (t) => {
  const taken: Promise<void>[] = [];
  const wrapper = new EncryptionWrapper<string>({
    masterKey,
    serializer: {
      format: 'own',
      serialize: (value: string) => Buffer.from(value),
      deserialize: (bytes) => {
        const value = Buffer.from(bytes).toString();
        taken.push(take(bytes));
        return value;
      },
    },
  });
  const standard = new EncryptionWrapper<unknown>({ masterKey });
  for (const size of [1, 1_000, 50_000, 200_000]) {
    const value = 'v'.repeat(size);
    const sealed = wrapper.serialize(value, { cacheKey: 'k' });
    t.is(wrapper.deserialize(sealed, { cacheKey: 'k' }), value);
    t.is(await wrapper.deserializeAsync(sealed, { cacheKey: 'k' }), value);
    t.is(
      await wrapper.deserializeAsync(await wrapper.serializeAsync(value, { cacheKey: 'k' }), { cacheKey: 'k' }),
      value,
    );
    const results = wrapper.deserializeMany([1, 2].map(() => ({ sealed, cacheKey: 'k' })));
    t.deepEqual(
      results,
      [1, 2].map(() => ({ ok: true as const, value })),
    );
    await Promise.all(taken);
    t.is(standard.deserialize(standard.serialize(size, { cacheKey: 'k' }), { cacheKey: 'k' }), size);
  }
});

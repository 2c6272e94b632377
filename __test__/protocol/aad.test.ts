import test from 'ava';
import { AadTemplate } from '../../src/protocol/aad.js';
import { createAad } from '../../src/protocol/index.js';

const parts = { tenantId: 'default', cacheKey: 'users:1', format: 'msgpack', compressed: true };

test('the AAD is the documented bytes', (t) => {
  t.is(
    Buffer.from(createAad(parts)).toString('hex'),
    '030000000764656661756c740000000775736572733a31000000076d73677061636b0000000454727565',
  );
});

test('an original type is a fifth part; null, undefined and the empty string are none', (t) => {
  t.is(createAad({ ...parts, originalType: 'msgpack' }).length, createAad(parts).length + 4 + 7);
  for (const originalType of [null, undefined, ''])
    t.deepEqual(createAad({ ...parts, originalType }), createAad(parts));
});

test('an empty cache key is accepted and lengths are bytes, not characters', (t) => {
  const empty = createAad({ ...parts, cacheKey: '' });
  t.is(empty.length, createAad(parts).length - 7);
  for (const cacheKey of ['ключ🔑', 'é', 'naïve', `${'x'.repeat(41)}é`]) {
    const wide = Buffer.from(createAad({ ...parts, cacheKey }));
    t.is(wide.readUInt32BE(1 + 4 + 7), Buffer.byteLength(cacheKey));
    t.is(wide.toString('utf8', 1 + 4 + 7 + 4, 1 + 4 + 7 + 4 + Buffer.byteLength(cacheKey)), cacheKey);
  }
});

test('a template writes what createAad does, for short, long and wide keys in any order', (t) => {
  const template = new AadTemplate('tenant', 'own-format', false, 'Thing');
  // Some as long as the one before, in bytes; one of those needs more room, because it has more characters.
  const same = ['ab', 'cd', 'é', 'ef', 'é'.repeat(60), 'x'.repeat(120), 'y'.repeat(40), 'z'.repeat(41), 'y'.repeat(41)];
  for (const cacheKey of ['a', ...same, 'x'.repeat(5000), '🔑'.repeat(300), '', 'b', 'é'.repeat(257), 'a']) {
    const length = template.write(cacheKey);
    const expected = createAad({
      tenantId: 'tenant',
      cacheKey,
      format: 'own-format',
      compressed: false,
      originalType: 'Thing',
    });
    t.deepEqual(new Uint8Array(template.scratch.subarray(0, length)), expected);
    t.is(template.scratch.toString('utf8', length, length + template.formatLen), 'own-format');
  }
});

test('every call returns an array of its own', (t) => {
  const first = createAad(parts);
  const copy = Uint8Array.from(first);
  const second = createAad({ ...parts, cacheKey: 'other' });
  t.not(first.buffer, second.buffer);
  t.deepEqual(first, copy);
});

test('a lone surrogate is refused, since it would share the AAD of U+FFFD', (t) => {
  for (const name of ['tenantId', 'cacheKey', 'format', 'originalType'] as const) {
    t.throws(() => createAad({ ...parts, [name]: 'a\ud800' }), { instanceOf: TypeError, message: /lone surrogate/ });
  }
});

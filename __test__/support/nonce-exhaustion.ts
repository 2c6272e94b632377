import * as arrow from 'apache-arrow';
import { ArrowSerializer, EncryptionWrapper, Keyring, Sealer } from '../../index.js';
import { type NativeSequence, native } from '../../src/native/addon.js';

/*
 * Runs with the addon that is built with `test-hooks`: every nonce sequence starts three seals before its end, and
 * what the public API does there goes to stdout as JSON.
 */

const sequences = native.NonceSequence as unknown as { testNear(remaining: number): NativeSequence };
// The package makes its sequences by this property, and has no other way to start one elsewhere.
Object.defineProperty(native, 'NonceSequence', {
  value: function nearEnd() {
    return sequences.testNear(3);
  },
});

const masterKey = Buffer.alloc(32, 1);
const nothing = new Uint8Array(0);
const counterOf = (sealed: Uint8Array) => Buffer.from(sealed).readUInt32BE(8);
const instanceOf = (sealed: Uint8Array) => String(Buffer.from(sealed).readBigUInt64BE(0));

async function codeOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
    return 'done';
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

async function tally(times: number, work: () => unknown): Promise<Record<string, number>> {
  const codes = await Promise.all(Array.from({ length: times }, () => codeOf(work)));
  const counts: Record<string, number> = {};
  for (const code of codes) counts[String(code)] = (counts[String(code)] ?? 0) + 1;
  return counts;
}

const sealer = new Sealer(masterKey, 't');
const remaining = [sealer.sealsRemaining];
const last = Array.from({ length: 3 }, () => {
  const sealed = sealer.seal(nothing, nothing);
  remaining.push(sealer.sealsRemaining);
  return sealed;
});
const refusals = {
  seal: await tally(1000, () => sealer.seal(nothing, nothing)),
  sealInto: await tally(1000, () => sealer.sealInto(new Uint8Array(28), nothing, nothing)),
  sealInPlace: await tally(1000, () => sealer.sealInPlace(new Uint8Array(28), 0, nothing)),
  sealAsync: await tally(1000, () => sealer.sealAsync(nothing, nothing)),
};
const stillOpens = last.every((sealed) => sealer.open(sealed, nothing).length === 0);

// A mixture that reaches the end while work is pending on the pool.
const racing = new Sealer(masterKey, 't');
const race = await tally(500, () => racing.sealAsync(nothing, nothing));

const keyring = new Keyring({ masterKey });
const wrapper = new EncryptionWrapper<unknown>({ keyring });
const context = { cacheKey: 'k' };
const stored: Buffer[] = [];
for (let i = 0; i < 10; i++) stored.push(wrapper.serialize(i, context));
stored.push(...(await Promise.all(Array.from({ length: 10 }, (_, i) => wrapper.serializeAsync(10 + i, context)))));
for (let i = 0; i < 5; i++) {
  stored.push(
    ...wrapper.serializeMany([
      { value: 20 + 2 * i, ...context },
      { value: 21 + 2 * i, ...context },
    ]),
  );
}
// Sealed in place: what the sequence refuses must still be there to be sealed with the next one.
const tables = new EncryptionWrapper<arrow.Table>({ keyring, serializer: new ArrowSerializer({ arrow }) });
const table = arrow.tableFromArrays({ bytes: new Uint8Array(10_000).fill(9) });
const sealedTables: Buffer[] = [];
for (let i = 0; i < 10; i++) sealedTables.push(tables.serialize(table, context));
sealedTables.push(...(await Promise.all(Array.from({ length: 10 }, () => tables.serializeAsync(table, context)))));
const expected = Buffer.from(arrow.tableToIPC(table, 'file'));
const wrongTables = sealedTables.filter(
  (sealed) => !expected.equals(arrow.tableToIPC(tables.deserialize(sealed, context), 'file')),
);
const random = new EncryptionWrapper<unknown>({ masterKey, nonces: 'random' });

console.log(
  JSON.stringify({
    remaining,
    counters: last.map(counterOf),
    refusals,
    remainingAfter: sealer.sealsRemaining,
    stillOpens,
    race,
    tables: {
      wrong: wrongTables.length,
      nonces: sealedTables.map((sealed) => `${instanceOf(sealed)}:${counterOf(sealed)}`),
    },
    keyring: {
      values: stored.map((sealed) => wrapper.deserialize(sealed, context)),
      nonces: stored.map((sealed) => `${instanceOf(sealed)}:${counterOf(sealed)}`),
    },
    random: await tally(10, () => random.serialize(1, context)),
  }),
);

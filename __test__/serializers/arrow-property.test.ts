import { deepStrictEqual } from 'node:assert';
import * as arrow from 'apache-arrow';
import test from 'ava';
import fc from 'fast-check';
import { ArrowSerializer } from '../../index.js';
import { exactColumns, Random, randomTable, unevenTable } from '../support/arrow-tables.js';
import { holds } from '../support/properties.js';

const plain = new ArrowSerializer({ arrow });
const lz4 = new ArrowSerializer({ arrow, compression: 'lz4' });

for (const [name, serializer, runs] of [
  ['without compression', plain, 800],
  ['with lz4', lz4, 300],
] as const) {
  test(`any table is read as it was, bit by bit, ${name}`, async (t) => {
    await holds(
      t,
      fc.property(fc.nat(), (seed) => {
        const table = randomTable(new Random(seed));
        const before = exactColumns(table);
        const read = serializer.deserialize(serializer.serialize(table));
        deepStrictEqual(exactColumns(read), before);
        deepStrictEqual(exactColumns(table), before, 'the table was changed');
        deepStrictEqual(describe(read.schema), describe(table.schema));
        deepStrictEqual(
          read.batches.filter(({ numRows }) => numRows > 0).map(({ metadata }) => [...metadata]),
          table.batches.filter(({ numRows }) => numRows > 0).map(({ metadata }) => [...metadata]),
        );
      }),
      runs,
    );
  });
}

test('columns of uneven chunks are read as they were, or refused because values are missing', async (t) => {
  let refused = 0;
  const runs = await holds(
    t,
    fc.property(fc.nat(), (seed) => {
      const table = unevenTable(new Random(seed));
      let payload: Uint8Array;
      try {
        payload = plain.serialize(table);
      } catch (error) {
        if (!/ has (fewer (rows|values)|indices outside its dictionary)/.test((error as Error).message)) throw error;
        refused++;
        return;
      }
      const read = plain.deserialize(payload);
      deepStrictEqual(exactColumns(read), exactColumns(table));
      deepStrictEqual(read.numRows, table.numRows);
    }),
    800,
  );
  t.true(refused < runs / 5, `${refused} refused`);
});

function describe(schema: arrow.Schema): unknown {
  const fields = schema.fields.map((field) => [field.name, String(field.type), field.nullable, [...field.metadata]]);
  return [fields, [...schema.metadata]];
}

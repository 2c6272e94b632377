import * as arrow from 'apache-arrow';
import test from 'ava';
import fc from 'fast-check';
import { ArrowSerializer } from '../../src/serializers/arrow.js';
import { exactColumns, Random, randomTable } from '../support/arrow-tables.js';

const plain = new ArrowSerializer({ arrow });
const lz4 = new ArrowSerializer({ arrow, compression: 'lz4' });

for (const [name, serializer, runs] of [
  ['without compression', plain, 3000],
  ['with lz4', lz4, 1000],
] as const) {
  test(`any table is read as it was, bit by bit, ${name}`, (t) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const table = randomTable(new Random(seed));
        const before = exactColumns(table);
        const read = serializer.deserialize(serializer.serialize(table));
        t.deepEqual(exactColumns(read), before);
        t.deepEqual(exactColumns(table), before, 'the table was changed');
        t.deepEqual(describe(read.schema), describe(table.schema));
        t.deepEqual(
          read.batches.filter(({ numRows }) => numRows > 0).map(({ metadata }) => [...metadata]),
          table.batches.filter(({ numRows }) => numRows > 0).map(({ metadata }) => [...metadata]),
        );
      }),
      { numRuns: runs },
    );
    t.pass();
  });
}

function describe(schema: arrow.Schema): unknown {
  const fields = schema.fields.map((field) => [field.name, String(field.type), field.nullable, [...field.metadata]]);
  return [fields, [...schema.metadata]];
}

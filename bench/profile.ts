/** Where the time of a write and a read goes, and what they allocate. */
import { randomBytes } from 'node:crypto';
import * as arrow from 'apache-arrow';
import { bytes, digits, percent } from './lib/format.js';
import { frame } from './lib/frames.js';
import { benchOptions } from './lib/options.js';
import { ArrowSerializer, EncryptionWrapper } from './lib/product.js';
import { profile } from './lib/profiling.js';
import { publish } from './lib/report.js';
import { session } from './lib/values.js';

const options = benchOptions();
const many = options.quick ? 20_000 : 1_000_000;
const masterKey = randomBytes(32);
const context = { cacheKey: 'users:42:profile' };
const value = session(256);
const wrapper = new EncryptionWrapper({ masterKey });
const sealed = wrapper.serialize(value, context);
const table = frame(10e6, true);
const frames = new EncryptionWrapper<arrow.Table>({ serializer: new ArrowSerializer({ arrow }), masterKey });

const profiles = {
  'write of 256 B': await profile(() => wrapper.serialize(value, context), many),
  'read of 256 B': await profile(() => wrapper.deserialize(sealed, context), many),
  'write of 10 MB': await profile(() => frames.serializeAsync(table, context), options.quick ? 5 : 60),
};

await publish(
  {
    name: 'profile',
    title: 'Where the time goes',
    tables: [
      {
        title: 'Memory of one',
        columns: ['', 'JavaScript heap', 'buffers', 'minor collections in a million', 'major', 'time in collections'],
        rows: Object.entries(profiles).map(([name, { heapBytes, bufferBytes, ...gc }]) => [
          name,
          bytes(Math.round(heapBytes)),
          bytes(Math.round(bufferBytes)),
          digits(gc.minorCollections),
          digits(gc.majorCollections),
          percent(gc.collecting),
        ]),
      },
      ...Object.entries(profiles).map(([name, { functions }]) => ({
        title: `Time of a ${name}, by function`,
        columns: ['', 'of the time'],
        rows: functions.map(({ name: label, part }) => [label, percent(part)]),
      })),
    ],
    data: profiles,
  },
  options,
);

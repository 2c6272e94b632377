import { runInNewContext, runInThisContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import {
  InteropSerializer,
  JsonSerializer,
  SerializationError,
  type Serializer,
  StandardSerializer,
} from '../../index.js';
import { encodeInteropArgs } from '../../src/protocol/index.js';

const node = new StandardSerializer({ types: 'node' });
const serializers: Record<string, Serializer> = {
  standard: new StandardSerializer(),
  node,
  json: new JsonSerializer(),
  interop: new InteropSerializer(),
};

const builtIns = [
  'new Map([[1, new Map([["a", new Set([2])]])]])',
  'new Set([1, new Set()])',
  'Int8Array.of(-1)',
  'Uint8ClampedArray.of(300)',
  'Int16Array.of(-1)',
  'Uint16Array.of(1)',
  'Int32Array.of(-1)',
  'Uint32Array.of(1)',
  'Float32Array.of(1.5)',
  'Float64Array.of(1.5, 2)',
  'BigInt64Array.of(-1n)',
  'BigUint64Array.of(1n)',
  'new Float64Array(new ArrayBuffer(32), 8, 2)',
  'Uint8Array.of(1, 2)',
  '({ when: new Date(5), list: [1, { a: "b" }], none: Object.create(null), empty: {} })',
];

for (const code of builtIns) {
  test(`types 'node' carries ${code} of another realm as that of its own`, (t) => {
    const payload = node.serialize(runInNewContext(code));
    t.deepEqual(payload, node.serialize(runInThisContext(code)));
    const back = node.deserialize(payload);
    t.deepEqual(node.serialize(back), payload);
  });
}

const strangers = [
  'new (class MyMap extends Map { forEach() {} })()',
  'new (class MySet extends Set { forEach() {} })()',
  'new (class MyDate extends Date { toISOString() {} })(0)',
  'new (class Own extends Array { concat() {} })()',
  'new (class Bytes extends Uint8Array {})(1)',
  'new (class Floats extends Float64Array {})(1)',
  'Object.defineProperty(class extends Uint8Array {}.prototype, "BYTES_PER_ELEMENT", { value: 1 }).constructor.of(1)',
  'new (class Point { x = 1 })()',
  'new Error("text")',
  'new String("text")',
  'new Number(1)',
  'Object.create(Map.prototype)',
  'Object.create(Set.prototype)',
  'Object.create(Date.prototype)',
  'Object.create(Float64Array.prototype)',
  'Object.create({ __proto__: null, a: 1 })',
  'Object.setPrototypeOf(new Map([[1, 2]]), null)',
  'Object.setPrototypeOf(new Set([1]), null)',
  'Object.setPrototypeOf(new Date(0), null)',
  'Object.setPrototypeOf(new Error("text"), null)',
];

for (const code of strangers) {
  test(`${code} is refused by all, of this realm and of another`, (t) => {
    for (const value of [runInNewContext(code), runInThisContext(code)]) {
      for (const [name, serializer] of Object.entries(serializers)) {
        t.throws(() => serializer.serialize(value), { instanceOf: SerializationError }, name);
        t.throws(() => serializer.serialize([{ value }]), { message: /\(at \[0\]\.value\)/ }, name);
      }
      t.throws(() => encodeInteropArgs([value]), { instanceOf: TypeError, message: /\(arguments\[0\]\)/ });
    }
  });
}

test('an argument of another realm has the key of the same one of this realm', (t) => {
  for (const code of ['new Set([1, 2])', 'new Date(1500)', '[1, { b: 1, a: new Set() }]', 'Uint8Array.of(1)']) {
    t.deepEqual(encodeInteropArgs([runInNewContext(code)]), encodeInteropArgs([runInThisContext(code)]));
  }
});

test('what a worker posts is what it is here', async (t) => {
  const code = 'require("node:worker_threads").parentPort.postMessage(new Map([[1, new Set([Float64Array.of(1)])]]))';
  const worker = new Worker(code, { eval: true });
  const value = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  t.deepEqual(node.deserialize(node.serialize(value)), new Map([[1, new Set([Float64Array.of(1)])]]));
});

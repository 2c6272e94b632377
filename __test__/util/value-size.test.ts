import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { sizeOf } from '../../src/util/value-size.js';

const MiB = 2 ** 20;

test('a value counts about what it takes', (t) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const makers: Record<string, () => unknown> = {
    rows: () => Array.from({ length: 2_000 }, (_, i) => ({ status: 'ok', n: i })),
    strings: () => Array.from({ length: 2_000 }, (_, i) => Buffer.alloc(40, `string ${i} `).toString('latin1')),
    numbers: () => Array.from({ length: 20_000 }, (_, i) => i + 0.5),
    maps: () => new Map(Array.from({ length: 2_000 }, (_, i) => [i, new Set([i])])),
    bytes: () => Array.from({ length: 100 }, () => new Uint8Array(5_000)),
    dates: () => Array.from({ length: 2_000 }, (_, i) => new Date(i)),
  };
  // Kept to the end: what of an earlier one is collected later would count for the next one.
  const kept: unknown[][] = [];
  for (const [name, make] of Object.entries(makers)) {
    gc();
    const before = process.memoryUsage();
    const values = Array.from({ length: 20 }, make);
    kept.push(values);
    gc();
    const after = process.memoryUsage();
    const taken = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    const counted = values.reduce<number>((sum, value) => sum + sizeOf(value, Number.POSITIVE_INFINITY), 0);
    t.log(`${name}: ${(counted / MiB).toFixed(1)} MiB counted, ${(taken / MiB).toFixed(1)} taken`);
    t.true(counted > taken / 2 && counted < 3 * taken, `${name}: ${counted} counted, ${taken} taken`);
  }
});

test('counting ends where it is enough, follows no circle, and runs no code of a proxy', (t) => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const trap = (): never => {
    throw new Error('a trap ran');
  };
  const proxy = new Proxy({}, { ownKeys: trap, get: trap, getOwnPropertyDescriptor: trap });
  for (const value of [circle, proxy, null, undefined, 5n, Symbol('s'), () => {}]) {
    t.true(sizeOf(value, MiB) < 200, inspect(typeof value));
  }
  t.true(
    sizeOf(
      Array.from({ length: 1_000_000 }, () => ({})),
      1_000,
    ) < 10_000,
  );
  t.true(sizeOf(Buffer.alloc(MiB).subarray(0, 10), MiB) < 500);
  const broken = Object.defineProperty({}, 'x', { enumerable: true, get: trap });
  t.true(sizeOf(broken, MiB) < 200, 'a getter is not asked');
});

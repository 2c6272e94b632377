import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';

const forAll = process.env.CACHEKIT_PROPERTY_RUNS;

/**
 * Checks a property as often as is usual for it, or as `CACHEKIT_PROPERTY_RUNS` says (npm run fuzz -- --javascript, which reads
 * what is logged), and answers how often that was. A failure has fast-check's seed and path of the counterexample.
 */
export async function holds<T>(t: ExecutionContext, property: fc.IRawProperty<T>, usual = 1000): Promise<number> {
  const runs = forAll === undefined ? usual : Number(forAll);
  const details = await fc.check(property, { numRuns: runs });
  if (details.failed) {
    const { errorInstance: cause } = details;
    throw new Error(`${fc.defaultReportMessage(details)}\n${cause}`, { cause });
  }
  assert.equal(details.numRuns, runs);
  if (forAll !== undefined) t.log(`property: ${details.numRuns} runs`);
  t.pass();
  return details.numRuns;
}

/**
 * That two values of a property are equal, with their prototypes. Not `t.deepEqual`: the difference that it makes of two large trees, and again
 * of each smaller one that fast-check tries, takes all memory, and the seed is lost with the process.
 */
export function assertEqual(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const shown = (value: unknown) =>
    inspect(value, { depth: 8, maxStringLength: 200, maxArrayLength: 50 }).slice(0, 2_000);
  throw new Error(`not equal:\n${shown(actual)}\nexpected:\n${shown(expected)}`);
}

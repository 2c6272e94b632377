import assert from 'node:assert/strict';
import suite, { keyvIteratorTests } from '@keyv/test-suite';
import type { Keyv } from 'keyv';

type Make = new (options?: object) => Keyv;
type Body = (context: { expect: Expect }) => unknown;

interface Matchers {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toBeTruthy(): void;
  toBeFalsy(): void;
  toBeNull(): void;
  toBeUndefined(): void;
  toBeDefined(): void;
}

interface Expect {
  (actual: unknown): Matchers;
  assertions(count: number): void;
}

/** One group of the suite: its tests, and what runs around each. */
interface Group {
  readonly tests: [name: string, body: Body][];
  readonly before: (() => unknown)[];
  readonly after: (() => unknown)[];
}

/**
 * Runs the tests of `@keyv/test-suite`, one after the other: it stops the clock in some. They are written for vitest,
 * of which they use no more than this has.
 *
 * @returns what each test failed with, by its name; undefined for one that passed.
 */
export async function runKeyvSuite(make: Make, store: () => unknown): Promise<Map<string, unknown>> {
  const results = new Map<string, unknown>();
  const date = Date;
  const groups = [
    group((face) => suite(face, make as never, store)),
    group((face) => keyvIteratorTests(face, make as never, store)),
  ];
  for (const { tests, before, after } of groups.flat()) {
    for (const [name, body] of tests) {
      const { expect, finish } = expectations();
      try {
        for (const hook of before) await hook();
        await body({ expect });
        finish();
        for (const hook of after) await hook();
        results.set(name, undefined);
      } catch (error) {
        results.set(name, error);
      } finally {
        // A test that fails leaves the clock stopped.
        globalThis.Date = date;
      }
    }
  }
  return results;
}

/** The suite begins each of its parts with `beforeEach`. */
function group(register: (face: never) => void): Group[] {
  const groups: Group[] = [];
  const last = () => groups.at(-1)!;
  register({
    beforeEach: (hook: () => unknown) => groups.push({ tests: [], before: [hook], after: [] }),
    afterEach: (hook: () => unknown) => last().after.push(hook),
    it: (name: string, body: Body) => last().tests.push([name, body]),
  } as never);
  return groups;
}

function expectations(): { expect: Expect; finish(): void } {
  let made = 0;
  let planned: number | undefined;
  const expect = (actual: unknown): Matchers => {
    made++;
    return {
      toBe: (expected) => assert.ok(Object.is(actual, expected), `expected ${String(expected)}`),
      toEqual: (expected) => assert.deepEqual(actual, expected),
      toBeTruthy: () => assert.ok(actual),
      toBeFalsy: () => assert.ok(!actual),
      toBeNull: () => assert.equal(actual, null),
      toBeUndefined: () => assert.equal(actual, undefined),
      toBeDefined: () => assert.notEqual(actual, undefined),
    };
  };
  expect.assertions = (count: number) => {
    planned = count;
  };
  return { expect, finish: () => assert.equal(made, planned ?? made, 'number of assertions') };
}

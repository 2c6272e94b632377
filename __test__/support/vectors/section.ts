import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Runs one check of a row through one entry point, and counts it. */
export type Via = (entryPoint: string, check: () => unknown) => Promise<void>;

/** One list of rows in a vector file, and what drives each of them. */
export interface Section {
  file: string;
  /** The list's path inside the file: `keyring.configuration.vectors`. */
  path: string;
  /** How many checks all rows together make, so that none of them can quietly stop running. */
  checks: number;
  run(row: never, via: Via): unknown;
}

export function section<Row>(
  file: string,
  path: string,
  checks: number,
  run: (row: Row, via: Via) => unknown,
): Section {
  return { file, path, checks, run: run as Section['run'] };
}

const files = new Map<string, unknown>();

/** A file of `__test__/vectors`, parsed once. */
export function vectorFile<T = Record<string, unknown>>(file: string): T {
  if (!files.has(file)) {
    files.set(file, JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), 'utf8')));
  }
  return files.get(file) as T;
}

export function rowsOf(file: string, path: string): Record<string, unknown>[] {
  let node: unknown = vectorFile(file);
  for (const name of path.split('.')) node = (node as Record<string, unknown>)[name];
  return node as Record<string, unknown>[];
}

/** Every list of objects in a file, as paths; what is inside a row is the row's own. */
export function listsIn(node: unknown, path = ''): string[] {
  if (Array.isArray(node)) return node.length > 0 && typeof node[0] === 'object' ? [path] : [];
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, child]) => listsIn(child, path === '' ? name : `${path}.${name}`));
}

export interface Exception {
  file: string;
  section: string;
  /** The row's name, or its place in the list where rows have none. */
  row: string | number;
  /** The only way of running the row that is left out; without it, the row is not run at all. */
  entryPoint?: string;
  reason: string;
}

export const exceptions = (): Exception[] => vectorFile<{ exceptions: Exception[] }>('exceptions.json').exceptions;

export const hex = (text: string): Buffer => {
  assert.match(text, /^(?:[0-9a-f]{2})*$/, 'the vector is not hex');
  return Buffer.from(text, 'hex');
};

export function assertBytesEqual(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  assert.equal(Buffer.from(actual).toString('hex'), Buffer.from(expected).toString('hex'));
}

/** That `run` throws an error of this code, or one of these built-in classes; sync or async. */
export async function assertRefused(
  run: () => unknown,
  ...expected: (string | typeof TypeError | typeof RangeError)[]
): Promise<void> {
  try {
    await run();
  } catch (error) {
    const { code } = error as { code?: string };
    const fits = expected.some((e) => (typeof e === 'string' ? code === e : (error as object).constructor === e));
    if (!fits) throw error;
    return;
  }
  assert.fail('it was accepted');
}

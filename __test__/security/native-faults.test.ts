import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { runNode, supportFile } from '../support/child.js';

const hooks = fileURLToPath(new URL('../../.build/test-hooks/', import.meta.url));
const addon = existsSync(hooks) ? readdirSync(hooks).find((name) => name.endsWith('.node')) : undefined;

interface Failure {
  error: string;
  code?: string;
  message: string;
  stack: string;
}
interface Faults {
  results: Record<string, { first: Failure | number | 'done'; second: unknown }>;
  exported: string[];
  sealInto: Failure;
  emptied: number[];
}
interface Exhaustion {
  remaining: number[];
  counters: number[];
  refusals: Record<string, Record<string, number>>;
  remainingAfter: number;
  stillOpens: boolean;
  race: Record<string, number>;
  tables: { wrong: number; nonces: string[] };
  keyring: { values: number[]; nonces: string[] };
  random: Record<string, number>;
}

/** What the script prints, or undefined after a skip; `npm test` builds the addon that this needs. */
async function withHooks<T>(t: ExecutionContext, script: string): Promise<{ output: T; stderr: string } | undefined> {
  if (addon === undefined) {
    const reason = 'the addon with test hooks is not built (npm run build -- --test-hooks builds it)';
    if (process.env.CI === 'true') t.fail(reason);
    else t.log(`skipped: ${reason}`);
    t.pass();
    return undefined;
  }
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(hooks, addon), RUST_BACKTRACE: '1' };
  const { code, signal, stdout, stderr } = await runNode(supportFile(script), [], { env });
  t.is(signal, null, stderr);
  t.is(code, 0, stderr);
  return { output: JSON.parse(String(stdout)) as T, stderr };
}

test('a panic in any native function is an error in JavaScript, and the process lives', async (t) => {
  const run = await withHooks<Faults>(t, 'native-faults.ts');
  if (run === undefined) return;
  const { results, exported, sealInto, emptied } = run.output;
  const isError = (first: Failure | number | 'done') => typeof first === 'number' || typeof first === 'object';
  const unnoticed = Object.entries(results).filter(([, { first }]) => !isError(first));
  t.deepEqual(
    unnoticed.map(([name]) => name),
    [],
  );
  for (const [name, { second }] of Object.entries(results)) t.is(second, 'done', `${name} works again`);
  t.deepEqual(emptied, [-12, 0, 27, 1], 'a first tier is empty after a panic, and goes on');
  // Whatever else the addon exports has to be added to the script; destroy has no answer that could fail, and what is
  // not constructed no constructor.
  const tried = new Set([...Object.keys(results), 'destroy', 'NonceSequence.testNear', 'L1Site', 'L1Keys']);
  t.deepEqual(
    exported.filter((name) => !tried.has(name)),
    [],
  );
  t.is(sealInto.code, 'ERR_INTERNAL');
});

test('neither the error of a panic nor stderr shows a key, plaintext or cache key', async (t) => {
  const run = await withHooks<Faults>(t, 'native-faults.ts');
  if (run === undefined) return;
  const shown = JSON.stringify(run.output) + run.stderr;
  const masterKey = Buffer.alloc(32, 0x6b);
  for (const secret of ['SECRET', masterKey.toString('hex'), masterKey.toString('base64'), masterKey.toString()]) {
    t.false(shown.includes(secret));
  }
  // Otherwise nothing was looked at.
  t.true(run.stderr.includes('panicked'));
});

test('the last three nonces seal, and every later seal of any kind refuses for ever', async (t) => {
  const run = await withHooks<Exhaustion>(t, 'nonce-exhaustion.ts');
  if (run === undefined) return;
  const { output } = run;
  t.deepEqual(output.remaining, [3, 2, 1, 0]);
  t.deepEqual(output.counters, [2 ** 32 - 3, 2 ** 32 - 2, 2 ** 32 - 1]);
  for (const [name, codes] of Object.entries(output.refusals)) t.deepEqual(codes, { ERR_NONCE_EXHAUSTED: 1000 }, name);
  t.is(output.remainingAfter, 0);
  t.true(output.stillOpens);
  t.deepEqual(output.race, { done: 3, ERR_NONCE_EXHAUSTED: 497 });
});

test('a keyring goes on with a fresh sequence, and random nonces stop at their limit', async (t) => {
  const run = await withHooks<Exhaustion>(t, 'nonce-exhaustion.ts');
  if (run === undefined) return;
  const { keyring, tables, random } = run.output;
  t.deepEqual(keyring.values, [...keyring.values.keys()]);
  t.is(keyring.values.length, 30);
  t.is(new Set(keyring.nonces).size, 30);
  t.is(tables.wrong, 0, 'tables that are sealed in place');
  t.is(new Set([...keyring.nonces, ...tables.nonces]).size, 50);
  t.deepEqual(random, { done: 3, ERR_NONCE_EXHAUSTED: 7 });
});

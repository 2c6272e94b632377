/**
 * Two services share encrypted entries in Redis: this one and a Python one with the package cachekit. What Python's
 * @cache.secure stores, Node reads, and the other way round; Redis holds neither in clear.
 *
 *   pip install 'cachekit[redis]'
 *   REDIS_URL=redis://localhost npx tsx examples/node-and-python.ts
 *
 * PYTHON names another interpreter.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createCache } from 'cachekit-native';

const { REDIS_URL, PYTHON = 'python3' } = process.env;
if (REDIS_URL === undefined) {
  console.error('Set REDIS_URL to a Redis that both services may use.');
  process.exit(2);
}
const masterKey = randomBytes(32).toString('hex');
const patient = { id: 42, name: 'Ada Lovelace', allergies: ['penicillin'], weight: 61.5 };

await using shared = createCache({ wire: 'interop', backend: REDIS_URL, masterKey, l1: false });
const patientOf = shared.wrap({ namespace: 'clinic', operation: 'patient' })(async (_id: number) => patient);

// Node stores, Python reads.
await patientOf(42);
const fromNode = python('read', 42);
assert.deepEqual(fromNode, { ran: false, value: patient });
console.log('Python opened what Node had stored; its own function did not run');

// Python stores, Node reads.
const fromPython = python('write', 43);
assert.equal(fromPython.ran, true);
const entry = await patientOf.entry(43);
assert.equal(entry.status, 'hit');
assert.deepEqual(entry.value, { id: 43, from: 'python' });
console.log('Node opened what Python had stored:', entry.value);

// The key was made for this run: nobody could open its entries later.
for (const id of [42, 43]) await patientOf.invalidate(id);

function python(mode: 'read' | 'write', id: number): { ran: boolean; value: unknown } {
  const script = fileURLToPath(new URL('node-and-python.py', import.meta.url));
  const env = { ...process.env, REDIS_URL, CACHEKIT_MASTER_KEY: masterKey };
  const { stdout, stderr, status, error } = spawnSync(PYTHON, [script, mode, String(id)], { encoding: 'utf8', env });
  if (error !== undefined || status !== 0) throw new Error(`the Python service failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** The main job on real data, in this process only: `npm run demo`. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Table, tableFromArrays } from 'apache-arrow';
import {
  ArrowSerializer,
  AuthenticationError,
  cache,
  EncryptionWrapper,
  hardwareAcceleration,
  JsonSerializer,
  Keyring,
  MemoryBackend,
} from 'cachekit-native';
import { bold, dim, duration, green, heading, hexDump, line, median, red, timed } from './terminal.js';

interface Flight {
  date: string;
  delay: number;
  distance: number;
  origin: string;
  destination: string;
}

// 5,000 flights of 2001 (US Department of Transportation).
const datasets = new URL('../node_modules/vega-datasets/data/flights-5k.json', import.meta.url);
const masterKey = randomBytes(32).toString('hex');
const backend = new MemoryBackend();
const frames = new EncryptionWrapper<Table>({ serializer: new ArrowSerializer(), masterKey });

const { aes, name } = hardwareAcceleration();
console.log(bold('cachekit-native: what the cache holds, nobody can read'));
console.log(
  dim(
    `AES-256-GCM in Rust (${aes ? name : 'no AES instructions'}), node ${process.version}, a fresh random master key`,
  ),
);

await apiKeys();
await socialSecurityNumber();
await dataFrame();
await refusals();
await rotation();
await tenants();
console.log(`\n${green('Everything above was checked while it ran.')}`);

async function apiKeys(): Promise<void> {
  heading('API keys as encrypted JSON');
  let calls = 0;
  const getApiKeys = cache({
    serializer: new EncryptionWrapper({ serializer: new JsonSerializer(), masterKey }),
    backend,
    namespace: 'api',
    operation: 'getApiKeys',
  })(async (tenantId: string) => {
    calls++;
    await sleep(20);
    return { api_key: 'sk_live_51H8xT2eZvKYlo2C', webhook_secret: 'whsec_9fJ3kLq0', tenant_id: tenantId };
  });
  const miss = await timed(() => getApiKeys('acme'));
  const hit = await timed(() => getApiKeys('acme'));
  assert.deepEqual(hit.value, miss.value);
  assert.equal(calls, 1);
  line(
    'miss, then hit',
    `${duration(miss.ms)} (20 ms of it the pretend database), then ${green(duration(hit.ms))} (the first one)`,
  );
  await show(getApiKeys.keyFor('acme'), ['sk_live_51H8xT2eZvKYlo2C', 'whsec_9fJ3kLq0', 'acme']);
}

async function socialSecurityNumber(): Promise<void> {
  heading("A person's number, one line: cache.secure");
  const getUserSsn = cache.secure({ masterKey, backend, namespace: 'users', operation: 'getUserSsn' })(
    async (_userId: number) => {
      await sleep(20);
      return { ssn: '123-45-6789', dob: new Date('1990-01-01T00:00:00Z') };
    },
  );
  const miss = await timed(() => getUserSsn(42));
  const hit = await median(2001, () => getUserSsn(42));
  assert.deepEqual(await getUserSsn(42), miss.value);
  line('miss, then hit', `${duration(miss.ms)}, then ${green(duration(hit))} (median of 2,001: key, open, decode)`);
  await show(getUserSsn.keyFor(42), ['123-45-6789', '1990-01-01']);
}

async function dataFrame(): Promise<void> {
  heading('A DataFrame through Arrow');
  const getFlights = cache({
    serializer: frames,
    backend,
    namespace: 'frames',
    operation: 'getFlights',
  })(async (_year: number): Promise<Table> => {
    const rows: Flight[] = JSON.parse(readFileSync(datasets, 'utf8'));
    return tableFromArrays({
      origin: rows.map((row) => row.origin),
      destination: rows.map((row) => row.destination),
      delay: Int32Array.from(rows, (row) => row.delay),
      distance: Int32Array.from(rows, (row) => row.distance),
    });
  });
  const miss = await timed(() => getFlights(2001));
  const hit = await timed(() => getFlights(2001));
  assert.equal(getFlights.stats().hits, 1);
  const table = hit.value;
  assert.ok(table.numRows >= 3000);
  assert.deepEqual(table.get(4999)?.toJSON(), miss.value.get(4999)?.toJSON());
  line('rows and columns', `${table.numRows.toLocaleString('en')} × ${table.numCols}`);
  line('miss, then hit', `${duration(miss.ms)}, then ${green(duration(hit.ms))}`);
  await show(getFlights.keyFor(2001), ['ARROW1', 'origin', 'destination']);
}

async function refusals(): Promise<void> {
  heading('A store that lies');
  const wrapper = new EncryptionWrapper({ masterKey });
  const [alice, bob] = [{ cacheKey: 'users:alice' }, { cacheKey: 'users:bob' }];
  const sealed = wrapper.serialize({ role: 'admin' }, alice);
  assert.deepEqual(wrapper.deserialize(sealed, alice), { role: 'admin' });
  line('the right key', green('opens'));
  refused('swapped to another key', () => wrapper.deserialize(sealed, bob));
  const tampered = Buffer.from(sealed);
  tampered[20] = (tampered[20] as number) ^ 1;
  refused('one bit changed', () => wrapper.deserialize(tampered, alice));
  refused('one byte cut off', () => wrapper.deserialize(sealed.subarray(0, -1), alice));
}

async function rotation(): Promise<void> {
  heading('A new master key on a working day');
  const keyring = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper({ keyring });
  const context = { cacheKey: 'users:1' };
  const old = wrapper.serialize({ plan: 'pro' }, context);
  keyring.startRotation(randomBytes(32).toString('hex'));
  const fresh = wrapper.serialize({ plan: 'pro' }, context);
  assert.deepEqual(wrapper.deserialize(old, context), wrapper.deserialize(fresh, context));
  line('during the rotation', `old and new values ${green('both open')}`);
  for (const { position, fingerprint, seals, opens } of keyring.usage()) {
    line(`  ${position}`, `${dim(fingerprint.slice(0, 12))}…  seals ${seals}, opens ${opens}`);
  }
  keyring.completeRotation();
  refused('old value afterwards', () => wrapper.deserialize(old, context));
  assert.deepEqual(wrapper.deserialize(fresh, context), { plan: 'pro' });
  line('new value afterwards', green('opens'));
}

async function tenants(): Promise<void> {
  heading('Another tenant, the same master key');
  const wrapper = new EncryptionWrapper({ masterKey });
  const sealed = wrapper.serialize({ diagnosis: 'confidential' }, { cacheKey: 'patients:7', tenantId: 'st-mary' });
  const context = { cacheKey: 'patients:7', tenantId: 'st-mary' };
  assert.deepEqual(wrapper.deserialize(sealed, context), { diagnosis: 'confidential' });
  line('st-mary', green('opens'));
  refused('st-james', () => wrapper.deserialize(sealed, { ...context, tenantId: 'st-james' }));
}

/** Shows what the store holds and proves that none of `secrets` is in it. */
async function show(cacheKey: string, secrets: string[]): Promise<void> {
  const entry = await backend.get(cacheKey);
  assert.ok(entry);
  const stored = Buffer.from(entry.bytes);
  for (const secret of secrets) assert.equal(stored.includes(secret), false);
  line(
    'in the store',
    `${stored.length.toLocaleString('en')} bytes, none of ${secrets.map((s) => `"${s}"`).join(', ')}`,
  );
  hexDump(stored);
}

function refused(label: string, open: () => unknown): void {
  assert.throws(open, AuthenticationError);
  line(label, red('refused (ERR_AUTHENTICATION)'));
}

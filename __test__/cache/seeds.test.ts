import { type Table, tableFromArrays } from 'apache-arrow';
import test from 'ava';
import { ArrowSerializer, cache, EncryptionWrapper, JsonSerializer } from '../../index.js';
import { MapBackend, settle } from './map-backend.js';

// The examples of the documents, as they are written there, in TypeScript.
const masterKey = Buffer.from('a'.repeat(64), 'hex');

test('encrypted JSON: API responses, webhooks, session data', async (t) => {
  let runs = 0;
  const getApiKeys = cache({
    serializer: new EncryptionWrapper({ serializer: new JsonSerializer(), masterKey }),
    backend: null,
  })((tenantId: string) => {
    runs++;
    return { api_key: 'sk_live_...', webhook_secret: 'whsec_...', tenant_id: tenantId };
  });
  const expected = { api_key: 'sk_live_...', webhook_secret: 'whsec_...', tenant_id: 'acme' };
  t.deepEqual(await getApiKeys('acme'), expected);
  t.deepEqual(await getApiKeys('acme'), expected);
  t.is(runs, 1);
});

test('encrypted MessagePack, the default of cache.secure', async (t) => {
  let runs = 0;
  const getUserSsn = cache.secure({ masterKey, backend: null })((_userId: number) => {
    runs++;
    return { ssn: '123-45-6789', dob: '1990-01-01' };
  });
  t.deepEqual(await getUserSsn(1), { ssn: '123-45-6789', dob: '1990-01-01' });
  t.deepEqual(await getUserSsn(1), { ssn: '123-45-6789', dob: '1990-01-01' });
  t.is(runs, 1);
});

test('encrypted DataFrames: patient data, ML features', async (t) => {
  let runs = 0;
  const getPatientRecords = cache({
    serializer: new EncryptionWrapper({ serializer: new ArrowSerializer(), masterKey }),
    backend: null,
  })(async (hospitalId: number): Promise<Table> => {
    runs++;
    await settle();
    return tableFromArrays({ id: Int32Array.of(1, 2, 3), hospital: Int32Array.of(hospitalId, hospitalId, hospitalId) });
  });
  const miss = await getPatientRecords(7);
  const hit = await getPatientRecords(7);
  t.is(runs, 1);
  t.not(hit, miss);
  t.deepEqual(hit.toArray().map(String), miss.toArray().map(String));
});

test('client side: encrypted before it is sent to a remote backend', async (t) => {
  const backend = new MapBackend();
  const getSecrets = cache({
    backend,
    namespace: 'secrets',
    operation: 'getSecrets',
    serializer: new EncryptionWrapper({ serializer: new JsonSerializer(), masterKey }),
  })((_tenantId: string) => ({ api_key: 'sk_live_...', secret: '...' }));
  await getSecrets('acme');
  t.deepEqual(await getSecrets('acme'), { api_key: 'sk_live_...', secret: '...' });
  t.false(backend.text.includes('sk_live'));
});

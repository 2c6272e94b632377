/**
 * An API for many customers: one line encrypts each customer's answers under a key of their own, and no customer can be
 * given another's. The tenant comes from the request, through an AsyncLocalStorage.
 *
 *   REDIS_URL=redis://localhost npx tsx examples/multi-tenant-api.ts
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCache, MemoryBackend } from 'cachekit-native';

const tenant = new AsyncLocalStorage<string>();
const invoices = new Map([
  ['acme', [{ no: 1, total: '1200.00' }]],
  ['globex', [{ no: 1, total: '99.50' }]],
]);

const cache = createCache({
  namespace: 'billing',
  backend: process.env.REDIS_URL ?? new MemoryBackend(),
  masterKey: randomBytes(32).toString('hex'),
  ttl: '10m',
  // While the database is down, yesterday's answer is better than none.
  staleIfError: '1d',
  timeout: { backend: '2s', load: '5s' },
});

let queries = 0;
const invoicesOf = cache.wrap({ operation: 'invoices', tenant, tags: ['invoices'] })(async (year: number) => {
  queries++;
  return { year, invoices: invoices.get(tenant.getStore() ?? '') ?? [] };
});

const server = createServer(async (request, response) => {
  const customer = request.headers['x-customer'];
  if (typeof customer !== 'string') return response.writeHead(400).end();
  try {
    const answer = await tenant.run(customer, () => invoicesOf(2026));
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  } catch {
    response.writeHead(500).end();
  }
});

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
interface Answer {
  invoices: { no: number; total: string }[];
}
const ask = async (customer: string) =>
  (await (await fetch(url, { headers: { 'x-customer': customer } })).json()) as Answer;

const acme = await ask('acme');
assert.equal(acme.invoices[0]?.total, '1200.00');
assert.equal((await ask('globex')).invoices[0]?.total, '99.50');
assert.deepEqual(await ask('acme'), acme);
assert.equal(queries, 2, 'one query for each customer');
console.log('two customers, one operation, the same argument:', queries, 'queries, two keys');

// A new invoice: what was stored of this customer goes, and nobody else's.
invoices.get('acme')?.push({ no: 2, total: '10.00' });
await cache.tenant('acme').invalidateTags('invoices');
assert.equal((await ask('acme')).invoices.length, 2);
await ask('globex');
assert.equal(queries, 3);
console.log('after invalidateTags of one customer:', queries, 'queries');

// Outside a request there is no tenant, and nobody's entry is used in its place.
await assert.rejects(() => invoicesOf(2026), TypeError);

server.close();
server.closeAllConnections();
await cache.close();

import test from 'ava';
import { EncryptionWrapper, Keyring, Sealer } from '../../index.js';
import { runNode, startWorker, supportFile } from '../support/child.js';
import type { NonceWork } from '../support/nonce-writer.js';

const masterKey = 'ab'.repeat(32);
const perWriter = 125_000;

/** How many different nonces there are: pairs of instance id and counter, as numbers that sort. */
function distinct(nonces: Uint8Array[]): { distinct: number; total: number; instances: Map<bigint, number> } {
  const instances = new Map<bigint, number>();
  const total = nonces.reduce((sum, n) => sum + n.length / 12, 0);
  const keys = new Float64Array(total);
  let at = 0;
  for (const bytes of nonces) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let offset = 0; offset < bytes.length; offset += 12) {
      const id = view.getBigUint64(offset);
      if (!instances.has(id)) instances.set(id, instances.size);
      keys[at++] = (instances.get(id) as number) * 2 ** 32 + view.getUint32(offset + 8);
    }
  }
  keys.sort();
  let count = total === 0 ? 0 : 1;
  for (let i = 1; i < total; i++) if (keys[i] !== keys[i - 1]) count++;
  return { distinct: count, total, instances };
}

async function inWorker(): Promise<Uint8Array> {
  const into = new SharedArrayBuffer(perWriter * 12);
  const work: NonceWork = { masterKey, count: perWriter, into };
  const worker = startWorker('nonce-writer.ts', work);
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the worker ended with ${code}`))));
  });
  return new Uint8Array(into);
}

async function inProcess(): Promise<Uint8Array> {
  const work: NonceWork = { masterKey, count: perWriter };
  const { code, stdout, stderr } = await runNode(supportFile('nonce-writer.ts'), [JSON.stringify(work)]);
  if (code !== 0) throw new Error(`the process ended with ${code}: ${stderr}`);
  return stdout;
}

test.serial('8 workers and 4 processes never use a nonce twice in 1,500,000 seals with one key', async (t) => {
  const workers = await Promise.all(Array.from({ length: 8 }, inWorker));
  const processes = await Promise.all(Array.from({ length: 4 }, inProcess));
  const all = distinct([...workers, ...processes]);
  t.is(all.total, 1_500_000);
  t.is(all.distinct, all.total);
  t.is(all.instances.size, 12);
  // Workers share the process's counter of instances, processes start from a random one each.
  const ids = distinct(workers).instances;
  const sorted = [...ids.keys()].sort((a, b) => (a < b ? -1 : 1));
  t.true((sorted.at(-1) as bigint) - (sorted[0] as bigint) < 1000n);
});

test.serial('10,000 async seals at once all get a nonce of their own and all open', async (t) => {
  using sealer = new Sealer(masterKey, 'flood');
  const aad = new Uint8Array(3);
  const plaintexts = Array.from({ length: 10_000 }, (_, i) => Buffer.from(`value ${i}`));
  const sealed = await Promise.all(plaintexts.map((plaintext) => sealer.sealAsync(plaintext, aad)));
  t.is(distinct(sealed.map((bytes) => bytes.subarray(0, 12))).distinct, 10_000);
  const opened = await Promise.all(sealed.map((bytes) => sealer.openAsync(bytes, aad)));
  t.true(opened.every((bytes, i) => bytes.equals(plaintexts[i] as Buffer)));
  t.is(sealer.sealsRemaining, 2 ** 32 - 10_000);
});

test('sync, async, into, in place and batch seals of one keyring share one sequence', async (t) => {
  using keyring = new Keyring({ masterKey });
  const wrapper = new EncryptionWrapper({ keyring, rotationHeader: 'never' });
  const context = { cacheKey: 'k' };
  const sealed = [
    wrapper.serialize(1, context),
    await wrapper.serializeAsync(1, context),
    ...wrapper.serializeMany([
      { value: 1, ...context },
      { value: 1, ...context },
    ]),
    // Another wrapper, another tenant and another profile with the same keyring.
    new EncryptionWrapper({ keyring, tenantId: 'other' }).serialize(1, context),
    new EncryptionWrapper({ keyring, wire: 'interop' }).serialize(1, context),
  ];
  const nonces = sealed.map((bytes) => bytes.subarray(0, 12));
  t.is(distinct(nonces).instances.size, 1);
  t.deepEqual(
    nonces.map((nonce) => nonce.readUInt32BE(8)),
    [0, 1, 2, 3, 4, 5],
  );
});

test('the first nonce of a sealer is its instance id and zero, and ids go up by one', (t) => {
  using first = new Sealer(masterKey, 'a');
  using second = new Sealer(masterKey, 'a');
  const nonce = first.seal(new Uint8Array(0), new Uint8Array(0));
  t.is(nonce.readBigUInt64BE(0), first.instanceId);
  t.is(nonce.readUInt32BE(8), 0);
  t.is(first.seal(new Uint8Array(0), new Uint8Array(0)).readUInt32BE(8), 1);
  t.is(BigInt.asUintN(64, second.instanceId - first.instanceId), 1n);
});

test('a refused seal spends no nonce that a later seal would repeat', (t) => {
  using sealer = new Sealer(masterKey, 'a');
  const nothing = new Uint8Array(0);
  t.throws(() => sealer.sealInto(new Uint8Array(27), nothing, nothing), { instanceOf: RangeError });
  t.throws(() => sealer.seal(null as never, nothing), { instanceOf: TypeError });
  const nonces = Array.from({ length: 4 }, () => sealer.seal(nothing, nothing).subarray(0, 12));
  t.is(distinct(nonces).distinct, 4);
});

test("random nonces differ in all 12 bytes and are not the counter's", (t) => {
  using wrapper = new EncryptionWrapper({ masterKey, nonces: 'random' });
  const nonces = Array.from({ length: 1000 }, () => wrapper.serialize(1, { cacheKey: 'k' }).subarray(0, 12));
  const { distinct: count, instances } = distinct(nonces);
  t.is(count, 1000);
  t.is(instances.size, 1000);
  t.true(new Set(nonces.map((nonce) => nonce.readUInt32BE(8))).size > 990);
});

/*
 * Work for a sanitizer to watch: first tiers, seals on this thread and on libuv's pool, altered bytes, keys that are destroyed
 * under way, and workers that do the same until they end or are terminated in the middle. `node load.mjs SECONDS` prints
 * what was done as JSON. JavaScript, as workers of Node 20 do not run TypeScript.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const { AuthenticationError, createCache, KeyError, Keyring, Sealer } = await import(
  new URL('../../dist/index.js', import.meta.url).href
);
const TEXT = randomBytes(150_000).toString('hex');
const WORKERS = 2;

/** Does something of each kind until the time is over. */
async function work(seconds, report) {
  const counted = { tier: 0, sync: 0, async: 0, altered: 0, cancelled: 0, destroyed: 0, rotations: 0, wrong: 0 };
  const random = (below) => Math.floor(Math.random() * below);
  const masterKey = () => randomBytes(32).toString('hex');
  const keyring = new Keyring({ masterKey: masterKey() });
  const cache = createCache({ keyring, ttl: '10s', l1: { maxBytes: 2 ** 20 }, onError: () => {} });
  const make = (id) => ({ id, text: TEXT.slice(id, id + (id % 20 === 7 ? 140_000 : (id * 37) % 3_000)) });
  const load = cache.wrap({ operation: 'load', tags: (id) => [`tag:${id % 9}`] })(async (id) => make(id));
  const check = (id, value) => {
    if (value !== undefined && (value.id !== id || value.text !== make(id).text)) counted.wrong++;
  };
  const expectThrown = (kind, error) => {
    if (!(error instanceof kind)) counted.wrong++;
  };

  async function useTier() {
    for (let n = 0; n < 100; n++, counted.tier++) {
      const id = random(400);
      const name = `named:${id}`;
      const kind = random(20);
      if (kind < 10) check(id, await load(id));
      else if (kind < 13) await cache.set(name, make(id), { ttl: 0.01 + Math.random(), tags: [`tag:${id % 9}`] });
      else if (kind < 16) check(id, await cache.get(name));
      else if (kind < 17)
        for (const [i, v] of (await cache.getMany([name, `named:${id + 1}`])).entries()) check(id + i, v);
      else if (kind < 18) await cache.delete(name);
      else if (kind < 19) await load.invalidate(id);
      else await cache.invalidateTags(`tag:${id % 9}`);
    }
    if (keyring.rotating) keyring.completeRotation();
    else if (random(10) === 0) {
      keyring.startRotation(masterKey());
      counted.rotations++;
    }
  }

  function useBytes(sealer, aad) {
    for (let n = 0; n < 20; n++, counted.sync++) {
      const plaintext = randomBytes(random(n === 0 ? 100_000 : 2_000));
      const sealed = sealer.seal(plaintext, aad);
      if (!sealer.open(sealed, aad).equals(plaintext)) counted.wrong++;
      sealed[random(sealed.length)] ^= 1 << random(8);
      try {
        sealer.open(sealed.subarray(0, random(2) === 0 ? sealed.length : random(sealed.length)), aad);
        counted.wrong++;
      } catch (error) {
        expectThrown(AuthenticationError, error);
        counted.altered++;
      }
    }
  }

  async function usePool(sealer, aad) {
    const one = async () => {
      const plaintext = randomBytes(random(200_000));
      const stop = new AbortController();
      if (random(4) === 0) setTimeout(() => stop.abort(), random(3));
      try {
        const sealed = await sealer.sealAsync(plaintext, aad, { signal: stop.signal });
        if (!(await sealer.openAsync(sealed, aad, { signal: stop.signal })).equals(plaintext)) counted.wrong++;
        counted.async += 2;
        sealed[random(sealed.length)] ^= 1;
        await sealer.openAsync(sealed, aad);
        counted.wrong++;
      } catch (error) {
        if (stop.signal.aborted && error === stop.signal.reason) counted.cancelled++;
        else {
          expectThrown(AuthenticationError, error);
          counted.altered++;
        }
      }
    };
    await Promise.all(Array.from({ length: 12 }, one));
  }

  /** What is under way finishes; what comes later is refused. */
  async function destroyUnderWay(aad) {
    const sealer = new Sealer(randomBytes(32), 'tenant');
    const pending = Array.from({ length: 4 }, () => sealer.sealAsync(randomBytes(50_000), aad));
    sealer.destroy();
    for (const sealed of await Promise.all(pending)) if (sealed.length !== 50_028) counted.wrong++;
    await sealer.sealAsync(aad, aad).then(
      () => counted.wrong++,
      (error) => expectThrown(KeyError, error),
    );
    counted.destroyed++;
  }

  const sealer = new Sealer(randomBytes(32), 'tenant');
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const aad = randomBytes(random(200));
    const pool = usePool(sealer, aad);
    await useTier();
    useBytes(sealer, aad);
    await pool;
    await destroyUnderWay(aad);
    await report?.(counted);
  }
  await cache.close();
  return counted;
}

/** Which addon was loaded. */
const addon = () => process.report.getReport().sharedObjects.find((path) => path.endsWith('.node'));

const add = (sum, part) => {
  for (const [kind, count] of Object.entries(part)) sum[kind] = (sum[kind] ?? 0) + count;
};

async function withWorkers(seconds) {
  const all = { addon: addon(), workers: 0, terminated: 0 };
  const end = performance.now() + seconds * 1000;
  const one = async (last) => {
    for (let n = 0; performance.now() < end; n++) {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { seconds: 2 } });
      let counted = {};
      let busy = 0;
      const exit = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      worker.on('message', (message) => {
        counted = message;
        // Every other one is ended in the middle of its work.
        if ((n + last) % 2 === 0 && ++busy === 1) setTimeout(() => worker.terminate(), Math.random() * 20);
      });
      if ((await exit) === 1) all.terminated++;
      all.workers++;
      add(all, counted);
    }
  };
  const [counted] = await Promise.all([work(seconds), ...Array.from({ length: WORKERS }, (_, last) => one(last))]);
  add(all, counted);
  return all;
}

if (isMainThread) process.stdout.write(JSON.stringify(await withWorkers(Number(process.argv[2]))));
else parentPort.postMessage(await work(workerData.seconds, (counted) => parentPort.postMessage({ ...counted })));

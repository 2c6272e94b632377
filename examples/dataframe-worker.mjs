/**
 * A DataFrame that takes long to make, cached encrypted and used in a worker: the main thread never meets a row. Large frames
 * are sealed and opened on the thread pool. Both threads share the store, and the worker's second run is a hit.
 *
 *   node examples/dataframe-worker.mjs
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { tableFromArrays } from 'apache-arrow';
import { ArrowSerializer, cache } from 'cachekit-native';

const ROWS = 500_000;

if (isMainThread) await main();
else parentPort.postMessage(await work(workerData));

async function main() {
  const job = {
    masterKey: randomBytes(32).toString('hex'),
    folder: mkdtempSync(join(tmpdir(), 'frames-')),
  };
  try {
    const first = await run(job);
    const second = await run(job);
    assert.equal(first.loads, 1);
    assert.equal(second.loads, 0, 'the second worker found what the first one has stored');
    assert.equal(second.mean, first.mean);
    console.log(`${first.rows.toLocaleString('en')} rows: made and stored in ${first.ms.toFixed(0)} ms,`);
    console.log(
      `opened by another worker in ${second.ms.toFixed(0)} ms, mean delay ${second.mean.toFixed(3)} both times`,
    );
  } finally {
    rmSync(job.folder, { recursive: true });
  }
}

function run(job) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function work({ masterKey, folder }) {
  const delays = cache.secure({
    masterKey,
    backend: `file:${folder}`,
    serializer: new ArrowSerializer(),
    namespace: 'frames',
    operation: 'delays',
    l1: false,
  })(async (_year) => {
    let state = 42;
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    return tableFromArrays({
      delay: Float64Array.from({ length: ROWS }, () => random() * 60 - 10),
      distance: Int32Array.from({ length: ROWS }, () => Math.floor(random() * 3_000)),
    });
  });
  const begun = performance.now();
  const table = await delays(2026);
  const ms = performance.now() - begun;
  const column = table.getChild('delay').toArray();
  const mean = column.reduce((sum, delay) => sum + delay, 0) / column.length;
  return { rows: table.numRows, mean, ms, loads: delays.stats().loads };
}

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { requireRedis } from '../support/redis-server.js';
import { Stampede, type StampedeJob } from '../support/stampede.js';

const PROCESSES = 4;
const CALLERS = 1_000;

test('1,000 callers in each of four processes run the function once with lock, without it once per process', async (t) => {
  const redis = await requireRedis(t);
  if (redis === undefined) return;
  const stampede = await Stampede.start(PROCESSES);
  t.teardown(() => stampede.stop());
  const job: Omit<StampedeJob, 'lock' | 'round'> = {
    module: new URL('../../index.ts', import.meta.url).href,
    redis: redis.url,
    callers: CALLERS,
    loadMs: 50,
  };
  for (let round = 0; round < 5; round++) {
    const locked = await stampede.run({ ...job, lock: true, round: randomUUID() });
    t.deepEqual(
      locked.map(({ right }) => right),
      Array(PROCESSES).fill(CALLERS),
    );
    t.is(
      locked.reduce((sum, { loads }) => sum + loads, 0),
      1,
    );
    t.log(`all answered after ${Math.max(...locked.map(({ lastMs }) => lastMs)).toFixed(0)} ms of a 50 ms load`);
  }
  const unlocked = await stampede.run({ ...job, lock: false, round: randomUUID() });
  t.deepEqual(
    unlocked.map(({ right }) => right),
    Array(PROCESSES).fill(CALLERS),
  );
  // A process that is late finds what the first one has stored.
  for (const { loads } of unlocked) t.true(loads <= 1);
  t.true(unlocked.some(({ loads }) => loads === 1));
});

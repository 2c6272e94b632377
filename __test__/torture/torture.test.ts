import test from 'ava';
import { testSeed } from '../support/random.js';
import { hasRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';
import type { StoreName } from './stores.js';
import { torture } from './torture.js';

/** A minute in all; `npm run test:torture -- --seconds 3600` for longer. */
const SECONDS = 15;

for (const store of ['redis', 'cluster', 'lmdb', 'file'] satisfies StoreName[]) {
  test.serial(`${store}: nothing acknowledged is undone, whatever fails`, async (t) => {
    if ((store === 'redis' || store === 'cluster') && !hasRedisCluster) {
      await requireRedis(t);
      return;
    }
    t.timeout(300_000);
    const seed = testSeed();
    t.log(`seed ${seed}`);
    const { violations, crashes, stuck, checked, ...rest } = await torture({
      store,
      seconds: SECONDS,
      seed,
      processes: 3,
    });
    t.deepEqual({ violations, crashes, stuck }, { violations: [], crashes: [], stuck: [] });
    t.true(checked > 0);
    t.log(`${checked} reads checked, ${JSON.stringify(rest)}`);
  });
}

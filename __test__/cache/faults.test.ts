import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { createCache } from '../../index.js';
import { requireRedis } from '../support/redis-server.js';

const OPERATIONS = 50_000;
const IN_FLIGHT = 64;
const masterKey = '7d'.repeat(32);

for (const library of ['ioredis', 'redis'] as const) {
  test.serial(`Redis killed and restarted in the middle of 50,000 operations, with ${library}`, async (t) => {
    const redis = await requireRedis(t);
    if (redis === undefined) return;
    const { RedisBackend } = await import('../../src/backends/redis.js');
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    t.teardown(() => process.off('unhandledRejection', onUnhandled));
    const backend = new RedisBackend({ url: redis.url, library });
    const errors: unknown[] = [];
    const cache = createCache({
      namespace: 'faults',
      backend,
      masterKey,
      l1: false,
      timeout: '1s',
      onError: (error) => errors.push(error),
    });
    const load = cache.wrap({ operation: 'load' })(async (id: number) => {
      // As a function that asks somebody: without it the event loop would not turn while the store is away.
      await turn();
      return { id, text: `value of ${id}` };
    });
    let wrong = 0;
    let done = 0;
    let answeredAgainAt = Number.POSITIVE_INFINITY;
    let upAt = Number.POSITIVE_INFINITY;

    const one = async (i: number) => {
      const id = i % 500;
      const { value, status } = await load.entry(id);
      if (value.id !== id || value.text !== `value of ${id}`) wrong++;
      if (status === 'hit' && upAt !== Number.POSITIVE_INFINITY) {
        answeredAgainAt = Math.min(answeredAgainAt, performance.now());
      }
      done++;
    };
    let next = 0;
    const worker = async () => {
      while (next < OPERATIONS) await one(next++);
    };
    const outage = async () => {
      while (done < OPERATIONS / 4) await pause(1);
      await redis.kill();
      const killedAt = done;
      await pause(300);
      t.true(done > killedAt, 'functions run while the store is away');
      await redis.restart();
      upAt = performance.now();
    };
    await Promise.all([outage(), ...Array.from({ length: IN_FLIGHT }, worker)]);
    // The operations may be over before the store was back: then the next ones tell.
    for (let i = 0; answeredAgainAt === Number.POSITIVE_INFINITY && i < 400; i++) {
      await one(i % 10);
      await pause(10);
    }
    t.is(wrong, 0);
    t.deepEqual(unhandled, []);
    t.true(errors.length > 0, 'the outage was reported');
    t.true(answeredAgainAt - upAt < 2_000, `hits again ${(answeredAgainAt - upAt).toFixed(0)} ms after it was back`);
    t.log(`hits again ${(answeredAgainAt - upAt).toFixed(0)} ms after it was back; ${errors.length} failures reported`);
    await cache.close();
    await backend.close();
  });
}

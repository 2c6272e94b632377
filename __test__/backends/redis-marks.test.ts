import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { type BackendUnchanged, RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireRedis } from '../support/redis-server.js';

const bytes = Buffer.from('x');

/** What a deletion by another process leaves. */
function mark(raw: Redis, name: string): Promise<unknown> {
  const beside = Buffer.concat([Buffer.from(name), Buffer.from([0xff]), Buffer.from('gone')]);
  return raw.set(beside, '0123456789ab:1', 'PX', name.startsWith('tag') ? 3_600_000 : 30_000);
}

function begin(): BackendUnchanged {
  const begun = performance.now();
  return {
    found: undefined,
    get sinceMs() {
      return performance.now() - begun;
    },
  };
}

function rawOf(t: ExecutionContext, url: string): Redis {
  const raw = new Redis(url);
  t.teardown(() => raw.disconnect());
  return raw;
}

for (const library of ['ioredis', 'redis'] as const) {
  for (const time of [true, false]) {
    test.serial(
      `${library}: marks of other processes ${time ? '' : 'without the right to ask for the time '}`,
      async (t) => {
        const server = await requireRedis(t);
        if (!server) return;
        const raw = rawOf(t, server.url);
        if (!time) await raw.call('acl', 'setuser', 'default', '-time');
        const backend = new RedisBackend({ url: server.url, library });
        t.teardown(() => backend.close());
        const [run, tagged, other] = [begin(), begin(), begin()];
        await pause(20);
        await mark(raw, 'k');
        await mark(raw, 'tag');
        t.false(await backend.setIfUnchanged('k', bytes, run));
        t.true(await backend.changedSince('k', run.sinceMs));
        if (time) t.false(await backend.setIfUnchanged('tagged', bytes, Object.assign(tagged, { tags: ['tag'] })));
        t.true(await backend.setIfUnchanged('other', bytes, other));
        // Who begins later is believed, as soon as the clocks tell.
        await until(() => backend.setIfUnchanged('k', bytes, begin()));
        if (time) await until(() => backend.setIfUnchanged('tagged', bytes, Object.assign(begin(), { tags: ['tag'] })));
      },
    );
  }

  test.serial(`${library}: a result that is late on its way to the server is refused all the same`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const raw = rawOf(t, server.url);
    const backend = new RedisBackend({ url: server.url, library });
    t.teardown(() => backend.close());
    t.true(await backend.setIfUnchanged('first', bytes, begin()));
    const run = begin();
    await pause(20);
    await mark(raw, 'k');
    server.freeze();
    const storing = backend.setIfUnchanged('k', bytes, run);
    // The mark is older by then than the function was when its result was sent.
    await pause(1_500);
    server.resume();
    t.false(await storing);
    t.is(await backend.get('k'), undefined);
  });
}

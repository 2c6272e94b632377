import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { BackendError, createCache, RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireSentinels } from '../support/redis-sentinel.js';
import { freePort, requireRedis } from '../support/redis-server.js';
import { assertNoSecret, libraries, SECRET } from './redis-backends.js';

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
test.after.always('nothing was left unhandled', (t) => {
  t.deepEqual(unhandled, []);
});

const bytes = Buffer.from('x');
/** A failover takes the Sentinels some seconds, and longer when two of them stand for election at once. */
const FAILOVER_MS = 40_000;

/** As `until`, with more time. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + FAILOVER_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the failover did not happen');
    await pause(100);
  }
}

const works = (work: () => Promise<unknown>) =>
  work().then(
    () => true,
    () => false,
  );

function open(t: ExecutionContext, url: string, library: 'ioredis' | 'redis'): RedisBackend {
  const backend = new RedisBackend({ url, library });
  t.teardown(() => backend.close());
  return backend;
}

for (const library of libraries) {
  test.serial(`${library}: a primary that dies is followed to its successor, with its invalidations`, async (t) => {
    t.timeout(120_000);
    const group = await requireSentinels(t);
    if (!group) return;
    const [first, second] = group.servers;
    const backend = open(t, `${group.url}/0`, library);
    const cache = createCache({ namespace: 'n', backend, ttl: '1h', retry: 0 });
    t.true(await cache.set('role', 'admin'));
    t.is(await cache.get('role'), 'admin');
    // Explicitly: a failover may begin before the replica has it.
    const raw = new Redis(first.port);
    t.is(await raw.wait(1, 10_000), 1);
    raw.disconnect();
    await first.kill();
    await eventually(() => works(() => backend.set('after', bytes)));
    t.is(await group.primary(), second.port);
    // What others change at the new primary is told.
    t.is(await cache.get('role'), 'admin');
    const there = open(t, `redis://127.0.0.1:${second.port}`, library);
    const other = createCache({ namespace: 'n', backend: there });
    await other.set('role', 'revoked');
    await until(async () => (await cache.get('role')) === 'revoked');
  });

  test.serial(`${library}: a planned failover is followed, whichever Sentinels are left`, async (t) => {
    t.timeout(120_000);
    const group = await requireSentinels(t, { password: SECRET.replace('@', 'x'), sentinelPassword: 'sentinel+pw' });
    if (!group) return;
    const [, second] = group.servers;
    const dead = await freePort();
    const url = group.url
      .replace('://', `://:${encodeURIComponent(SECRET.replace('@', 'x'))}@127.0.0.1:${dead},`)
      .concat('/3?sentinelPassword=sentinel+pw');
    const backend = open(t, url, library);
    await backend.set('k', bytes);
    t.truthy(await backend.get('k'));
    const sentinel = new Redis({ port: group.sentinels[0]?.port ?? 0, password: 'sentinel+pw' });
    await eventually(() => works(() => sentinel.call('sentinel', 'failover', group.name)));
    sentinel.disconnect();
    await eventually(async () => (await group.primary()) === second.port);
    // The old primary is one until a Sentinel tells it otherwise, seconds later.
    const raw = new Redis(second.port, { password: SECRET.replace('@', 'x'), db: 3 });
    await eventually(async () => (await works(() => backend.set('moved', bytes))) && (await raw.exists('moved')) === 1);
    raw.disconnect();
    const wrong = open(t, group.url.replace('://', `://:${encodeURIComponent(SECRET)}@`), library);
    const refused = await t.throwsAsync(wrong.get('k'), { instanceOf: BackendError, message: /NOAUTH/ });
    assertNoSecret(t, refused);
  });

  test.serial(`${library}: Sentinels that cannot be reached, or know no such primary, say so`, async (t) => {
    const group = await requireSentinels(t);
    if (!group) return;
    const unknown = open(t, group.url.replace(group.name, 'other'), library);
    const error = await t.throwsAsync(unknown.get('k'), { instanceOf: BackendError });
    t.regex(error?.message ?? '', /know no primary of this name/);
    t.false(error?.transient);
    const gone = open(t, `redis+sentinel://127.0.0.1:${await freePort()}/mymaster`, library);
    t.true(
      (await t.throwsAsync(gone.get('k'), { instanceOf: BackendError, message: /Sentinel.*ECONNREFUSED/ }))?.transient,
    );
    // A server is no Sentinel.
    const server = await requireRedis(t);
    const none = open(t, `redis+sentinel://127.0.0.1:${server?.port}/mymaster`, library);
    await t.throwsAsync(none.get('k'), { instanceOf: BackendError, message: /Sentinel refused the connection: ERR/ });
  });
}

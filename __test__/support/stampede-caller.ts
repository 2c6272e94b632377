import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type * as Public from '../../index.js';
import type { StampedeAnswer, StampedeJob } from './stampede.js';

/* One process of a stampede: it makes its cache, connects, waits for the common start, and asks. */

const send = (message: object) => process.send?.(message);
send({ ready: true });
for (;;) {
  const [message] = await once(process, 'message').catch(() => []);
  if (message === undefined) break;
  const { job } = message as { job: StampedeJob };
  const started = once(process, 'message');
  const { createCache }: typeof Public = await import(job.module);
  const cache = createCache({
    namespace: 'stampede',
    backend: job.redis,
    masterKey: '3c'.repeat(32),
    lock: job.lock,
  });
  // Connections are made by the first operation, which is not what is measured here.
  await cache.set(`warm:${process.pid}`, 1);
  await cache.get('warm');
  let loads = 0;
  const load = cache.wrap({ operation: 'load' })(async (round: string) => {
    loads++;
    await pause(job.loadMs);
    return { round };
  });
  send({ ready: true });
  const [{ startAt }] = (await started) as [{ startAt: number }];
  await pause(startAt - Date.now());
  const begun = performance.now();
  const values = await Promise.all(Array.from({ length: job.callers }, () => load(job.round)));
  const lastMs = performance.now() - begun;
  const right = values.filter(({ round }) => round === job.round).length;
  await cache.close();
  send({ loads, right, lastMs } satisfies StampedeAnswer);
}

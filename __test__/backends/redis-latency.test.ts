import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { RedisBackend } from '../../index.js';
import { until } from '../../src/testing/behaviour.js';
import { requireRedis } from '../support/redis-server.js';

/** A way to a server on which each direction takes so many milliseconds. */
async function startSlowWay(t: ExecutionContext, target: number, ms: number): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
      from.on('data', async (data) => {
        await pause(ms);
        if (!to.destroyed) to.write(data);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

for (const library of ['ioredis', 'redis'] as const) {
  test.serial(
    `${library}: a time limit of a few round trips does not keep the connection from being made`,
    async (t) => {
      const server = await requireRedis(t);
      if (!server) return;
      const port = await startSlowWay(t, server.port, 40);
      const backend = new RedisBackend({ url: `redis://127.0.0.1:${port}`, library, timeoutMs: 250 });
      t.teardown(() => backend.close());
      let told = true;
      backend.watch?.(
        () => undefined,
        (state) => {
          told = state;
        },
      );
      await until(() =>
        backend.has('k').then(
          () => true,
          () => false,
        ),
      );
      await until(async () => told);
      t.false(await backend.has('k'));
    },
  );
}

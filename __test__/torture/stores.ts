import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Random } from '../support/random.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import { startRedis } from '../support/redis-server.js';
import type { History } from './history.js';
import { startFaultyProxy } from './proxy.js';

const run = promisify(execFile);

/** A store under attack. */
export interface TortureStore {
  readonly backend: string;
  readonly tags: boolean;
  /** Other processes' changes reach a first tier. */
  readonly near: boolean;
  /** Each breaks something and mends it again. */
  readonly faults: Readonly<Record<string, () => Promise<void>>>;
  stop(): Promise<void>;
}

export type StoreName = 'redis' | 'cluster' | 'lmdb' | 'file';

export function startStore(name: StoreName, random: Random, history: History): Promise<TortureStore> {
  return { redis, cluster, lmdb: embedded('lmdb'), file: embedded('file') }[name](random, history);
}

/** Two servers, one the replica of the other, behind a proxy. */
async function redis(random: Random, history: History): Promise<TortureStore> {
  let [primary, replica] = [await startRedis(), await startRedis()];
  const cli = async (port: number, ...command: string[]) =>
    (await run('redis-cli', ['-p', `${port}`, ...command])).stdout;
  const follow = (port: number, of: number) => cli(port, 'replicaof', '127.0.0.1', `${of}`);
  const synchronized = async () => {
    while (!/master_link_status:up/.test(await cli(replica.port, 'info', 'replication'))) await pause(50);
  };
  await follow(replica.port, primary.port);
  await synchronized();
  const proxy = await startFaultyProxy(primary.port, random);
  return {
    backend: `redis://127.0.0.1:${proxy.port}`,
    tags: true,
    near: true,
    faults: {
      cut: async () => proxy.cut(false),
      'cut, with what was on its way arriving late': async () => {
        proxy.held = true;
        await pause(random.below(1500));
        proxy.cut(true);
        await pause(random.below(1000));
        proxy.held = false;
      },
      'held back': async () => {
        proxy.held = true;
        await pause(random.below(4000));
        proxy.held = false;
      },
      'delayed and split': async () => {
        proxy.delayMs = 1 + random.below(60);
        proxy.split = random.next() < 0.5;
        await pause(2000);
        proxy.delayMs = 0;
        proxy.split = false;
      },
      paused: async () => {
        primary.freeze();
        await pause(random.below(3000));
        primary.resume();
      },
      killed: async () => {
        await primary.kill();
        await pause(random.below(500));
        await primary.restart();
        history.lost();
        await synchronized();
      },
      flushed: async () => {
        await cli(primary.port, 'flushall');
        history.lost();
      },
      'failed over after WAIT': () =>
        history.withoutChanges(async () => {
          await synchronized();
          await cli(primary.port, 'wait', '1', '5000');
          // The old primary takes no more writes before the new one does.
          await cli(primary.port, 'config', 'set', 'min-replicas-to-write', '9');
          await cli(primary.port, 'wait', '1', '5000');
          await cli(replica.port, 'replicaof', 'no', 'one');
          proxy.target = replica.port;
          await follow(primary.port, replica.port);
          await cli(primary.port, 'config', 'set', 'min-replicas-to-write', '0');
          [primary, replica] = [replica, primary];
        }),
    },
    stop: async () => {
      proxy.close();
      await Promise.all([primary.stop(), replica.stop()]);
    },
  };
}

async function cluster(random: Random, history: History): Promise<TortureStore> {
  const servers = await startRedisCluster();
  const { nodes } = servers;
  const whole = async () => {
    for (const node of nodes) while (!/cluster_state:ok/.test(node.ask('cluster', 'info'))) await pause(50);
  };
  return {
    backend: servers.url,
    tags: true,
    near: true,
    faults: {
      cut: async () => {
        for (const node of nodes) node.ask('client', 'kill', 'type', 'normal');
      },
      paused: async () => {
        const node = random.pick(nodes);
        node.freeze();
        await pause(random.below(3000));
        node.resume();
        await whole();
      },
      killed: async () => {
        const node = random.pick(nodes);
        await node.kill();
        await pause(random.below(500));
        await node.restart();
        history.lost(true);
        await whole();
      },
      flushed: async () => {
        random.pick(nodes).ask('flushall');
        history.lost(true);
      },
      'slots moved': async () => {
        const from = random.pick(nodes);
        const to = random.pick(nodes.filter((node) => node !== from));
        const slots = [
          '--cluster-from',
          from.id,
          '--cluster-to',
          to.id,
          '--cluster-slots',
          `${50 + random.below(800)}`,
        ];
        const at = `127.0.0.1:${from.port}`;
        await run('redis-cli', ['--cluster', 'reshard', at, ...slots, '--cluster-yes']).catch(() =>
          run('redis-cli', ['--cluster', 'fix', at]).catch(() => {}),
        );
      },
    },
    stop: () => servers.stop(),
  };
}

const embedded = (scheme: 'lmdb' | 'file') => async (): Promise<TortureStore> => {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-torture-'));
  return {
    backend: `${scheme}:${join(directory, 'store')}`,
    tags: scheme === 'lmdb',
    near: false,
    faults: {},
    stop: async () => rmSync(directory, { recursive: true, force: true }),
  };
};

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { freePort, hasRedis, requireRedis } from './redis-server.js';

/** Three masters of the tests' own, on free ports of this machine, without replicas. */
export interface RedisCluster {
  /** `redis+cluster://host:port,…` */
  readonly url: string;
  /** `redis://host:port` of each server. */
  readonly urls: readonly string[];
  readonly nodes: readonly RedisClusterServer[];
  /** Ends the processes and removes their directories. */
  stop(): Promise<void>;
}

export interface RedisClusterServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Its name in the cluster. */
  readonly id: string;
  /** Ends the process at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again, with its place in the cluster and without its data. */
  restart(): Promise<void>;
  /** Stops the process, so that it accepts connections and answers nothing, until `resume`. */
  freeze(): void;
  resume(): void;
  /** What `redis-cli` prints for a command to this server. */
  ask(...command: string[]): string;
}

/** Whether `redis-server` and `redis-cli` can be run here. */
export const hasRedisCluster = hasRedis && spawnSync('redis-cli', ['--version']).status === 0;

/** As `requireRedis`, for a cluster. */
export async function requireRedisCluster(t: ExecutionContext<unknown>): Promise<RedisCluster | undefined> {
  if (!hasRedisCluster) {
    await requireRedis(t);
    return undefined;
  }
  const cluster = await startRedisCluster();
  t.teardown(() => cluster.stop());
  return cluster;
}

const running = new Set<ChildProcess>();
// Nothing outlives a test run that ends early.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startRedisCluster(): Promise<RedisCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-cluster-'));
  const servers = [await startServer(directory), await startServer(directory), await startServer(directory)];
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const created = spawnSync(
    'redis-cli',
    ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes'],
    { encoding: 'utf8' },
  );
  if (created.status !== 0) throw new Error(`the cluster was not created: ${created.stdout}${created.stderr}`);
  for (const server of servers) await server.joined();
  return {
    url: `redis+cluster://${addresses.join(',')}`,
    urls: servers.map(({ url }) => url),
    nodes: servers,
    stop: async () => {
      for (const server of servers) await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type StartedServer = RedisClusterServer & { joined(): Promise<void>; stop(): Promise<void> };

async function startServer(parent: string): Promise<StartedServer> {
  const directory = mkdtempSync(join(parent, 'node-'));
  const port = await freePortForCluster();
  const options = {
    port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir: directory,
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': '2000',
    'cluster-require-full-coverage': 'no',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

  async function launch(): Promise<ChildProcess> {
    const launched = spawn('redis-server', args, { stdio: 'ignore' });
    running.add(launched);
    for (let i = 0; i < 400 && launched.exitCode === null; i++) {
      if (await listens(port)) return launched;
      await pause(25);
    }
    await end(launched, 'SIGKILL');
    throw new Error(`redis-server did not start on port ${port}`);
  }

  const ask = (...command: string[]) =>
    spawnSync('redis-cli', ['-p', String(port), ...command], { encoding: 'utf8' }).stdout.trim();
  let child = await launch();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? 0;
    },
    get id() {
      return ask('cluster', 'myid');
    },
    kill: () => end(child, 'SIGKILL'),
    restart: async () => {
      child = await launch();
    },
    freeze: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    ask,
    joined: async () => {
      for (let i = 0; i < 400; i++) {
        const info = ask('cluster', 'info');
        if (/cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info)) return;
        await pause(25);
      }
      throw new Error('the cluster did not become whole');
    },
    stop: async () => {
      child.kill('SIGCONT');
      await end(child, 'SIGKILL');
    },
  };
}

/** Servers of a cluster talk to each other at their port + 10,000. */
async function freePortForCluster(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + 10_000 < 65_536) return port;
    const lower = port - 20_000;
    if (!(await listens(lower)) && !(await listens(lower + 10_000))) return lower;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

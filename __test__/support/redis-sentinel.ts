import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { until } from '../../src/testing/behaviour.js';
import { freePort, type RedisServer, requireRedis } from './redis-server.js';

/** A primary with a replica, and Sentinels that watch them. */
export interface SentinelGroup {
  readonly name: string;
  readonly servers: readonly [RedisServer, RedisServer];
  readonly sentinels: readonly { readonly port: number; kill(): Promise<void> }[];
  /** `redis+sentinel://host:port,…/name` */
  readonly url: string;
  /** The port of the server that the Sentinels call the primary. */
  primary(): Promise<number>;
}

export interface SentinelOptions {
  /** Of the servers' default user. */
  password?: string;
  /** Of the Sentinels themselves. */
  sentinelPassword?: string;
}

const NAME = 'mymaster';
const running = new Set<ChildProcess>();
// Nothing outlives a test run that ends early.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** As `requireRedis`: a group with three Sentinels, which take a second to notice a failure. */
export async function requireSentinels(
  t: ExecutionContext<unknown>,
  { password, sentinelPassword }: SentinelOptions = {},
): Promise<SentinelGroup | undefined> {
  const auth = password === undefined ? {} : { password, args: ['--masterauth', password] };
  const first = await requireRedis(t, auth);
  if (first === undefined) return undefined;
  const second = await requireRedis(t, {
    ...auth,
    args: [...(auth.args ?? []), '--replicaof', '127.0.0.1', String(first.port), '--repl-diskless-sync-delay', '0'],
  });
  if (second === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-sentinel-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const sentinels: { port: number; kill(): Promise<void> }[] = [];
  for (let i = 0; i < 3; i++) {
    const port = await freePort();
    const config = join(directory, `${i}.conf`);
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${first.port} 2`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 5000`,
      ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
      ...(sentinelPassword === undefined
        ? []
        : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`]),
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const child = spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' });
    running.add(child);
    const kill = async () => {
      running.delete(child);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    };
    t.teardown(kill);
    sentinels.push({ port, kill });
  }
  const ask = async (port: number, ...command: [string, ...string[]]) => {
    const client = new Redis({ port, password: sentinelPassword, maxRetriesPerRequest: 0, retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      return await client.call(...command);
    } finally {
      client.disconnect();
    }
  };
  // Each knows the replica and the two others: only then a failover is possible.
  const knowing = ({ port }: { port: number }) =>
    ask(port, 'sentinel', 'master', NAME).then(
      (facts) => {
        const known = facts as string[];
        const of = (name: string) => known[known.indexOf(name) + 1];
        return of('num-slaves') === '1' && of('num-other-sentinels') === '2';
      },
      () => false,
    );
  await until(async () => (await Promise.all(sentinels.map(knowing))).every(Boolean));
  return {
    name: NAME,
    servers: [first, second],
    sentinels,
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    primary: async () => {
      const answers = sentinels.map(({ port }) => ask(port, 'sentinel', 'get-master-addr-by-name', NAME));
      return Number(((await Promise.any(answers)) as string[])[1]);
    },
  };
}

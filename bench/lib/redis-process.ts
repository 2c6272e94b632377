import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A `redis-server` of the benchmark's own, on a free port, that keeps nothing on disk. */
export interface BenchRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** @throws when `redis-server` is not installed or does not start. */
export async function startBenchRedis(more: readonly string[] = []): Promise<BenchRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-bench-redis-'));
  const port = await freePort();
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
    ...more,
  ];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = once(server, 'error').then(([error]) => Promise.reject(error));
  process.once('exit', () => server.kill('SIGKILL'));
  await Promise.race([failed, listening(server, port)]);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function listening(server: ChildProcess, port: number): Promise<void> {
  for (let i = 0; i < 200 && server.exitCode === null; i++) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await pause(25);
  }
  throw new Error('redis-server did not start');
}

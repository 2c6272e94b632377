import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';

/** A `redis-server` of the tests' own, on a free port of this machine, that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Stops the process (continued with `resume`), so that it accepts connections and answers nothing. */
  freeze(): void;
  resume(): void;
  /** Ends the process at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts another one on the same port, with nothing in it. */
  restart(): Promise<void>;
  /** Ends the process and removes its directory. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** Password of the default user. */
  password?: string;
  /** More command line arguments. */
  args?: readonly string[];
}

/** Whether `redis-server` can be run here. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/**
 * A running server, stopped when the test (or, from a `before` hook, the file) ends. Without `redis-server` the result
 * is `undefined` and the test passes with a line that says so; with CI=true it fails.
 */
export async function requireRedis(
  t: ExecutionContext<unknown>,
  options?: RedisServerOptions,
): Promise<RedisServer | undefined> {
  if (!hasRedis) {
    if (process.env.CI === 'true') t.fail('redis-server is not installed, and CI=true');
    else {
      t.log('skipped: redis-server is not installed');
      t.pass();
    }
    return undefined;
  }
  const server = await startRedis(options);
  t.teardown(() => server.stop());
  return server;
}

const running = new Set<ChildProcess>();
// Nothing outlives a test run that ends early.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startRedis({ password, args = [] }: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-redis-'));
  let { child, port } = await launchOnFreePort();

  async function launch(at: number): Promise<ChildProcess> {
    const fixed = ['--port', String(at), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory];
    const secret = password === undefined ? [] : ['--requirepass', password];
    const launched = spawn('redis-server', [...fixed, ...secret, ...args], { stdio: 'ignore' });
    running.add(launched);
    for (let i = 0; i < 200 && launched.exitCode === null; i++) {
      if (await answers(at)) return launched;
      await pause(25);
    }
    await end(launched, 'SIGKILL');
    throw new Error(`redis-server did not start on port ${at}`);
  }

  // Another process may take a port between its choice and its use.
  async function launchOnFreePort(): Promise<{ child: ChildProcess; port: number }> {
    for (let attempt = 1; ; attempt++) {
      const candidate = await freePort();
      try {
        return { child: await launch(candidate), port: candidate };
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  return {
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    freeze: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    kill: () => end(child, 'SIGKILL'),
    restart: async () => {
      child = await launch(port);
    },
    stop: async () => {
      child.kill('SIGCONT');
      await end(child, 'SIGTERM');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A port of the loopback interface that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

// Any reply will do: with a password set, PING is refused, but by a server that is up.
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => {
      socket.destroy();
      resolve(/^[+-](PONG|NOAUTH)/.test(reply.toString()));
    });
    socket.once('error', () => resolve(false));
    socket.setTimeout(1_000, () => {
      socket.destroy();
      resolve(false);
    });
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

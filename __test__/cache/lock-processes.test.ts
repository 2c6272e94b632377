import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { supportFile } from '../support/child.js';
import { requireRedis } from '../support/redis-server.js';

const tsx = import.meta.resolve('tsx');

interface Loader {
  readonly process: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

function start(t: ExecutionContext, args: readonly string[]): Loader {
  const child = spawn(process.execPath, [`--import=${tsx}`, supportFile('lock-process.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  return { process: child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function next({ lines }: Loader): Promise<string | undefined> {
  const { value, done } = await lines.next();
  return done ? undefined : value;
}

test('the function runs in one of two processes, and its lease is renewed while it does', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  // The function takes several leases.
  const holder = start(t, [server.url, '2500', '600ms']);
  t.is(await next(holder), 'running');
  const waiter = start(t, [server.url, '0', '600ms']);
  const got = await next(waiter);
  t.is(got, `got ${holder.process.pid}`, 'the other process did not run the function');
  t.is(await next(holder), got);
});

test('a process that is killed while it holds a lock holds up the others until its lease ends', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const holder = start(t, [server.url, '60000', '2s']);
  t.is(await next(holder), 'running');
  const exited = once(holder.process, 'exit');
  holder.process.kill('SIGKILL');
  await exited;
  const waiter = start(t, [server.url, '0', '2s', '50s']);
  const begun = performance.now();
  t.is(await next(waiter), 'running');
  t.true(performance.now() - begun < 30_000, 'far less than the wait');
  t.is(await next(waiter), `got ${waiter.process.pid}`);
});

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

function start(t: ExecutionContext, args: readonly string[], file = 'lock-process.ts'): Loader {
  const child = spawn(process.execPath, [`--import=${tsx}`, supportFile(file), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
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

test('a function that never returns holds its lock for ten time limits, and its callers for one', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const holder = start(t, [server.url, '60000', '1s', '20s', '300ms']);
  t.is(await next(holder), 'running');
  const waiter = start(t, [server.url, '0', '1s', '50s']);
  t.is(await next(holder), 'got ERR_TIMEOUT');
  t.is(await next(waiter), 'running', 'long before its wait is over');
  t.is(await next(waiter), `got ${waiter.process.pid}`);
});

for (const windows of [{ staleIfError: '1h' }, { swr: '1h' }, { swr: '500ms', staleIfError: '1h' }]) {
  test(`with ${Object.keys(windows).join(' and ')} a function that fails runs once at a time in all processes`, async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return;
    const processes = [1, 2, 3].map(() =>
      start(t, [server.url, JSON.stringify(windows), '1500'], 'failing-process.ts'),
    );
    for (const one of processes) t.is(await next(one), 'ready');
    for (const one of processes) one.process.stdin?.write('down\n');
    for (const one of processes) {
      const { runs, most, answers } = JSON.parse((await next(one)) ?? '{}');
      t.true(runs <= 1500 / 50 + 1, `${runs} runs, with 50 ms between two at least`);
      t.true(most <= 1, `${most} at once`);
      t.deepEqual(answers, ['value']);
    }
  });
}

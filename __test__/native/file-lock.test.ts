import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { waitForLock } from '../../src/backends/os-lock.js';
import { native } from '../../src/native/addon.js';

/** Locks on one file, as of so many processes. */
function locksOn(t: { teardown(fn: () => void): void }, count: number) {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-lock-'));
  const path = join(directory, 'lock');
  const locks = Array.from({ length: count }, () => new native.FileLock(path));
  // A wait keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.teardown(() => {
    clearInterval(alive);
    for (const lock of locks) lock.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { locks, path };
}

const never = () => false;

test('those who wait for a lock get it in the order in which they came', async (t) => {
  const { locks } = locksOn(t, 9);
  const [holder, ...others] = locks;
  t.is(holder?.tryLock(true), 1);
  const order: number[] = [];
  const waits: Promise<void>[] = [];
  for (const [i, lock] of others.entries()) {
    const wait = waitForLock(lock, never).then(async (taken) => {
      t.is(taken, 1);
      order.push(i);
      await pause(5);
      lock.unlock();
    });
    waits.push(wait);
    // The thread that waits has to be there before the next one.
    await pause(200);
  }
  holder?.unlock();
  await Promise.all(waits);
  // Other systems promise no order.
  if (process.platform === 'linux') t.deepEqual(order, [...others.keys()]);
  t.is(order.length, others.length);
});

test('a wait that is given up leaves the lock to others, also when it has come to an end meanwhile', async (t) => {
  const { locks } = locksOn(t, 4);
  const [holder, first, second, third] = locks as [
    (typeof locks)[0],
    (typeof locks)[0],
    (typeof locks)[0],
    (typeof locks)[0],
  ];
  t.is(holder.tryLock(true), 1);
  let givenUp = false;
  const waits = [waitForLock(first, () => givenUp), waitForLock(second, () => givenUp)];
  await pause(50);
  givenUp = true;
  t.deepEqual(await Promise.all(waits), [0, 0]);
  const waited = waitForLock(third, never);
  holder.unlock();
  t.is(await waited, 1);
  t.is(first.tryLock(true), 0);
  // Over, and not looked at.
  first.wait(() => {});
  third.unlock();
  await pause(100);
  t.is(first.endWait(), 1);
  first.unlock();
  t.is(second.tryLock(true), 1);
});

test('a wait for a file that was removed meanwhile says so', async (t) => {
  const { locks, path } = locksOn(t, 2);
  const [holder, other] = locks;
  t.is(holder?.tryLock(true), 1);
  const waited = waitForLock(other as NonNullable<typeof other>, never);
  await pause(100);
  rmSync(path);
  holder?.unlock();
  t.is(await waited, -1);
});

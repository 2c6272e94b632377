import test from 'ava';
import { TimeoutError } from '../../index.js';
import { Deadline, overWithin, withDeadline } from '../../src/util/deadlines.js';
import { pause } from '../../src/util/timers.js';

const forever = new Promise<never>(() => {});

test('limits of any lengths end in their order, none before its time', async (t) => {
  // By when each is over, since a busy machine may begin them far apart.
  const ended: number[] = [];
  await Promise.all(
    [60, 20, 90, 20, 40].map(
      (ms) =>
        new Promise<void>((resolve) => {
          const end = performance.now() + ms;
          new Deadline(ms, 'The store', (error) => {
            t.true(error instanceof TimeoutError);
            t.is(error.message, `The store did not answer within ${ms} ms`);
            t.true(performance.now() >= end - 1);
            ended.push(end);
            resolve();
          });
        }),
    ),
  );
  t.deepEqual(
    ended,
    [...ended].sort((a, b) => a - b),
  );
});

test('what has ended expires no more, in whichever order they end', async (t) => {
  const expired: number[] = [];
  const deadlines = [0, 1, 2, 3, 4].map((i) => new Deadline(30, '', () => expired.push(i)));
  for (const i of [4, 0, 2, 2]) deadlines[i]?.end();
  await pause(80);
  t.deepEqual(expired, [1, 3]);
});

test('a limit that begins or ends others while it ends keeps all of them exact', async (t) => {
  const expired: string[] = [];
  let last: Deadline | undefined;
  const first = new Deadline(20, '', () => {
    expired.push('first');
    last?.end();
    new Deadline(20, '', () => expired.push('next'));
  });
  last = new Deadline(20, '', () => expired.push('last'));
  t.true(first.begun <= last.begun);
  await pause(120);
  t.deepEqual(expired, ['first', 'next']);
});

test('work is given up with its limit or its signal', async (t) => {
  const reasons: unknown[] = [];
  const expired = (reason: unknown) => reasons.push(reason);
  t.is(await withDeadline('It', 1_000, undefined, async () => 1, expired), 1);
  await t.throwsAsync(
    withDeadline('It', 10, undefined, () => forever, expired),
    { instanceOf: TimeoutError, message: 'It did not answer within 10 ms' },
  );
  const controller = new AbortController();
  const aborted = withDeadline('It', 1_000, controller.signal, () => forever, expired);
  controller.abort(new Error('enough'));
  await t.throwsAsync(aborted, { message: 'enough' });
  t.is(reasons.length, 2);
});

test('whether work was over in time is told', async (t) => {
  t.true(await overWithin(1_000, Promise.resolve(), true));
  t.false(await overWithin(10, forever, true));
  await t.throwsAsync(overWithin(1_000, Promise.reject(new Error('failed')), true), { message: 'failed' });
});

import { EventEmitter } from 'node:events';
import test from 'ava';
import { Keyv } from 'keyv';
import { encryptedStore } from '../../index.js';
import { Keyv5 } from '../support/keyv5.js';
import { openSqlite, SqliteStore } from '../support/sqlite-store.js';

const options = { masterKey: '5a'.repeat(32) };

/** SQLite with entries of `big` and one of `small`; `beforeRemoving` runs before each step of a clear. */
async function filled(count: number, beforeRemoving: () => unknown = () => undefined) {
  const database = await openSqlite();
  class Store extends SqliteStore {
    override async deleteMany(keys: string[]): Promise<boolean> {
      await beforeRemoving();
      return super.deleteMany(keys);
    }
  }
  const store = encryptedStore(new Store(database), options);
  const small = new Keyv({ store, namespace: 'small' });
  await small.set('1', 'x');
  database.run('BEGIN');
  for (let i = 0; i < count; i++) database.run('INSERT INTO keyv VALUES (?, ?)', [`big::${i}`, 'x']);
  database.run('COMMIT');
  const left = () => Number(database.exec(`SELECT count(*) FROM keyv WHERE key LIKE 'big::%'`)[0]?.values[0]?.[0]);
  return { store, small, left };
}

test('clear goes in steps, and gets all of a store that lists by position', async (t) => {
  const { store, small, left } = await filled(5_500);
  const reports: number[] = [];
  await store.clear({ namespace: 'big', onProgress: ({ removed }) => reports.push(removed) });
  t.is(left(), 0);
  t.is(reports[0], 1_000);
  t.is(reports.at(-1), 5_500);
  t.true(reports.length >= 6);
  t.is(await small.get('1'), 'x');
});

test('clear of a store in memory leaves turns of the event loop to others', async (t) => {
  const store = encryptedStore(new Map(Array.from({ length: 3_500 }, (_, i) => [`big::${i}`, 'x'])), options);
  let turns = 0;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await store.clear({ namespace: 'big' });
  clearImmediate(next);
  t.true(turns >= 3, `${turns}`);
});

test('clear stops when its signal fires, keeps what it has removed, and goes on when called again', async (t) => {
  const controller = new AbortController();
  const { store, left } = await filled(3_500);
  const reports: number[] = [];
  const reason = new Error('enough');
  const stopped = store.clear({
    namespace: 'big',
    signal: controller.signal,
    onProgress: ({ removed }) => {
      reports.push(removed);
      if (removed === 2_000) controller.abort(reason);
    },
  });
  t.is(await t.throwsAsync(stopped), reason);
  t.deepEqual(reports, [1_000, 2_000]);
  t.is(left(), 1_500);
  await t.throwsAsync(store.clear({ namespace: 'big', signal: controller.signal }), { is: reason });
  await store.clear({ namespace: 'big' });
  t.is(left(), 0);
});

test('the limit of a clear is that of a step', async (t) => {
  const stepMs = 150;
  const { store, left } = await filled(9_500, () => new Promise((resolve) => setTimeout(resolve, stepMs)));
  const begun = performance.now();
  await store.clear({ namespace: 'big', timeoutMs: 1_000 });
  t.true(performance.now() - begun > 1_000);
  t.is(left(), 0);

  const dead = await filled(10, () => new Promise(() => undefined));
  await t.throwsAsync(dead.store.clear({ namespace: 'big', timeoutMs: 20 }), { code: 'ERR_TIMEOUT' });
});

test('a clear whose removals fail says so', async (t) => {
  const lost = new Error('lost');
  const failing = await filled(1_500, () => {
    throw lost;
  });
  await t.throwsAsync(failing.store.clear({ namespace: 'big' }), { is: lost });

  class Keeping extends SqliteStore {
    override async deleteMany(): Promise<boolean> {
      return false;
    }
  }
  const inner = new Keeping(await openSqlite());
  await inner.set('big::1', 'x');
  const kept = encryptedStore(inner, options).clear({ namespace: 'big' });
  await t.throwsAsync(kept, { code: 'ERR_BACKEND', message: 'The inner store did not remove the entries' });

  class Late extends SqliteStore {
    override async deleteMany(keys: string[]): Promise<boolean> {
      await super.deleteMany(keys);
      return false;
    }
  }
  const late = new Late(await openSqlite());
  await late.set('big::1', 'x');
  await t.notThrowsAsync(encryptedStore(late, options).clear({ namespace: 'big' }), 'removed by somebody else');
});

test('wrong options of clear are refused, and nothing is removed', async (t) => {
  const { store, small } = await filled(0);
  for (const wrong of [
    { namespace: 1 },
    { namespace: '' },
    { timeoutMs: 0 },
    { timeoutMs: 'x' },
    { signal: {} },
    { onProgress: 1 },
    { prefix: 'small' },
    null,
    'small',
  ]) {
    const error = await t.throwsAsync(store.clear(wrong as never));
    t.true(error instanceof TypeError || error instanceof RangeError || 'code' in error!, String(wrong));
  }
  t.is(await small.get('1'), 'x');
});

test.serial(
  'a hundred Keyv instances and encrypted stores over one adapter add one listener for its errors',
  async (t) => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    t.teardown(() => process.off('warning', warned));
    const inner = new SqliteStore(await openSqlite());
    const shared = encryptedStore(inner, options);
    const heard = new Map<number, unknown[]>();
    for (let i = 0; i < 200; i++) {
      const store = i % 4 < 2 ? shared : encryptedStore(inner, options);
      const keyv = i % 2 ? new Keyv({ store, namespace: `n${i}` }) : new Keyv5({ store, namespace: `n${i}` });
      const errors: unknown[] = [];
      heard.set(i, errors);
      keyv.on('error', (error) => errors.push(error));
      await keyv.set('a', i);
      t.is(await keyv.get('a'), i);
    }
    // Warnings are given in the next turn.
    await new Promise(setImmediate);
    t.deepEqual(warnings, []);
    t.is(inner.listenerCount('error'), 1);
    const lost = new Error('lost');
    inner.emit('error', lost);
    for (const [i, errors] of heard) t.deepEqual(errors, [lost], `${i}`);
  },
);

test('a listener that throws takes the error from no other, and one that has left hears nothing', async (t) => {
  const inner = Object.assign(new EventEmitter(), {
    get: async () => undefined,
    set: async () => undefined,
    delete: async () => true,
    clear: async () => undefined,
  });
  const store = encryptedStore(inner, options);
  // Keyv 6 throws an error that nobody listens for.
  new Keyv({ store });
  const errors: unknown[] = [];
  const listener = (error: unknown) => errors.push(error);
  t.is(store.on('error', listener), store);
  const lost = new Error('lost');
  t.throws(() => inner.emit('error', lost), { is: lost });
  t.deepEqual(errors, [lost]);
  store.off('error', listener);
  t.throws(() => inner.emit('error', lost), { is: lost });
  t.is(errors.length, 1);

  const other = new SqliteStore(await openSqlite());
  encryptedStore(other, options).on('error', listener).off('error', listener);
  t.is(other.listenerCount('error'), 0);
});

test('errors that the inner store throws reach Keyv as they do without encryption', async (t) => {
  const lost = new Error('lost');
  const fail = async () => {
    throw lost;
  };
  const inner = { get: fail, set: fail, delete: fail, clear: fail };
  for (const Version of [Keyv5, Keyv]) {
    const heard = await Promise.all(
      [inner, encryptedStore(inner, options)].map(async (store) => {
        const keyv = new Version({ store: store as never });
        const errors: unknown[] = [];
        keyv.on('error', (error) => errors.push(error));
        const answers = [await keyv.get('a'), await keyv.set('a', 1), await keyv.delete('a')];
        return { answers, errors };
      }),
    );
    t.deepEqual(heard[1], heard[0]!);
  }
});

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { promisify } from 'node:util';
import FakeTimers from '@sinonjs/fake-timers';
import test, { type ExecutionContext } from 'ava';
import {
  BackendError,
  type CacheOptions,
  cache,
  createCache,
  HttpBackend,
  MemoryBackend,
  RedisBackend,
} from '../../index.js';
import { elapsed } from '../../src/util/clock.js';
import { API_KEY, startCacheServer } from '../support/http-server.js';
import { requireRedis } from '../support/redis-server.js';

/*
 * What a user's tests do to time: `@sinonjs/fake-timers` is what sinon, Jest and Vitest use. Time is frozen, moved by hand, and
 * given back. Each test changes the process's clocks: one after the other.
 */
interface Frozen {
  tick(ms: number): void;
  restore(): void;
}

type Faked = NonNullable<NonNullable<Parameters<typeof FakeTimers.install>[0]>['toFake']>;

function sinon(toFake: Faked | undefined, now?: () => number): () => Frozen {
  return () => {
    const clock = FakeTimers.install({ ...(toFake && { toFake }), ...(now !== undefined && { now: now() }) });
    return { tick: (ms) => void clock.tick(ms), restore: () => clock.uninstall() };
  };
}

const KINDS: Record<string, () => Frozen> = {
  'all that is faked by default': sinon(undefined),
  'all, in the present': sinon(undefined, Date.now),
  'Date and timers': sinon(['Date', 'setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'], Date.now),
  'performance alone': sinon(['performance']),
  // As Jest does by default.
  'immediates and microtasks too': sinon([
    ...(['Date', 'performance', 'hrtime', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const),
    ...(['setImmediate', 'clearImmediate', 'queueMicrotask'] as const),
  ]),
  'node:test': () => {
    mock.timers.enable({ apis: ['Date', 'setTimeout', 'setInterval', 'setImmediate'], now: Date.now() });
    return { tick: (ms) => mock.timers.tick(ms), restore: () => mock.timers.reset() };
  },
  'Date.now by hand': () => {
    const real = Date.now;
    let time = real();
    Date.now = () => time;
    return {
      tick: (ms) => {
        time += ms;
      },
      restore: () => {
        Date.now = real;
      },
    };
  },
};

/** Kinds that hold what a library needs to send anything: refused at once, by name. */
const HELD: Record<string, string[]> = {
  HTTP: ['all that is faked by default', 'all, in the present'],
  ioredis: ['all that is faked by default', 'all, in the present'],
  // It takes the timers that it finds, once.
  LMDB: ['all that is faked by default'],
  redis: ['all that is faked by default', 'all, in the present', 'immediates and microtasks too', 'node:test'],
};

let lmdbLoaded = false;

const options = { namespace: 'n', masterKey: 'a5'.repeat(32), ttl: '1m' } as const;

/** A tick and what is read after it, in the same millisecond of the real clock if need be. */
async function assertMoves(t: ExecutionContext, kind: string, backend: CacheOptions['backend']): Promise<void> {
  let runs = 0;
  const load = cache.secure({ ...options, operation: 'o', backend })(async () => ++runs);
  const values = cache.secure({ ...options, operation: 'v', backend, l1: { values: true } })(async () => ++runs);
  const users = createCache({ ...options, backend });
  // The clock has been read before it is frozen.
  for (const call of [load, values]) await call().then(() => call());
  const frozen = (KINDS[kind] as () => Frozen)();
  try {
    await users.set('k', 1);
    for (const call of [load, values]) await call.refresh();
    frozen.tick(59_000);
    t.is(await users.get('k'), 1, `${kind}: not over`);
    for (const call of [load, values]) t.is((await call.entry()).status, 'hit', `${kind}: not over`);
    frozen.tick(2_000);
    t.is(await users.get('k'), undefined, `${kind}: over`);
    for (const call of [load, values]) t.is((await call.entry()).status, 'miss', `${kind}: over`);
  } finally {
    frozen.restore();
  }
  await users.set('k', 2);
  t.is(await users.get('k'), 2, `${kind}: given back`);
  await users.close();
}

for (const kind of Object.keys(KINDS)) {
  test.serial(`no operation waits for a tick: ${kind}`, async (t) => {
    const server = await requireRedis(t);
    const http = await startCacheServer();
    t.teardown(() => http.stop());
    const directory = mkdtempSync(join(tmpdir(), 'cachekit-fake-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const backends: [string, CacheOptions['backend']][] = [
      ['none', null],
      ['LMDB', `lmdb:${join(directory, 'lmdb')}`],
      ['file', `file:${join(directory, 'files')}`],
      ['HTTP', new HttpBackend({ url: http.url, apiKey: API_KEY, allowPrivateHosts: true })],
      ['ioredis', server && new RedisBackend({ url: server.url, library: 'ioredis' })],
      ['redis', server && new RedisBackend({ url: server.url, library: 'redis' })],
    ];
    for (const [name, backend] of backends) {
      if (backend === undefined) continue;
      const users = createCache({
        ...options,
        backend,
        timeout: { backend: '30s', load: '30s' },
        lock: backend !== null,
      });
      // First with a store that has not been opened before.
      for (const fake of [true, false, true]) {
        const held = fake && (HELD[name]?.includes(kind) ?? false) && !(name === 'LMDB' && lmdbLoaded);
        const frozen = fake ? (KINDS[kind] as () => Frozen)() : undefined;
        const start = elapsed();
        lmdbLoaded ||= name === 'LMDB' && !fake;
        try {
          if (held) {
            const message = /^Fake timers hold (process.nextTick|setImmediate), which/;
            // Again and again, by name: the store is not at fault.
            for (let i = 0; i < 6; i++) {
              await t.throwsAsync(users.set('k', 1), { code: 'ERR_CONFIGURATION', message }, `${kind}, ${name}`);
              await t.throwsAsync(users.get('k'), { code: 'ERR_CONFIGURATION', message });
            }
          } else {
            t.true(await users.set('k', 1), `${kind}, ${name}`);
            t.is(await users.get('k'), 1, `${kind}, ${name}`);
            t.is(await users.getOrSet('o', () => 2), 2);
            t.deepEqual(await users.getMany(['k', 'x']), [1, undefined]);
            t.deepEqual([await users.delete('k'), await users.delete('o')], [true, true]);
          }
        } finally {
          frozen?.restore();
        }
        t.true(elapsed() - start < 30_000, 'nothing has waited for its limit');
      }
      await users.close();
    }
  });

  test.serial(`TTLs move with fake timers: ${kind}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'cachekit-fake-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const inProcess = [null, new MemoryBackend()];
    // These go by the wall clock, which other processes have too.
    const shared =
      kind === 'performance alone' ? [] : ['lmdb', 'file'].map((name) => `${name}:${join(directory, name)}`);
    for (const backend of [...inProcess, ...shared]) await assertMoves(t, kind, backend);
  });
}

test.serial('time limits are of real time', async (t) => {
  const frozen = (KINDS['all that is faked by default'] as () => Frozen)();
  try {
    const never = { get: () => new Promise<never>(() => {}), set: async () => {}, delete: async () => false };
    const errors: unknown[] = [];
    const limited = {
      ...options,
      operation: 'o',
      backend: never,
      timeout: { backend: '50ms', load: '50ms' },
      onError: (error: unknown) => errors.push(error),
    } as const;
    t.is(await cache.secure(limited)(() => 1)(), 1);
    t.is((errors[0] as { code?: string }).code, 'ERR_TIMEOUT');
    const load = cache.secure(limited)(() => new Promise<never>(() => {}));
    await t.throwsAsync(load(), { code: 'ERR_TIMEOUT' });
  } finally {
    frozen.restore();
  }
});

test.serial('a retry is of real time', async (t) => {
  for (const kind of Object.keys(KINDS)) {
    const store = new MemoryBackend();
    let failures = 1;
    const backend = {
      get: async (key: string) => {
        if (failures-- > 0) throw new BackendError('away for a moment', { transient: true });
        return store.get(key);
      },
      set: store.set.bind(store),
      delete: store.delete.bind(store),
    };
    const users = createCache({ ...options, backend, l1: false });
    await users.set('k', 1);
    const frozen = (KINDS[kind] as () => Frozen)();
    try {
      t.is(await users.get('k'), 1, kind);
    } finally {
      frozen.restore();
    }
  }
});

test.serial('time that is frozen and time that passes do not add up', async (t) => {
  const users = createCache({ ...options, ttl: '2s', backend: new MemoryBackend() });
  const frozen = (KINDS['Date.now by hand'] as () => Frozen)();
  try {
    await users.set('k', 1);
    for (let i = 0; i < 3; i++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
      await users.get('k');
    }
    frozen.tick(1_600);
    t.is(await users.get('k'), 1, 'by either clock it is there');
    frozen.tick(500);
    t.is(await users.get('k'), undefined);
  } finally {
    frozen.restore();
  }
});

for (const [name, fake] of Object.entries({
  sinon: `(await import('${import.meta.resolve('@sinonjs/fake-timers')}')).default.install({ toFake: ['Date', 'performance', 'setTimeout', 'setInterval'] });`,
  'node:test': `(await import('node:test')).mock.timers.enable({ apis: ['Date', 'setTimeout', 'setInterval'] });`,
})) {
  test(`timers that are faked before the import hold nothing: ${name}`, async (t) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      ...[`--import=${import.meta.resolve('tsx')}`, '--no-warnings', '--input-type=module', '-e'],
      `${fake}
       try {
         const { cache, MemoryBackend } = await import('${new URL('../../index.ts', import.meta.url).href}');
         const never = { get: () => new Promise(() => {}), set: async () => {}, delete: async () => false };
         const options = { namespace: 'n', operation: 'o', masterKey: '${'a5'.repeat(32)}' };
         const limited = { ...options, backend: never, timeout: { backend: '50ms', load: '50ms' }, onError: () => {} };
         console.log(await cache.secure(limited)(() => 1)());
         console.log(await cache.secure(limited)(() => new Promise(() => {}))().catch((error) => error.code));
         const backend = new MemoryBackend();
         const locked = cache.secure({ ...options, backend, lock: { wait: '100ms' } })(() => 2);
         await backend.lock(locked.keyFor(), 60_000);
         console.log(await locked());
       } catch (error) {
         console.log(error.code, error.message);
       }
       process.exit();`,
    ]);
    const refused = 'ERR_CONFIGURATION Timers are faked while cachekit-native is loaded: import it before they are\n';
    t.is(stdout, name === 'sinon' ? '1\nERR_TIMEOUT\n2\n' : refused, stderr);
  });
}

for (const [name, fake, restore] of [
  [
    'one that remembers nothing',
    'const real = process.nextTick; process.nextTick = Object.assign(() => {}, { clock: {} });',
    'process.nextTick = real;',
  ],
  [
    'sinon',
    `const clock = (await import('${import.meta.resolve('@sinonjs/fake-timers')}')).default.install({ toFake: ['nextTick'] });`,
    'clock.uninstall();',
  ],
] as const) {
  test(`process.nextTick that was faked before the import, and is itself again, holds no store: ${name}`, async (t) => {
    const server = await requireRedis(t);
    if (!server) return;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [
        ...[`--import=${import.meta.resolve('tsx')}`, '--no-warnings', '--input-type=module', '-e'],
        `${fake}
         const { RedisBackend } = await import('${new URL('../../index.ts', import.meta.url).href}');
         ${restore}
         const backend = new RedisBackend({ url: '${server.url}' });
         await backend.set('k', Buffer.from('x'));
         console.log((await backend.get('k')).bytes.toString());
         process.exit();`,
      ],
      { timeout: 20_000 },
    );
    t.is(stdout, 'x\n', stderr);
  });
}

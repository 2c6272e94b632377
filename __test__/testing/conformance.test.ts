import { AssertionError } from 'node:assert';
import test from 'ava';
import { type Backend, type BackendEntry, type BackendSetOptions, MemoryBackend } from '../../index.js';
import { backendConformance, TEST_MASTER_KEY } from '../../src/testing/index.js';

/** The titles of what a backend does not do, and of what it was not asked. */
async function outcome(make: () => Backend): Promise<{ failed: string[]; skipped: string[]; passed: number }> {
  const result = { failed: [] as string[], skipped: [] as string[], passed: 0 };
  for (const { title, run } of backendConformance({ make })) {
    try {
      if ((await run()) === 'skipped') result.skipped.push(title);
      else result.passed++;
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      result.failed.push(title);
    }
  }
  return result;
}

test('a backend with every method passes, and nothing is skipped that it does', async (t) => {
  t.deepEqual(await outcome(() => new MemoryBackend()), {
    failed: [],
    skipped: ['a function that runs longer than the store remembers has to ask'],
    passed: 47,
  });
});

test('a backend with the three methods is asked for no more', async (t) => {
  const { failed, skipped, passed } = await outcome(() => {
    const memory = new MemoryBackend();
    return {
      get: (cacheKey, options) => memory.get(cacheKey, options),
      set: (cacheKey, bytes, options) => memory.set(cacheKey, bytes, options),
      delete: (cacheKey, options) => memory.delete(cacheKey, options),
      close: () => memory.close(),
    };
  });
  t.deepEqual(failed, []);
  t.is(skipped.length, 34);
  t.is(passed, 14);
});

test('each backend is closed, also when it fails', async (t) => {
  let closed = 0;
  const cases = backendConformance({
    make: async () => {
      const memory = new MemoryBackend();
      return Object.assign(memory, {
        get: () => Promise.reject(new Error('broken')),
        close: async () => {
          closed++;
        },
      });
    },
  });
  await t.throwsAsync(cases[0]?.run() ?? Promise.resolve());
  t.is(closed, 1);
});

test('what a backend does otherwise is found', async (t) => {
  const kept = new Map<string, Uint8Array>();
  const forever = new MemoryBackend();
  const broken: [title: RegExp, methods: Partial<Backend>][] = [
    [/bytes come back/, { get: async () => undefined }],
    [/delete removes/, { delete: async () => false }],
    [/ifBytes removes only/, { delete: async () => true }],
    [/of many that replace/, { replace: async () => true }],
    [/replace exchanges/, { replace: async () => false }],
    [/one holder/, { lock: async () => ({ extend: async () => true, release: async () => {} }) }],
    [/one holder/, { lock: async () => undefined }],
    [/lease has ended/, { lock: async () => ({ extend: async () => true, release: async () => {} }) }],
    [/what has one of its tags/, { invalidateTags: async () => 0 }],
    [/tags of the last set/, { invalidateTags: async () => 0 }],
    [/expire gives/, { expire: async () => true }],
    [/has tells/, { has: async () => true }],
    [/nothing has changed/, { setIfUnchanged: async () => true }],
    [/holds something else/, { setIfUnchanged: async () => true }],
    [/of many results/, { setIfUnchanged: async () => true }],
    [/after a deletion since/, { setIfUnchanged: async () => true }],
    [/is to replace an entry/, { setIfUnchanged: async () => true }],
    [/deletion was before/, { setIfUnchanged: async () => true }],
    [/after its invalidation/, { setIfUnchanged: async () => true }],
    [/no tags of what/, { setIfUnchanged: async () => true }],
    [/changedSince tells/, { changedSince: async () => false }],
    [/has to ask/, { remembersMs: 30_000 }],
    [/getNow answers/, { getNow: () => undefined }],
    [/getNow finds nothing once/, { getNow: () => undefined }],
    [/getNow throws/, { getNow: () => undefined }],
    [
      /shares memory/,
      {
        set: async (cacheKey, bytes) => void kept.set(cacheKey, bytes),
        get: async (cacheKey): Promise<BackendEntry | undefined> => {
          const bytes = kept.get(cacheKey);
          return bytes && { bytes };
        },
      },
    ],
    [
      /setting again replaces/,
      {
        set: (cacheKey, bytes, options?: BackendSetOptions) => forever.set(cacheKey, bytes, { ...options, ttlMs: 1e9 }),
        get: (cacheKey, options) => forever.get(cacheKey, options),
      },
    ],
  ];
  for (const [pattern, methods] of broken) {
    const make = () => Object.assign(new MemoryBackend(), methods) as Backend;
    const behaviour = backendConformance({ make }).find(({ title }) => pattern.test(title));
    await t.throwsAsync(behaviour?.run() ?? Promise.resolve(), { instanceOf: AssertionError }, String(pattern));
  }
});

test('options without make are refused', (t) => {
  t.throws(() => backendConformance({} as never), { instanceOf: TypeError });
});

test('the test key says what it is', (t) => {
  t.regex(TEST_MASTER_KEY, /^[0-9a-f]{64}$/);
  t.is(Buffer.from(TEST_MASTER_KEY, 'hex').toString(), 'for tests only, never production');
});

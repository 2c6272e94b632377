import { EventEmitter } from 'node:events';
import test from 'ava';
import { createCache } from '../../index.js';
import { apolloCache } from '../../src/frameworks/apollo.js';
import { cacheResponses } from '../../src/frameworks/hono.js';
import { CachekitModule } from '../../src/frameworks/nest.js';
import { nextCacheHandler, nextUseCacheHandler } from '../../src/frameworks/next.js';
import { sessionStore } from '../../src/frameworks/session.js';
import { cachekitDriver } from '../../src/frameworks/unstorage.js';

const cache = createCache();
const session = { Store: EventEmitter };
const ADAPTERS: Record<string, (options: never) => unknown> = {
  apolloCache,
  cacheResponses,
  cachekitDriver,
  nextCacheHandler,
  nextUseCacheHandler,
  sessionStore: (options) => sessionStore(session, options),
};

for (const [name, adapter] of Object.entries(ADAPTERS)) {
  test(`${name}: its options are checked`, (t) => {
    const take = adapter as (options: unknown) => unknown;
    t.notThrows(() => take({ cache }));
    t.notThrows(() => take({ cache: cache.tenant('clinic-7') }));
    for (const wrong of [undefined, null, 'cache', [cache], cache.wrap, {}, { cache: new Map() }, { cache: null }]) {
      t.throws(() => take(wrong), { instanceOf: Error, message: /must be|Unknown option/ });
    }
    t.throws(() => take({ cache, nameSpace: 'x' }), {
      code: 'ERR_CONFIGURATION',
      message: /Unknown option 'nameSpace'/,
    });
  });
}

test('values of options are checked when the adapter is made', (t) => {
  t.throws(() => sessionStore(session, { cache, ttl: 0 }), { instanceOf: RangeError });
  t.throws(() => sessionStore(session, { cache, prefix: 7 as never }), { instanceOf: TypeError });
  t.throws(() => sessionStore({ Store: {} } as never, { cache }), {
    instanceOf: TypeError,
    message: /^module must be/,
  });
  t.throws(() => cachekitDriver({ cache, ttl: 'soon' as never }), { instanceOf: TypeError });
  t.throws(() => cacheResponses({ cache, ttl: -1 }), { instanceOf: RangeError });
  t.throws(() => cacheResponses({ cache, vary: 'cookie' as never }), { instanceOf: TypeError });
  t.throws(() => CachekitModule.forRootAsync({ name: 'x' } as never), { instanceOf: TypeError });
  t.throws(() => CachekitModule.forRootAsync({ useFactory: () => ({}), global: true } as never), {
    code: 'ERR_CONFIGURATION',
  });
});

test('a session without a callback answers with a promise, and one whose cookie has ended is not kept', async (t) => {
  interface Promised {
    set(sid: string, value: object): Promise<void>;
    get(sid: string): Promise<object | undefined>;
  }
  const store = sessionStore(session, { cache, ttl: '1h' }) as unknown as Promised;
  await store.set('a', { user: 'ada', cookie: { expires: new Date(Date.now() + 60_000) } });
  t.like(await store.get('a'), { user: 'ada' });
  t.true(((await cache.ttl('session:a')) ?? 0) <= 60);
  await store.set('a', { user: 'ada', cookie: { expires: new Date(Date.now() - 1) } });
  t.is(await store.get('a'), undefined);
  await store.set('b', { user: 'ada', cookie: { expires: null } });
  const left = (await cache.ttl('session:b')) ?? 0;
  t.true(left > 3_500 && left <= 3_600);
});

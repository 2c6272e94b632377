import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { BackendError, cache, createCache, MemoryBackend } from '../../index.js';
import { traceCaches } from '../../src/observability/opentelemetry.js';
import { requireRedis } from '../support/redis-server.js';

const masterKey = 'a1'.repeat(32);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

function tracing() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer('test');
  return {
    tracer,
    /** What has ended since the last time, by the order of their ends. */
    ended(): ReadableSpan[] {
      const spans = exporter.getFinishedSpans();
      exporter.reset();
      return spans;
    },
    async under<R>(name: string, work: () => Promise<R>): Promise<string> {
      const span = tracer.startSpan(name);
      await context.with(trace.setSpan(context.active(), span), work);
      return span.spanContext().spanId;
    },
  };
}

const summary = (spans: ReadableSpan[]) =>
  spans.map(({ name, attributes }) => {
    const { 'cachekit.status': status, 'cachekit.tier': tier } = attributes;
    return [name, status, tier].filter((part) => part !== undefined).join(' ');
  });

test('get, set and load have spans that say what became of them, and nothing when it has ended', async (t) => {
  const { tracer, ended } = tracing();
  await using sessions = createCache({ namespace: 'n', masterKey, backend: new MemoryBackend() });
  const end = traceCaches(tracer, { sessions });
  await sessions.get('rosebud');
  await sessions.set('rosebud', 'citizen');
  await sessions.get('rosebud');
  await sessions.getOrSet('other', () => 1);
  await sessions.entry('other', () => 1);
  await sessions.delete('rosebud');
  const spans = ended();
  t.deepEqual(summary(spans), [
    'cachekit.get miss',
    'cachekit.set',
    'cachekit.get hit l1',
    'cachekit.load',
    'cachekit.get miss',
    'cachekit.get hit l1',
    'cachekit.delete',
  ]);
  t.deepEqual(spans[1]?.attributes, {
    'cachekit.cache': 'sessions',
    'cachekit.namespace': 'n',
    'cachekit.entry': spans[0]?.attributes['cachekit.entry'],
    'cachekit.stored': true,
  });
  t.regex(String(spans[0]?.attributes['cachekit.entry']), /^[0-9a-f]{16}$/);
  t.not(spans[0]?.attributes['cachekit.entry'], spans[4]?.attributes['cachekit.entry']);
  t.is(spans[6]?.attributes['cachekit.removed'], 1);
  t.notRegex(
    JSON.stringify(spans.map(({ name, attributes, events, status }) => [name, attributes, events, status])),
    /rosebud|citizen|other/,
  );
  end();
  await sessions.get('rosebud');
  t.deepEqual(ended(), []);
});

test('a span is a child of the active context, and what a function does a child of its load', async (t) => {
  const { tracer, ended, under } = tracing();
  await using users = createCache({ namespace: 'n', masterKey, backend: new MemoryBackend() });
  const user = users.wrap({ operation: 'user' })(async (id: number) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    tracer.startSpan('query').end();
    return { id };
  });
  traceCaches(tracer, { users, user });
  const request = await under('request', () => Promise.all([user(1), user(1)]));
  const spans = ended();
  const [query, load, ...gets] = spans;
  t.deepEqual(summary(spans), ['query', 'cachekit.load', 'cachekit.get miss', 'cachekit.get miss']);
  t.deepEqual(
    gets.map(({ parentSpanContext }) => parentSpanContext?.spanId),
    [request, request],
  );
  t.is(query?.parentSpanContext?.spanId, load?.spanContext().spanId);
  t.true(gets.some((get) => get.spanContext().spanId === load?.parentSpanContext?.spanId));
  t.like(
    load?.attributes,
    { 'cachekit.cache': 'user', 'cachekit.operation': 'user' },
    'the name of its own, not of its cache',
  );
  await users.get('k');
  t.like(ended()[0]?.attributes, { 'cachekit.cache': 'users' });
});

test('calls that are gathered into one request have spans and answers of their own', async (t) => {
  const redis = await requireRedis(t);
  if (redis === undefined) return;
  const { tracer, ended, under } = tracing();
  await using users = createCache({ namespace: 'spans', masterKey, backend: redis.url, l1: false });
  await users.set('a', 1);
  traceCaches(tracer, { users });
  const parents = await Promise.all(['a', 'x', 'a'].map((key) => under(key, () => users.get(key))));
  const gets = ended().filter(({ name }) => name === 'cachekit.get');
  const statusOf = (parent: string) =>
    gets.find(({ parentSpanContext }) => parentSpanContext?.spanId === parent)?.attributes['cachekit.status'];
  t.deepEqual(parents.map(statusOf), ['hit', 'miss', 'hit']);
  t.deepEqual(gets.map(({ attributes }) => attributes['cachekit.tier']).filter(Boolean), ['backend', 'backend']);
});

test('many entries have one span', async (t) => {
  const { tracer, ended } = tracing();
  await using users = createCache({ masterKey, backend: new MemoryBackend() });
  traceCaches(tracer, { users });
  await users.setMany([
    ['a', 1],
    ['b', 2],
  ]);
  t.deepEqual(await users.getMany(['a', 'b', 'c']), [1, 2, undefined]);
  await users.deleteMany(['a', 'b', 'c']);
  t.deepEqual(
    ended().map(({ name, attributes }) => [name, attributes]),
    [
      ['cachekit.set', { 'cachekit.cache': 'users', 'cachekit.entries': 2, 'cachekit.stored': true }],
      ['cachekit.get', { 'cachekit.cache': 'users', 'cachekit.entries': 3, 'cachekit.hits': 2 }],
      ['cachekit.delete', { 'cachekit.cache': 'users', 'cachekit.entries': 3, 'cachekit.removed': 2 }],
    ],
  );
});

test('a failure that was counted is told by its code, and an error by its kind, without its message', async (t) => {
  const { tracer, ended } = tracing();
  const backend = new MemoryBackend();
  const quiet = { onError: () => {}, backend, l1: false } as const;
  await using users = createCache({ ...quiet, masterKey });
  await using others = createCache({ ...quiet, masterKey: 'b2'.repeat(32) });
  traceCaches(tracer, { users, others });
  await users.set('k', 1);
  await others.get('k');
  const unopened = { 'cachekit.failure': 'unopened', 'cachekit.failure.code': 'ERR_AUTHENTICATION' };
  t.like(ended()[1]?.attributes, { 'cachekit.status': 'miss', ...unopened });
  await t.throwsAsync(
    users.getOrSet('k', () => {
      throw new Error('rosebud');
    }),
  );
  const failed = ended();
  t.deepEqual(
    failed.map(({ name, status, attributes }) => [
      name,
      status,
      attributes['error.type'],
      attributes['cachekit.status'],
    ]),
    [
      ['cachekit.load', { code: SpanStatusCode.ERROR }, '_OTHER', undefined],
      ['cachekit.get', { code: SpanStatusCode.ERROR }, '_OTHER', 'miss'],
    ],
  );
  const refused = cache({ ...quiet, namespace: 'n', operation: 'refused' })(() => {
    throw new BackendError('rosebud');
  });
  traceCaches(tracer, { refused });
  await t.throwsAsync(refused());
  t.is(ended()[0]?.attributes['error.type'], 'ERR_BACKEND');
  await backend.close();
  t.is(await users.get('k'), undefined);
  t.like(ended()[0]?.attributes, { 'cachekit.status': 'miss', 'cachekit.failure': 'backend' });
});

test('a stale answer says so, and the run in the background is a span of its own', async (t) => {
  const { tracer, ended } = tracing();
  let runs = 0;
  const count = cache({ ttl: 0.02, swr: '1m', namespace: 'n', operation: 'o', backend: new MemoryBackend() })(
    () => ++runs,
  );
  traceCaches(tracer, { count });
  await count();
  ended();
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.is(await count(), 1);
  while (runs < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(summary(ended()).sort(), ['cachekit.get stale', 'cachekit.load']);
  await count.refresh();
  t.deepEqual(summary(ended()), ['cachekit.load', 'cachekit.refresh']);
  await count.invalidate();
  t.like(ended()[0], { name: 'cachekit.delete', attributes: { 'cachekit.removed': 1 } });
});

test('two tracers of a cache make no two spans, and the second goes on when the first has ended', async (t) => {
  const [first, second] = [tracing(), tracing()];
  await using users = createCache();
  const end = traceCaches(first.tracer, { users });
  traceCaches(second.tracer, { users });
  await users.get('k');
  t.deepEqual([first.ended().length, second.ended().length], [1, 0]);
  end();
  await users.get('k');
  t.deepEqual([first.ended().length, second.ended().length], [0, 1]);
});

test('what is no tracer or no cache of this package is a TypeError', (t) => {
  t.throws(() => traceCaches({} as never, {}), { instanceOf: TypeError });
  t.throws(() => traceCaches(tracing().tracer, { x: { stats: () => ({}) as never } }), { instanceOf: TypeError });
});

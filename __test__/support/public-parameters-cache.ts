import {
  type CacheOptions,
  cache,
  cachedMethod,
  createCache,
  FileBackend,
  HttpBackend,
  MemoryBackend,
  PlainDate,
  PlainTime,
  parseDuration,
  parseTtl,
  RedisBackend,
  StandardSerializer,
} from '../../index.js';
import { type Parameter, parameter, without } from './public-parameters.js';
import { notBoolean, notBytes, notMasterKey, notObject, notText, sentinel, type WrongValue } from './wrong-values.js';

/* The parameters of caches, cached functions, backends and serializers, as in public-parameters.ts. */

const masterKey = Buffer.alloc(32, 0x31);
const options = { namespace: 'n', operation: 'o', masterKey };
const store = createCache({ masterKey });
const memory = new MemoryBackend();
const http = { url: 'https://cache.example', apiKey: 'ck_live_x' };

const optional = (values: WrongValue[]) => without(values, 'undefined');
const notFunction = () => optional(without(notBytes(), 'a function'));
const notDuration = () => [
  ...optional(without(notBytes(), 'a number')),
  ...[0, -1, Number.POSITIVE_INFINITY, '10', '10 s', '-1s', '1w', 'forever', ''].map((value) => ({
    name: `${value}`,
    value,
  })),
];
/** A number of milliseconds is no span: it would be taken for seconds. */
const notSpan = () => [
  ...optional(notBytes()),
  ...['10', '10 s', '0s', '1w', '26d'].map((value) => ({ name: value, value })),
];
const notCount = () => [
  ...optional(without(notBytes(), 'a number')),
  ...[-1, 0.5, Number.POSITIVE_INFINITY, 2 ** 53].map((value) => ({ name: `${value}`, value })),
];
const notPart = () => [
  ...optional(without(notBytes(), 'a number')),
  ...[-0.1, 1, 7].map((value) => ({ name: `${value}`, value })),
];
const notTags = () => [
  { name: 'a number that is no list', value: 7 },
  ...optional(without(notBytes(), 'a function', 'an array')),
  ...notText().map(({ name, value }) => ({ name: `a list with ${name}`, value: [value] })),
  { name: 'a list with an empty string', value: [''] },
];
/** What no cache key can be made of. Bytes in shared or resizable memory can: they are copied once, and only their copy is used. */
const notArgument = () =>
  without(
    notBytes(),
    ...['null', 'true', 'a number', 'a bigint', 'an object', 'an object without a prototype', 'an array', 'a date'],
    ...['undefined', 'a string', 'an empty string', 'array-like', 'shared memory', 'a resizable buffer'],
  ).concat([{ name: 'a lone surrogate', value: `${sentinel}\ud800` }]);

const withOption = (name: string) => (v: never) => cache({ ...options, [name]: v } as CacheOptions);
const ofStorage = (name: string, wrong: WrongValue[]): Parameter[] => [
  parameter(`cache ${name}`, wrong, withOption(name)),
  parameter(`createCache ${name}`, wrong, (v) => createCache({ masterKey, [name]: v })),
];

const configuring: Parameter[] = [
  parameter('cache(options)', [...notObject(), { name: 'a function', value: () => sentinel }], (v) => cache(v)),
  parameter('cache.secure(options)', notObject(), (v) => cache.secure(v)),
  parameter('createCache(options)', notObject(), (v) => createCache(v)),
  parameter('cachedMethod(method)', notBytes(), (v) => cachedMethod(v)),
  parameter('cachedMethod(object)', notBytes(), (v) => cachedMethod(v, 'byId' as never)),
  parameter(
    'parseDuration(text)',
    notDuration().filter(({ value }) => typeof value !== 'number'),
    (v) => parseDuration(v),
  ),
  parameter(
    'parseTtl(text)',
    notDuration().filter(({ value }) => typeof value !== 'number'),
    (v) => parseTtl(v),
  ),
  parameter('cache()(fn)', without(notBytes(), 'a function'), (v) => cache(options)(v)),
  ...ofStorage('ttl', notDuration()),
  ...ofStorage('backend', optional(without(notBytes(), 'null'))),
  ...ofStorage('serializer', optional(notBytes())),
  ...ofStorage('masterKey', notMasterKey()),
  ...ofStorage('tenantId', notText()),
  ...ofStorage('wire', notText()),
  ...ofStorage('nonces', notText()),
  ...ofStorage('l1', without(notObject(), 'true')),
  ...ofStorage('signal', optional(notBytes())),
  ...ofStorage('onAuthenticationFailure', notText()),
  ...ofStorage('onError', notFunction()),
  ...ofStorage('swr', notDuration()),
  ...ofStorage('staleIfError', notDuration()),
  ...ofStorage('negativeTtl', notDuration()),
  ...ofStorage('jitter', notPart()),
  ...ofStorage('lock', without(notObject(), 'true')),
  ...ofStorage('timeout', [
    ...notObject(),
    { name: 'a bare number', value: 500 },
    { name: 'a number without its unit', value: '500' },
  ]),
  ...ofStorage('retry', notCount()),
  ...ofStorage('validate', optional(notBytes())),
  ...ofStorage('types', optional(without(notBytes(), 'an array'))),
  ...ofStorage('breaker', without(notObject(), 'true')),
  ...ofStorage('maxConcurrent', [...notCount(), { name: 'zero', value: 0 }]),
  ...ofStorage('privateKeys', notBoolean()),
  parameter('lock.lease', notSpan(), (v) => createCache({ backend: memory, lock: { lease: v } })),
  parameter('lock.wait', notSpan(), (v) => createCache({ backend: memory, lock: { wait: v } })),
  parameter('timeout.backend', notSpan(), (v) => createCache({ timeout: { backend: v } })),
  parameter('timeout.load', notSpan(), (v) => createCache({ timeout: { load: v } })),
  parameter('breaker.failures', [...notCount(), { name: 'zero', value: 0 }], (v) =>
    createCache({ breaker: { failures: v } }),
  ),
  parameter('breaker.rest', notSpan(), (v) => createCache({ breaker: { rest: v } })),
  parameter('cache tags', notTags(), withOption('tags')),
  parameter('cache.minimal(options)', notObject(), (v) => cache.minimal(v)),
  parameter('cache.production(options)', notObject(), (v) => cache.production(v)),
  parameter('cache.io(options)', notObject(), (v) => cache.io(v)),
  parameter('cache namespace', notText(), withOption('namespace')),
  parameter('cache operation', notText(), withOption('operation')),
  parameter('cache key', notFunction(), withOption('key')),
  parameter('cache tenant', notFunction(), withOption('tenant')),
  parameter('l1 maxBytes', optional(without(notBytes(), 'a number')), (v) => createCache({ l1: { maxBytes: v } })),
  parameter('l1 ttl', notDuration(), (v) => createCache({ l1: { ttl: v } })),
  parameter('l1 values', notBoolean(), (v) => createCache({ l1: { values: v } })),
  parameter('l1 invalidation', notBoolean(), (v) => createCache({ l1: { invalidation: v } })),
];

const calling: Parameter[] = [
  parameter('an argument of a cached function', notArgument(), (v) => cache(options)((_: unknown) => 1)(v)),
  parameter('what key returns', notText(), (v) => cache({ ...options, key: () => v })(() => 1)()),
  parameter('what tenant returns', notText(), (v) => cache({ ...options, tenant: () => v })(() => 1)()),
  parameter('keyFor an argument', notArgument(), (v) => cache(options)((_: unknown) => 1).keyFor(v)),
  ...(['get', 'pull', 'delete', 'has', 'ttl', 'keyFor'] as const).map((name) =>
    parameter(`Cache.${name}(cacheKey)`, notText(), (v) => store[name](v)),
  ),
  parameter('Cache.set(cacheKey)', notText(), (v) => store.set(v, 1)),
  parameter('Cache.set(, , options)', notObject(), (v) => store.set('k', 1, v)),
  parameter('Cache.set ttl', notDuration(), (v) => store.set('k', 1, { ttl: v })),
  parameter('Cache.get(, options)', notObject(), (v) => store.get('k', v)),
  parameter('Cache.get validate', optional(notBytes()), (v) => store.get('k', { validate: v })),
  parameter('Cache.getOrSet(, , options)', notObject(), (v) => store.getOrSet('k', () => 1, v)),
  parameter('Cache.getOrSet swr', notDuration(), (v) => store.getOrSet('k', () => 1, { swr: v })),
  parameter('Cache.getOrSet forceFresh', notBoolean(), (v) => store.getOrSet('k', () => 1, { forceFresh: v })),
  parameter('Cache.setForever(cacheKey)', notText(), (v) => store.setForever(v, 1)),
  parameter('Cache.setForever(, , options)', notObject(), (v) => store.setForever('k', 1, v)),
  parameter('Cache.clear(options)', notObject(), (v) => store.clear(v)),
  parameter('Cache.wrap retry', notCount(), (v) => store.wrap({ operation: 'o', retry: v })),
  parameter('Cache.batch(options)', notObject(), (v) => store.batch(v)),
  parameter('Cache.batch maxBatch', [...notCount(), { name: 'zero', value: 0 }], (v) => store.batch({ maxBatch: v })),
  parameter('many(ids)', without(notBytes(), 'an array'), (v) =>
    store
      .batch()((ids: unknown[]) => ids)
      .many(v),
  ),
  parameter('Cache.getMany(cacheKeys)', without(notBytes(), 'an array'), (v) => store.getMany(v)),
  parameter('Cache.getMany a cacheKey', notText(), (v) => store.getMany([v])),
  parameter('Cache.setMany a cacheKey', notText(), (v) => store.setMany([[v, 1]])),
  parameter('Cache.getOrSet(cacheKey)', notText(), (v) => store.getOrSet(v, () => 1)),
  parameter('Cache.getOrSet(, load)', without(notBytes(), 'a function'), (v) => store.getOrSet('k', v)),
  parameter('Cache.entry(, load)', without(notBytes(), 'a function'), (v) => store.entry('k', v)),
  parameter('Cache.expire(cacheKey)', notText(), (v) => store.expire(v, 1)),
  parameter('Cache.expire(, ttl)', notDuration(), (v) => store.expire('k', v)),
  parameter('Cache.tenant(tenantId)', notText(), (v) => store.tenant(v)),
  parameter('what tags returns', notTags().slice(1), (v) => cache({ ...options, tags: () => v })(() => 1)()),
  parameter('what a tenant store holds', notText(), (v) =>
    cache({ ...options, tenant: { getStore: () => v } })(() => 1)(),
  ),
  parameter('Cache.set tags', notTags(), (v) => store.set('k', 1, { tags: v })),
  parameter('Cache.setMany tags', notTags(), (v) => store.setMany([['k', 1]], { tags: v })),
  parameter('Cache.invalidateTags(tags)', without(notBytes(), 'a string', 'an array'), (v) => store.invalidateTags(v)),
  parameter('Cache.invalidateTags a tag', notText(), (v) => store.invalidateTags([v])),
  parameter('Cache.deleteMany(cacheKeys)', without(notBytes(), 'an array'), (v) => store.deleteMany(v)),
  parameter('Cache.deleteMany a cacheKey', notText(), (v) => store.deleteMany([v])),
  parameter('Cache.rewrap(options)', notObject(), (v) => store.rewrap(v)),
  parameter('Cache.rewrap tenants', optional(without(notBytes(), 'an array')), (v) => store.rewrap({ tenants: v })),
  parameter('Cache.rewrap a tenant', notText(), (v) => store.rewrap({ tenants: [v] })),
  parameter('Cache.rewrap onProgress', notFunction(), (v) => store.rewrap({ onProgress: v })),
  parameter('Cache.rewrap signal', optional(notBytes()), (v) => store.rewrap({ signal: v })),
];

const storing: Parameter[] = [
  parameter('new FileBackend(options)', notObject(), (v) => new FileBackend(v)),
  parameter('FileBackend directory', without(notBytes(), 'a string'), (v) => new FileBackend({ directory: v })),
  parameter('new RedisBackend(options)', notObject(), (v) => new RedisBackend(v)),
  parameter('RedisBackend url', notText(), (v) => new RedisBackend({ url: v })),
  parameter(
    'RedisBackend timeoutMs',
    notDuration().slice(0, 25),
    (v) => new RedisBackend({ url: 'redis://h', timeoutMs: v }),
  ),
  parameter('new HttpBackend(options)', notObject(), (v) => new HttpBackend(v)),
  parameter('HttpBackend url', notText(), (v) => new HttpBackend({ ...http, url: v })),
  parameter('HttpBackend apiKey', notText(), (v) => new HttpBackend({ ...http, apiKey: v })),
  parameter('HttpBackend allowPrivateHosts', notBoolean(), (v) => new HttpBackend({ ...http, allowPrivateHosts: v })),
  parameter('Backend.get(cacheKey)', notText(), (v) => memory.get(v)),
  parameter('Backend.set(cacheKey)', notText(), (v) => memory.set(v, new Uint8Array(1))),
  parameter('Backend.set(, bytes)', notBytes(), (v) => memory.set('k', v)),
  parameter('Backend.set ttlMs', notDuration().slice(0, 25), (v) => memory.set('k', new Uint8Array(1), { ttlMs: v })),
  parameter('Backend.delete(cacheKey)', notText(), (v) => memory.delete(v)),
  parameter('Backend.delete ifBytes', optional(notBytes()), (v) => memory.delete('k', { ifBytes: v })),
  parameter('new StandardSerializer(options)', notObject(), (v) => new StandardSerializer(v)),
  parameter('StandardSerializer types', notText(), (v) => new StandardSerializer({ types: v })),
  parameter('StandardSerializer reviver', notFunction(), (v) => new StandardSerializer({ reviver: v })),
  parameter('deserialize(payload)', notBytes(), (v) => new StandardSerializer().deserialize(v)),
  parameter('new PlainDate(iso)', notText(), (v) => new PlainDate(v)),
  parameter('new PlainTime(iso)', notText(), (v) => new PlainTime(v)),
];

export const cacheParameters: Parameter[] = [...configuring, ...calling, ...storing];

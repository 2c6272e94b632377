import {
  type CacheOptions,
  cache,
  createCache,
  FileBackend,
  HttpBackend,
  MemoryBackend,
  PlainDate,
  PlainTime,
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
  parameter('cache namespace', notText(), withOption('namespace')),
  parameter('cache operation', notText(), withOption('operation')),
  parameter('cache key', notFunction(), withOption('key')),
  parameter('cache tenant', notFunction(), withOption('tenant')),
  parameter('l1 maxBytes', optional(without(notBytes(), 'a number')), (v) => createCache({ l1: { maxBytes: v } })),
  parameter('l1 ttl', notDuration(), (v) => createCache({ l1: { ttl: v } })),
  parameter('l1 values', notBoolean(), (v) => createCache({ l1: { values: v } })),
];

const calling: Parameter[] = [
  parameter('an argument of a cached function', notArgument(), (v) => cache(options)((_: unknown) => 1)(v)),
  parameter('what key returns', notText(), (v) => cache({ ...options, key: () => v })(() => 1)()),
  parameter('what tenant returns', notText(), (v) => cache({ ...options, tenant: () => v })(() => 1)()),
  parameter('keyFor an argument', notArgument(), (v) => cache(options)((_: unknown) => 1).keyFor(v)),
  ...(['get', 'delete', 'has', 'ttl', 'keyFor'] as const).map((name) =>
    parameter(`Cache.${name}(cacheKey)`, notText(), (v) => store[name](v)),
  ),
  parameter('Cache.set(cacheKey)', notText(), (v) => store.set(v, 1)),
  parameter('Cache.set(, , options)', notObject(), (v) => store.set('k', 1, v)),
  parameter('Cache.set ttl', notDuration(), (v) => store.set('k', 1, { ttl: v })),
  parameter('Cache.getMany(cacheKeys)', without(notBytes(), 'an array'), (v) => store.getMany(v)),
  parameter('Cache.getMany a cacheKey', notText(), (v) => store.getMany([v])),
  parameter('Cache.setMany a cacheKey', notText(), (v) => store.setMany([[v, 1]])),
  parameter('Cache.getOrSet(cacheKey)', notText(), (v) => store.getOrSet(v, () => 1)),
  parameter('Cache.getOrSet(, load)', without(notBytes(), 'a function'), (v) => store.getOrSet('k', v)),
  parameter('Cache.entry(, load)', without(notBytes(), 'a function'), (v) => store.entry('k', v)),
  parameter('Cache.expire(cacheKey)', notText(), (v) => store.expire(v, 1)),
  parameter('Cache.expire(, ttl)', notDuration(), (v) => store.expire('k', v)),
  parameter('Cache.tenant(tenantId)', notText(), (v) => store.tenant(v)),
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

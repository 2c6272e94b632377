import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { BackendError, ConfigurationError, RedisBackend, type RedisBackendOptions } from '../../index.js';
import { backendFrom } from '../../src/backends/from-url.js';
import { parseRedisUrl } from '../../src/backends/redis/address.js';
import { requireRedisCluster } from '../support/redis-cluster.js';
import { requireRedis } from '../support/redis-server.js';
import { assertNoSecret, libraries, SECRET } from './redis-backends.js';

const bytes = Buffer.from('x');
const server = (host: string, port = 6379) => ({ nodes: [{ host, port }], cluster: false });

function open(t: ExecutionContext, options: RedisBackendOptions): RedisBackend {
  const backend = new RedisBackend(options);
  t.teardown(() => backend.close());
  return backend;
}

test('what each form of a URL means', (t) => {
  const forms: [string, object][] = [
    ['redis://h', { ...server('h'), tls: undefined, database: 0, username: undefined, password: undefined, family: 0 }],
    ['valkey://h:7/3', { ...server('h', 7), tls: undefined, database: 3 }],
    ['VALKEYS://h?family=6', { ...server('h'), tls: { ca: undefined, cert: undefined, key: undefined }, family: 6 }],
    [
      'redis://h?tls=true&db=4',
      { ...server('h'), tls: { ca: undefined, cert: undefined, key: undefined }, database: 4 },
    ],
    ['redis://h?tls=false', { tls: undefined }],
    ['redis://[::1]', server('::1')],
    ['redis://user@h', { username: 'user', password: '' }],
    ['redis://:p%40%2F%23%3F@h', { username: undefined, password: 'p@/#?' }],
    ['redis://us%3Aer:a+b@h', { username: 'us:er', password: 'a+b' }],
    ['unix:/tmp/r.sock', { nodes: [{ host: 'localhost', port: 0, path: '/tmp/r.sock' }], tls: undefined, database: 0 }],
    ['unix:///tmp/r%20s?db=2', { nodes: [{ host: 'localhost', port: 0, path: '/tmp/r s' }], database: 2 }],
    [
      'redis+unix://u:p%40@/tmp/r',
      { nodes: [{ host: 'localhost', port: 0, path: '/tmp/r' }], username: 'u', password: 'p@' },
    ],
    [
      'valkey+cluster://u:p@a,[::1]:2',
      {
        nodes: [
          { host: 'a', port: 6379 },
          { host: '::1', port: 2 },
        ],
        cluster: true,
        username: 'u',
      },
    ],
    [
      'rediss+sentinel://u:p@a,b:2/my%20master/5?sentinelUsername=s&sentinelPassword=q%26+',
      {
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 2 },
        ],
        sentinel: { name: 'my master', username: 's', password: 'q&+' },
        username: 'u',
        password: 'p',
        database: 5,
        tls: { ca: undefined, cert: undefined, key: undefined },
      },
    ],
    ['redis+sentinel://a/m', { sentinel: { name: 'm', username: undefined, password: undefined }, database: 0 }],
  ];
  for (const [url, expected] of forms) t.like(parseRedisUrl(url), expected, url);
  for (const [url] of forms) t.true(backendFrom(url) instanceof RedisBackend, url);
});

test('what is wrong in a URL is said, with what there is, and without the URL', (t) => {
  const secret = 'hunter2';
  const wrong: [string, RegExp][] = [
    [`redis://h?password=${secret}`, /unknown parameter\. Known here: db, family, tls, ca, cert, key$/],
    [`redis://h?${secret}`, /unknown parameter/],
    ['redis://h?rejectUnauthorized=false', /unknown parameter/],
    ['redis://h?tls=insecure', /always verified/],
    ['rediss://h?tls=false', /rediss:\/\/ is TLS/],
    ['redis://h?ca=x.pem', /write rediss:\/\//],
    ['rediss://h?ca=/none.pem', /that ca names cannot be read: ENOENT/],
    ['rediss://h?cert=/none.pem', /go together/],
    ['redis://h/1?db=2', /not both/],
    ['redis://h?db=x', /db must be/],
    ['redis://h?db=1&db=1', /db twice/],
    ['redis://h?db=', /db has no value/],
    ['redis://h?family=5', /4, 6, or 0/],
    ['redis://h?db=%zz', /percent-encoded/],
    ['redis+cluster://h?db=1', /only database 0/],
    ['redis://a,b', /redis\+cluster:\/\/ or redis\+sentinel:\/\//],
    ['redis+sentinel://a', /primary's name/],
    ['redis+sentinel://a/m/x', /database number/],
    ['redis+cluster://a/m', /database number/],
    ['unix:r.sock', /absolute path/],
    ['unix://host/r.sock', /absolute path/],
    ['unix:/', /absolute path/],
    ['unix:/r.sock?family=4', /Known here: db$/],
    ['rediss+unix:///r.sock', /no TLS/],
    // Passwords whose characters are not encoded.
    [`redis://user:${secret}#1@h`, /percent-encoded/],
    [`redis://user:12?${secret}@h`, /percent-encoded/],
    [`redis://user:12/${secret}@h`, /database number/],
  ];
  for (const [url, message] of wrong) {
    const error = t.throws(() => new RedisBackend({ url }), { instanceOf: ConfigurationError }, url);
    t.regex(error.message, message, url);
    t.false(inspect(error, { showHidden: true, depth: 9 }).includes(secret), url);
  }
});

for (const library of libraries) {
  test.serial(`${library}: users with and without passwords`, async (t) => {
    const running = await requireRedis(t);
    if (!running) return;
    const raw = new Redis(running.url);
    t.teardown(() => raw.disconnect());
    await raw.call('acl', 'setuser', 'free', 'on', 'nopass', '+@all', '~*', '&*');
    await raw.call('acl', 'setuser', 'o:ne', 'on', `>${SECRET}`, '+@all', '~*', '&*');
    const at = `127.0.0.1:${running.port}`;
    const good = [`free@${at}`, `o%3Ane:${encodeURIComponent(SECRET)}@${at}`];
    for (const rest of good) {
      const backend = open(t, { url: `redis://${rest}`, library });
      await backend.set('k', bytes);
      t.false(inspect(backend, { showHidden: true, depth: 9 }).includes(SECRET));
    }
    const names = String(await raw.client('LIST')).match(/ user=\S+/g);
    t.true(names?.includes(' user=free') && names.includes(' user=o:ne'), String(names));
    const refused = open(t, { url: `redis://o%3Ane:${encodeURIComponent(`${SECRET}x`)}@${at}`, library });
    assertNoSecret(t, await t.throwsAsync(refused.get('k'), { instanceOf: BackendError, message: /WRONGPASS/ }));
  });

  test.serial(`${library}: family chooses between the addresses of a name`, async (t) => {
    const running = await requireRedis(t);
    if (!running) return;
    // `localhost` has both, and the server listens on the first alone.
    await open(t, { url: `redis://localhost:${running.port}?family=4`, library }).set('k', bytes);
    await open(t, { url: `redis://127.0.0.1:${running.port}?family=0`, library }).set('k', bytes);
    const v6 = open(t, { url: `redis://localhost:${running.port}?family=6`, library });
    await t.throwsAsync(v6.get('k'), { instanceOf: BackendError, message: /cannot be reached/ });
  });

  test.serial(`${library}: a server of a cluster that is given as one says what to write instead`, async (t) => {
    const cluster = await requireRedisCluster(t);
    if (!cluster) return;
    const [url] = cluster.urls as [string];
    const backend = open(t, { url, library });
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const errors = await Promise.all(keys.map((key) => backend.set(key, bytes).catch((error) => error)));
    const moved = errors.find((error) => error instanceof Error) as BackendError;
    t.regex(moved.message, /(MOVED|CROSSSLOT)\. This server is one of a cluster: its URL begins with redis\+cluster:/);
    t.false(moved.transient);
    const many = await t.throwsAsync(backend.getMany(keys), { instanceOf: BackendError });
    t.regex(many?.message ?? '', /(MOVED|CROSSSLOT)\. This server is one of a cluster/);
  });

  test.serial(`${library}: a replica says that it is one`, async (t) => {
    const [primary, replica] = [await requireRedis(t), await requireRedis(t)];
    if (!primary || !replica) return;
    const raw = new Redis(replica.url);
    await raw.replicaof('127.0.0.1', primary.port);
    raw.disconnect();
    const error = await t.throwsAsync(open(t, { url: replica.url, library }).set('k', bytes));
    t.regex(error?.message ?? '', /READONLY\. This server is a replica: .*redis\+sentinel/);
  });
}

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { API_KEY, startCacheServer } from '../support/http-server.js';
import { freePort, requireRedis } from '../support/redis-server.js';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const src = (path: string) => new URL(`../../src/${path}`, import.meta.url).href;

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-process-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Ran {
  code: number | null;
  output: string;
}

/** Runs a module in a process of its own until it ends by itself. */
async function run(script: string, env: Record<string, string> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [`--import=${TSX}`, '--input-type=module', '-e', script], {
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** A key and a certificate for 127.0.0.1 that no authority signed, or `undefined` without openssl. */
function selfSigned(t: ExecutionContext): { key: string; cert: string; keyPath: string; certPath: string } | undefined {
  const directory = temporary(t);
  const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyPath, '-out', certPath],
  ]);
  if (made.status !== 0) {
    if (process.env.CI === 'true') t.fail('openssl cannot be run, and CI=true');
    else t.log('skipped: openssl cannot be run');
    t.pass();
    return undefined;
  }
  return { key: readFileSync(keyPath, 'utf8'), cert: readFileSync(certPath, 'utf8'), keyPath, certPath };
}

test('an idle Redis connection keeps no process alive', async (t) => {
  const server = await requireRedis(t);
  if (!server) return;
  for (const library of ['ioredis', 'redis']) {
    const { code, output } = await run(`
      import { RedisBackend } from '${src('backends/redis.ts')}';
      const backend = new RedisBackend({ url: '${server.url}', library: '${library}', timeoutMs: 60_000 });
      await backend.set('a', Buffer.from('x'));
      console.log((await backend.get('a')).bytes.toString());
    `);
    t.is(output.trim(), 'x', library);
    t.is(code, 0, library);
  }
});

test('idle HTTP connections keep no process alive', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const { code, output } = await run(`
    import { HttpBackend } from '${src('backends/http.ts')}';
    const backend = new HttpBackend({ url: '${server.url}', apiKey: '${API_KEY}', allowPrivateHosts: true });
    await backend.set('a', Buffer.from('x'));
    console.log((await backend.get('a')).bytes.toString());
  `);
  t.is(output.trim(), 'x');
  t.is(code, 0);
});

for (const frozen of [false, true]) {
  test(`an answer that is awaited keeps the process alive${frozen ? ', with fake timers too' : ''}`, async (t) => {
    const redis = await requireRedis(t);
    const http = await startCacheServer();
    t.teardown(() => http.stop());
    http.handler = (_, response) => {
      setTimeout(() => response.writeHead(404).end(), 1_000);
      return true;
    };
    const directory = temporary(t);
    const backends = [
      `new HttpBackend({ url: '${http.url}', apiKey: '${API_KEY}', allowPrivateHosts: true })`,
      `'file:${join(directory, 'files')}'`,
      `'lmdb:${join(directory, 'lmdb')}'`,
      ...(redis
        ? ['ioredis', 'redis'].map(
            (library) => `new RedisBackend({ url: '${redis.url}', library: '${library}', timeoutMs: 60_000 })`,
          )
        : []),
    ];
    for (const backend of backends) {
      const slow = backend.includes('Redis');
      const ran = run(`
        import FakeTimers from '${import.meta.resolve('@sinonjs/fake-timers')}';
        import { createCache, HttpBackend, RedisBackend } from '${new URL('../../index.ts', import.meta.url).href}';
        if (${frozen}) FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'setInterval'] });
        const users = createCache({ namespace: 'n', backend: ${backend}, masterKey: '${'a5'.repeat(32)}', lock: ${slow}, timeout: '60s' });
        // The second one finds an idle connection.
        await users.get('k');
        console.log('asks');
        console.log((await users.get('k')) ?? 'absent');
      `);
      if (slow && redis) {
        redis.freeze();
        setTimeout(() => redis.resume(), 1_500);
      }
      const { code, output } = await ran;
      t.is(output.trim().split('\n').at(-1), 'absent', `${backend}: ${output}`);
      t.is(code, 0, backend);
    }
  });
}

test('without ioredis and redis, constructing a Redis backend says what to install', async (t) => {
  const directory = temporary(t);
  mkdirSync(join(directory, 'src'));
  for (const path of ['backends', 'util', 'errors.ts']) {
    cpSync(new URL(src(path)), join(directory, 'src', path), { recursive: true });
  }
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const { output } = await run(`
    import { RedisBackend } from '${pathToFileURL(join(directory, 'src/backends/redis.ts')).href}';
    for (const library of [undefined, 'ioredis', 'redis']) {
      try {
        new RedisBackend({ url: 'redis://127.0.0.1', library });
      } catch (error) {
        console.log(error.code + ' ' + error.message);
      }
    }
  `);
  const lines = output.trim().split('\n');
  t.is(lines.length, 3);
  t.true(lines.every((line) => line.startsWith('ERR_CONFIGURATION ')));
  t.regex(lines[0] ?? '', /npm install ioredis/);
  t.regex(lines[1] ?? '', /npm install ioredis/);
  t.regex(lines[2] ?? '', /npm install redis/);
});

test('a memory backend loads neither a Redis client nor an HTTP stack', async (t) => {
  const { code, output } = await run(`
    import { createRequire } from 'node:module';
    const { backendFrom } = await import('${src('backends/from-url.ts')}');
    const before = process.moduleLoadList.length;
    const backend = backendFrom(null);
    await backend.set('a', Buffer.from('x'));
    const loaded = Object.keys(createRequire('${import.meta.url}').cache);
    console.log(loaded.filter((path) => /node_modules.(ioredis|redis|@redis).(?!commands)/.test(path)).length);
    console.log(process.moduleLoadList.slice(before).filter((name) => /_http|https/.test(name)).length);
  `);
  t.is(output.trim(), '0\n0');
  t.is(code, 0);
});

test('https is spoken with a trusted certificate, and refused with another', async (t) => {
  const tls = selfSigned(t);
  if (!tls) return;
  const server = await startCacheServer({ tls });
  t.teardown(() => server.stop());
  const script = `
    import { HttpBackend } from '${src('backends/http.ts')}';
    const backend = new HttpBackend({ url: '${server.url}', apiKey: '${API_KEY}', allowPrivateHosts: true });
    try {
      await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
      console.log((await backend.get('a')).bytes.toString());
    } catch (error) {
      console.log(error.code + ' ' + error.message);
    }
  `;
  t.is((await run(script, { NODE_EXTRA_CA_CERTS: tls.certPath })).output.trim(), 'x');
  t.regex((await run(script, { NODE_EXTRA_CA_CERTS: '' })).output, /^ERR_BACKEND .*SELF_SIGNED/);
});

test('rediss is TLS with a trusted certificate, and refused with another', async (t) => {
  const tls = selfSigned(t);
  if (!tls) return;
  const port = await freePort();
  const server = await requireRedis(t, {
    args: [
      ...['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-ca-cert-file', tls.certPath],
      ...['--tls-cert-file', tls.certPath, '--tls-key-file', tls.keyPath],
    ],
  });
  if (!server) return;
  for (const library of ['ioredis', 'redis']) {
    const script = `
      import { RedisBackend } from '${src('backends/redis.ts')}';
      const backend = new RedisBackend({ url: 'rediss://127.0.0.1:${port}', library: '${library}', timeoutMs: 60_000 });
      try {
        await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
        console.log((await backend.get('a')).bytes.toString());
      } catch (error) {
        console.log(error.code + ' ' + error.message);
      }
    `;
    t.is((await run(script, { NODE_EXTRA_CA_CERTS: tls.certPath })).output.trim(), 'x', library);
    t.regex((await run(script, { NODE_EXTRA_CA_CERTS: '' })).output, /^ERR_BACKEND .*SELF_SIGNED/, library);
  }
});

for (const library of ['ioredis', 'redis']) {
  for (const scheme of ['redis', 'redis+cluster']) {
    test.serial(
      `a Redis that accepts and never answers holds no process beyond a cache's timeout: ${library}, ${scheme}`,
      async (t) => {
        const sockets = new Set<Socket>();
        const server = createServer((socket) => sockets.add(socket.on('error', () => undefined))).listen(
          0,
          '127.0.0.1',
        );
        await once(server, 'listening');
        t.teardown(() => {
          for (const socket of sockets) socket.destroy();
          server.close();
        });
        const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const { code, output } = await run(`
        import { createCache } from '${src('cache/create.ts')}';
        import { RedisBackend } from '${src('backends/redis.ts')}';
        const backend = new RedisBackend({ url: '${url}', library: '${library}', timeoutMs: ${scheme === 'redis' ? 30_000 : 200} });
        const cache = createCache({ namespace: 'n', backend, timeout: '200ms', retry: 0, onError: () => {} });
        const value = await cache.get('k');
        const answered = performance.now();
        process.on('exit', () => console.log(value, performance.now() - answered < 5_000));
      `);
        t.deepEqual({ code, output: output.trim() }, { code: 0, output: 'undefined true' });
      },
    );
  }
}

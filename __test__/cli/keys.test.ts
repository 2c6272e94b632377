import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { createCache, EncryptionWrapper, JsonSerializer, Keyring } from '../../index.js';
import { runNode } from '../support/child.js';
import { requireRedis } from '../support/redis-server.js';
import { startCli } from './run-cli.js';

/* The commands that an operator rotates a key with. Keys are in the environment alone. */

const [oldKey, newKey, strangeKey] = ['1f', '2e', '3d'].map((byte) => byte.repeat(32)) as [string, string, string];
const rotating = { CACHEKIT_MASTER_KEY: newKey, CACHEKIT_PREVIOUS_MASTER_KEYS: oldKey, CACHEKIT_BACKEND: '' };

async function run(args: readonly string[], env: Record<string, string>, stdin?: Uint8Array) {
  const { child, ended } = startCli(args, env);
  child.stdin.end(stdin);
  const result = await ended;
  for (const key of [oldKey, newKey, strangeKey]) {
    if (`${result.stdout}${result.stderr}`.includes(key)) throw new Error('a key was printed');
  }
  return result;
}

/** A namespace with entries of a tenant and of a function with a key of its own, under the old key. */
async function filled(t: ExecutionContext, count: number): Promise<string | undefined> {
  const server = await requireRedis(t);
  if (server === undefined) return undefined;
  const entries = createCache({ namespace: 'app', backend: server.url, masterKey: oldKey, l1: false, ttl: '1h' });
  await entries.setMany(Array.from({ length: count }, (_, i) => [`k${i}`, i] as const));
  await entries.tenant('acme').set('a', 1);
  await entries.wrap({ key: (id: number) => `user:${id}`, operation: 'o' })((id: number) => id)(7);
  await entries.close();
  return server.url;
}

test.serial('report says what needs a previous key, rewrap does it, and report says that nothing does', async (t) => {
  const url = await filled(t, 300);
  if (url === undefined) return;
  // With the registry, which rewrap seals as well and does not count.
  const before = await run(['report', url, '--namespace', 'app'], rotating);
  t.is(before.code, 3, before.stderr);
  t.regex(before.stdout, /^previous key +[0-9a-f]{32} +303$/m);
  const dry = await run(['rewrap', url, '--namespace', 'app', '--dry-run', '--json'], rotating);
  t.is(dry.code, 3);
  t.like(JSON.parse(dry.stdout), { seen: 303, left: 303, current: 0 });
  const done = await run(['rewrap', url, '--namespace', 'app'], rotating);
  t.deepEqual([done.code, done.stderr], [0, '']);
  t.regex(done.stdout, /^current key +[0-9a-f]{32} +302$/m);
  const after = await run(['report', url, '--namespace', 'app', '--json'], rotating);
  t.is(after.code, 0);
  t.like(JSON.parse(after.stdout), { seen: 302, current: 302, left: 0, cannotKnow: [] });
  const alone = await run(['report', '--namespace', 'app'], { CACHEKIT_MASTER_KEY: newKey, CACHEKIT_BACKEND: url });
  t.is(alone.code, 0, 'the backend is from the environment');
  const typo = await run(['report', url, '--namespace', 'ap'], rotating);
  t.is(typo.code, 3, 'nothing is no proof');
  t.regex(typo.stdout, /^nothing was found: /m);
  const wrong = await run(['report', url, '--namespace', 'app'], { CACHEKIT_MASTER_KEY: strangeKey });
  t.is(wrong.code, 3, wrong.stderr);
  t.regex(wrong.stdout, /^not opened|^not held/m);
  t.regex(wrong.stdout, /^cannot know: the cache has no registry that opens/m);
});

test.serial('tenants are named by options and by a file, and unnamed ones are shown by their hash', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const entries = createCache({ namespace: 'app', backend: server.url, masterKey: oldKey, l1: false, registry: false });
  await entries.tenant('acme').set('a', 1);
  await entries.tenant('beta').set('a', 1);
  const hash = entries.tenant('beta').keyFor('a').slice(2, 18);
  await entries.close();
  const named = await run(['rewrap', server.url, '--namespace', 'app', '--tenant', 'acme'], rotating);
  t.is(named.code, 3);
  t.regex(named.stdout, new RegExp(`^unnamed tenant +${hash} +1$`, 'm'));
  t.regex(named.stdout, /--tenants-from/);
  const all = await run(
    ['rewrap', server.url, '--namespace', 'app', '--tenants-from', '-', '--json'],
    rotating,
    Buffer.from('acme\r\nbeta\n\n'),
  );
  t.is(all.code, 0, all.stderr);
  t.like(JSON.parse(all.stdout), { seen: 2, rewrapped: 1, current: 1 });
});

test.serial('rewrap goes on from its cursor file after it was killed', async (t) => {
  const url = await filled(t, 3000);
  if (url === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-rewrap-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'cursor');
  const args = ['rewrap', url, '--namespace', 'app', '--cursor-file', file, '--concurrency', '100'];
  const { child, ended } = startCli([...args, '--rate', '1500'], rotating);
  child.stdin.end();
  while (!existsSync(file) || child.exitCode !== null) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGKILL');
  t.is((await ended).signal, 'SIGKILL');
  const cursor = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url').toString();
  t.false(/k\d|acme|user/.test(cursor));
  const rest = await run(args, rotating);
  t.is(rest.code, 0, rest.stderr);
  t.regex(rest.stdout, /Continued from a cursor/);
  t.false(existsSync(file));
  t.is((await run(['report', url, '--namespace', 'app'], rotating)).code, 0);

  // One of this rotation leaves nothing out in the next one, and is not that of a dry run.
  writeFileSync(file, Buffer.from(cursor).toString('base64url'));
  const next = { CACHEKIT_MASTER_KEY: strangeKey, CACHEKIT_PREVIOUS_MASTER_KEYS: newKey, CACHEKIT_BACKEND: '' };
  t.is((await run([...args, '--dry-run'], next)).code, 2);
  t.true(existsSync(file));
  t.is((await run(args, next)).code, 0);
  t.is((await run(['report', url, '--namespace', 'app'], next)).code, 0);
  writeFileSync(file, 'damaged');
  const damaged = await run(args, next);
  t.deepEqual([damaged.code, damaged.stdout], [1, '']);
  t.regex(damaged.stderr, /^error: The cursor file is damaged: delete it/);
});

test.serial(
  'private names are told of, and a warning says that previous keys of the environment are not read',
  async (t) => {
    const server = await requireRedis(t);
    if (server === undefined) return;
    const entries = createCache({
      namespace: 'app',
      backend: server.url,
      masterKey: oldKey,
      l1: false,
      privateKeys: true,
    });
    await entries.set('a', 1);
    await entries.close();
    for (const command of ['report', 'rewrap']) {
      const { code, stdout } = await run([command, server.url, '--namespace', 'app'], rotating);
      t.is(code, 3);
      t.regex(stdout, /^cannot know: the cache has private keys/m);
    }
    const program = `import { Keyring } from ${JSON.stringify(new URL('../../index.js', import.meta.url).href)};
    new Keyring({ masterKey: process.env.CACHEKIT_MASTER_KEY }); new Keyring({ masterKey: process.env.CACHEKIT_MASTER_KEY });`;
    const warned = await runNode('--input-type=module', ['--eval', program], { env: { ...process.env, ...rotating } });
    t.is(String(warned.stderr).split('CACHEKIT_PREVIOUS_KEYS_IGNORED').length, 2);
    t.false(String(warned.stderr).includes(oldKey));
  },
);

test.serial('an interrupted rewrap stops behind what is under way, says how far it was, and fails', async (t) => {
  const url = await filled(t, 2000);
  if (url === undefined) return;
  const args = ['rewrap', url, '--namespace', 'app', '--rate', '500', '--concurrency', '50'];
  const { child, ended } = startCli(args, rotating);
  child.stdin.end();
  await new Promise((resolve) => setTimeout(resolve, 2500));
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  t.is(code, 1);
  t.regex(stderr, /^error: (The operation ended early \(seen: \d+, rewrapped: \d+|stopped before)/);
});

test.serial('fingerprint relates the names of a key', async (t) => {
  const keyring = new Keyring({ masterKey: newKey, previousMasterKeys: [oldKey] });
  const expected = keyring.fingerprints({ tenantId: 'acme' });
  const json = await run(['fingerprint', '--tenant', 'acme', '--json'], rotating);
  const hashes = JSON.parse(json.stdout).map(({ tenantHash, ...key }: { tenantHash: string }) => [key, tenantHash]);
  t.deepEqual(
    hashes,
    expected.map((key) => [key, createHash('sha256').update('acme').digest('hex').slice(0, 16)]),
  );
  for (const name of [expected[1]!.tenantFingerprint, expected[1]!.fingerprint.toUpperCase()]) {
    const { code, stdout } = await run(['fingerprint', '--tenant', 'acme', '--find', name], rotating);
    t.is(code, 0);
    t.is(stdout.trim().split('\n').length, 2);
    t.regex(stdout, /^previous /m);
  }
  t.is((await run(['fingerprint', '--find', 'ab'.repeat(16)], rotating)).code, 3);
  t.is((await run(['fingerprint', '--find', 'nonsense'], rotating)).code, 2);
  t.regex((await run(['fingerprint', '--find', expected[0]!.fingerprint.slice(0, 8)], rotating)).stdout, /^current /m);
  const none = await run(['fingerprint'], { CACHEKIT_MASTER_KEY: '', CACHEKIT_PREVIOUS_MASTER_KEYS: '' });
  t.is(none.code, 1);
  t.regex(none.stderr, /^error: No master key/);
});

test.serial('inspect says which key of the environment opens a value, of a file or of a store', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const cacheKey = 'ns:app:key:users/1';
  const wrapper = new EncryptionWrapper({ masterKey: oldKey, tenantId: 'acme', serializer: new JsonSerializer() });
  const sealed = wrapper.serialize({ diagnosis: 'secret' }, { cacheKey });
  const opened = await run(['inspect', '-', '--tenant', 'acme', '--key', cacheKey], rotating, sealed);
  t.is(opened.code, 0, opened.stderr);
  const [, previous] = new Keyring({ masterKey: newKey, previousMasterKeys: [oldKey] }).fingerprints({
    tenantId: 'acme',
  });
  const { position, fingerprint, tenantFingerprint } = previous!;
  t.deepEqual(JSON.parse(opened.stdout).key, { position, fingerprint, tenantFingerprint, by: 'opened' });
  t.false(opened.stdout.includes('secret') || opened.stdout.includes('users'));
  t.is(JSON.parse((await run(['inspect', '-'], rotating, sealed)).stdout).key, undefined, 'nothing tells');
  for (const [env, key] of [
    [{ ...rotating, CACHEKIT_PREVIOUS_MASTER_KEYS: '' }, cacheKey],
    [rotating, 'another'],
  ] as const) {
    const { code, stdout } = await run(['inspect', '-', '--tenant', 'acme', '--key', key], env, sealed);
    t.deepEqual([code, JSON.parse(stdout).key], [3, null]);
    t.regex(JSON.parse(stdout).why, /not held/);
  }
  const entries = createCache({ namespace: 'app', backend: server.url, keyring: ring(), l1: false });
  t.teardown(() => entries.close());
  await entries.set('users/1', 1);
  const named = await run(
    ['inspect', '-'],
    rotating,
    Buffer.from(await storedBytes(server.url, entries.keyFor('users/1'))),
  );
  t.is(JSON.parse(named.stdout).key.by, 'header');
  const stored = await run(['inspect', `${server.url}/${encodeURIComponent(cacheKey)}`], rotating);
  t.like(JSON.parse(stored.stdout).key, { position: 'current', by: 'opened' });
  t.is((await run(['inspect', `${server.url}/0/ns:app:key:users%2F1`], rotating)).code, 0);
  t.is((await run(['inspect', '--key', cacheKey], { ...rotating, CACHEKIT_BACKEND: server.url })).code, 0);
  const missing = await run(['inspect', `${server.url}/none`], rotating);
  t.deepEqual([missing.code, missing.stdout], [1, '']);
});

function ring(): Keyring {
  const keyring = new Keyring({ masterKey: oldKey });
  keyring.startRotation(newKey);
  return keyring;
}

async function storedBytes(url: string, cacheKey: string): Promise<Uint8Array> {
  const { RedisBackend } = await import('../../index.js');
  const backend = new RedisBackend({ url });
  try {
    return (await backend.get(cacheKey))!.bytes;
  } finally {
    await backend.close();
  }
}

test.serial('doctor finds what is wrong, and what is right', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const well = await run(['doctor', server.url, '--json'], { ...rotating, CACHEKIT_MASTER_KEY: randomKey() });
  t.is(well.code, 3, 'the previous key is not random');
  const checks = JSON.parse(well.stdout) as { status: string; what: string }[];
  const statuses = Object.fromEntries(checks.map(({ what, status }) => [what, status]));
  t.like(statuses, {
    addon: 'ok',
    'known answer': 'ok',
    keys: 'ok',
    'key strength': 'failed',
    backend: 'ok',
    'write and read': 'ok',
    'compare and replace': 'ok',
    tags: 'ok',
    locks: 'ok',
    'eviction policy': 'warning',
    clock: 'ok',
    'invalidation channel': 'ok',
  });
  const fine = { CACHEKIT_MASTER_KEY: randomKey(), CACHEKIT_PREVIOUS_MASTER_KEYS: '' };
  t.is((await run(['doctor', server.url], fine)).code, 0);
  const names: string[] = [];
  const entries = createCache({ backend: server.url, l1: false });
  for await (const name of entries.keys()) names.push(name);
  await entries.close();
  t.deepEqual(names, []);
  const away = await run(['doctor', 'redis://127.0.0.1:1'], fine);
  t.is(away.code, 3);
  t.regex(away.stdout, /^failed +backend /m);
  const malformed = await run(['doctor'], { CACHEKIT_MASTER_KEY: 'no hex', CACHEKIT_BACKEND: '' });
  t.regex(malformed.stdout, /^failed +keys +CACHEKIT_MASTER_KEY must consist of hex digits/m);
  t.is(malformed.code, 3);
});

function randomKey(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
}

test.serial('doctor names the rights that a user of the server lacks', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const raw = new Redis(server.port);
  await raw.call('acl', 'setuser', 'limited', 'reset', 'on', '>pass', '+@all', '~*', '&*', '-@scripting');
  raw.disconnect();
  const url = server.url.replace('redis://', 'redis://limited:pass@');
  const { code, stdout, stderr } = await run(['doctor'], { CACHEKIT_BACKEND: url, CACHEKIT_MASTER_KEY: randomKey() });
  t.is(code, 3, stderr);
  t.regex(stdout, /^ok +write and read/m);
  t.regex(stdout, /^failed +tags +.*NOPERM/m);
  t.false(stdout.includes('pass'));
});

test.serial('bench measures in this process and in a backend, and leaves nothing there', async (t) => {
  const server = await requireRedis(t);
  if (server === undefined) return;
  const { code, stdout, stderr } = await run(['bench', server.url, '--seconds', '0.05', '--json'], {});
  t.is(code, 0, stderr);
  const figures = JSON.parse(stdout) as { what: string; bytes: number; medianUs: number }[];
  t.is(figures.length, 20);
  t.true(figures.every(({ medianUs }) => medianUs > 0));
});

test.serial(
  'what was typed wrongly is said without what was typed, and a password is not taken from arguments',
  async (t) => {
    const rows: [string[], RegExp][] = [
      [['report'], /the backend is missing/],
      [['report', 'redis://user:secret@host'], /a URL with a password must be in CACHEKIT_BACKEND/],
      [['rewrap', 'rediss://:secret@host/0'], /a URL with a password/],
      [['inspect', 'redis://:secret@host/key'], /a URL with a password/],
      [['report', 'redis://localhost', 'secret'], /too many arguments/],
      [['report', 'redis://localhost', '--rate', 'secret'], /--rate must be a whole number/],
      [['report', 'redis://localhost', '--wire', 'secret'], /wire must be/],
      [['report', 'redis://localhost', '--namespace', 'se:cret'], /namespace must not have a colon/],
      [['report', 'redis://localhost', '--tenant', ''], /tenantId/],
      [['rewrap', '--secret'], /unknown option/],
      [['bench', '--seconds', 'secret'], /--seconds must be/],
      [['doctor', 'a', 'b'], /too many arguments/],
      [['inspect', 'redis://localhost'], /the key is missing/],
    ];
    for (const [args, message] of rows) {
      const { code, stderr, stdout } = await run(args, rotating);
      t.deepEqual([code, stdout], [2, ''], args.join(' '));
      t.regex(stderr, message);
      t.is(stderr.trim().split('\n').length, 1, stderr);
      t.false(stderr.includes('secret') || stderr.includes('se:cret'));
    }
    const nobody = await run(['report', 'redis://127.0.0.1:1'], rotating);
    t.is(nobody.code, 1);
    t.regex(nobody.stderr, /^error: .+\n$/);
  },
);

test.serial('a key is made, and a header shown, without the native addon', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-no-addon-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'broken.node'), 'no addon');
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(directory, 'broken.node') };
  t.regex((await run(['keygen'], env)).stdout, /^[0-9a-f]{64}\n$/);
  t.is((await run(['--help'], env)).code, 0);
  const sealed = new EncryptionWrapper({ masterKey: oldKey, rotationHeader: 'always' }).serialize(1, { cacheKey: 'k' });
  const shown = await run(['inspect', '-'], { ...env, CACHEKIT_MASTER_KEY: '' }, sealed);
  t.deepEqual([shown.code, JSON.parse(shown.stdout).header.keyVersion], [0, 0], shown.stderr);
  const { code, stderr } = await run(['doctor'], env);
  t.is(code, 1);
  t.regex(stderr, /^error: No native addon for /);
});

import test from 'ava';
import { BackendError, HttpBackend } from '../../index.js';
import { startCacheServer } from '../../src/testing/server.js';
import { runCli, startCli } from './run-cli.js';

const TOKEN = 'ck_sdk_secret-token';

test.serial('serve prints one line with its URL, serves it, and ends on a signal', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { child, ended, firstLine } = startCli(['serve', '--port', '0', '--token', TOKEN, '--token', 'ck_live_b']);
    t.teardown(() => child.kill('SIGKILL'));
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(await firstLine) ?? [];
    await using backend = new HttpBackend({ url, apiKey: TOKEN, allowPrivateHosts: true });
    await backend.set('a', Buffer.from('x'), { ttlMs: 60_000 });
    t.is((await backend.get('a'))?.bytes.toString(), 'x');
    t.true((await backend.health()).healthy);
    await using other = new HttpBackend({ url, apiKey: 'ck_live_b', allowPrivateHosts: true });
    t.true(await other.has('a'));
    await using stranger = new HttpBackend({ url, apiKey: 'ck_live_c', allowPrivateHosts: true });
    t.is((await t.throwsAsync(stranger.get('a'), { instanceOf: BackendError })).status, 401);
    child.kill(signal);
    const end = await ended;
    t.deepEqual([end.code, end.signal], [0, null], end.stderr);
    t.is(end.stdout, `Serving the CacheKit HTTP API at ${url}\n`);
    t.is(end.stderr, '');
  }
});

test.serial('serve takes tokens from the environment, and limits with units', async (t) => {
  const args = ['serve', '--port=0', '--host=localhost', '--max-bytes', '1mb', '--max-value-bytes', '1KB'];
  const { child, ended, firstLine } = startCli(args, { CACHEKIT_SERVE_TOKENS: ` ${TOKEN} ,ck_api_b,` });
  t.teardown(() => child.kill('SIGKILL'));
  const [url = ''] = /http:\/\/localhost:\d+/.exec(await firstLine) ?? [];
  for (const apiKey of [TOKEN, 'ck_api_b']) {
    await using backend = new HttpBackend({ url, apiKey, allowPrivateHosts: true });
    await backend.set('a', Buffer.alloc(1_024));
    const error = await t.throwsAsync(backend.set('a', Buffer.alloc(1_025)), { instanceOf: BackendError });
    t.is(error.status, 413);
  }
  await using stranger = new HttpBackend({ url, apiKey: 'ck_live_c', allowPrivateHosts: true });
  t.is((await t.throwsAsync(stranger.get('a'), { instanceOf: BackendError })).status, 401);
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await ended;
  t.is(code, 0);
  t.false((stdout + stderr).includes('secret'));
});

test.serial('serve refuses what it cannot do in a line that repeats no token', async (t) => {
  const taken = await startCacheServer();
  t.teardown(() => taken.stop());
  const rows: [string[], RegExp][] = [
    [['--host', '0.0.0.0'], /^error: A server that other machines can reach needs tokens$/m],
    [['--host', '::'], /needs tokens/],
    [['--port', `${taken.port}`], /^error: the port is in use$/m],
    [['--port', '65536'], /from 0 to 65535/],
    [['--port', '-1'], /^error: --port needs a value \(see cachekit-native serve --help\)$/m],
    [['--port=-1'], /from 0 to 65535/],
    [['--port', 'ck_live_secret'], /--port/],
    [['--token'], /^error: --token needs a value/],
    [['--token', '-secret'], /^error: --token needs a value/],
    [['--help=secret'], /^error: --help takes no value/],
    [['--max-bytes', '5zb'], /number of bytes/],
    [['--max-bytes', '0'], /number of bytes/],
    [['--max-value-bytes', '1.5mb'], /number of bytes/],
    [['--token', 'secret'], /^error: A token must begin with/m],
    [['--token', 'ck_test_secret'], /^error: A token must begin with/m],
    [['--tokne', 'ck_live_secret'], /unknown option/],
    [['--tokne=ck_live_secret'], /unknown option/],
    [['--tokne=secret'], /unknown option/],
    [['-s', 'secret'], /unknown option/],
    [['ck_live_secret'], /too many arguments/],
  ];
  for (const [args, message] of rows) {
    const { code, stdout, stderr } = await runCli(['serve', ...args]);
    t.is(code, stderr.includes('(see cachekit-native serve --help)') ? 2 : 1, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, message);
    t.false(stderr.includes('secret'), stderr);
    t.is(stderr.split('\n').length, 2, stderr);
  }
});

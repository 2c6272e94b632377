import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import test from 'ava';
import { BackendError, ConfigurationError, HttpBackend } from '../../index.js';
import { isAllowedAddress } from '../../src/backends/http/ssrf-guard.js';
import { API_KEY, startCacheServer } from '../support/http-server.js';

const make = (url: unknown, allowPrivateHosts?: boolean) => () =>
  new HttpBackend({ url: url as string, apiKey: API_KEY, allowPrivateHosts });

/** Refused with and without `allowPrivateHosts`. */
const NEVER = [
  '',
  'cache.example.com',
  'https:',
  'https://',
  'https:///v1',
  'https:cache.example.com',
  'ftp://cache.example.com',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'http://cache.example.com',
  'http://8.8.8.8',
  'http://10.0.0.1',
  'http://192.168.1.1',
  'https://user@cache.example.com',
  'https://user:secret@cache.example.com',
  'https://@cache.example.com',
  'https://:@127.0.0.1',
  'https://cache.example.com\\@127.0.0.1',
  'https:\\\\cache.example.com',
  'https://cache.example.com/a\\b',
  ' https://cache.example.com',
  'https://cache.example.com ',
  'https://cache.exam\tple.com',
  'https://cache.example.com/\r\nx',
  'https://caché.example.com',
  'https://１２７.0.0.1',
  'https://cache.example.com/?key=1',
  'https://cache.example.com/?',
  'https://cache.example.com/#x',
  'https://cache.example.com#',
  'https://cache.example.com:99999',
  'https://cache.example.com:x',
  'https://0.0.0.0',
  'https://0',
  'https://0.1.2.3',
  'https://169.254.169.254',
  'https://169.254.169.254/latest/meta-data',
  'https://2852039166',
  'https://0xa9fea9fe',
  'https://192.0.2.1',
  'https://198.18.0.1',
  'https://198.51.100.1',
  'https://203.0.113.1',
  'https://224.0.0.1',
  'https://239.255.255.250',
  'https://255.255.255.255',
  'https://[::]',
  'https://[fe80::1]',
  'https://[ff02::1]',
  'https://[fec0::1]',
  'https://[::127.0.0.1]',
  'https://[::ffff:127.0.0.1]',
  'https://[::ffff:7f00:1]',
  'https://[::ffff:10.0.0.1]',
  'https://[::ffff:8.8.8.8]',
  'https://[64:ff9b::127.0.0.1]',
  'https://[64:ff9b::a00:1]',
  'https://[64:ff9b:1::808:808]',
  'https://[2002:7f00:1::]',
  'https://[2001::1]',
  'https://[2001:db8::1]',
  'https://[100::1]',
  'https://[fe80::1%25eth0]',
];

/** Refused unless `allowPrivateHosts`. */
const PRIVATE = [
  'https://127.0.0.1',
  'https://127.1',
  'https://127.0.0.1.',
  'https://0x7f.1',
  'https://0x7f000001',
  'https://0177.0.0.1',
  'https://2130706433',
  'https://017700000001',
  'https://127.255.255.254',
  'https://%31%32%37.0.0.1',
  'https://10.0.0.1',
  'https://10.255.255.255:8443',
  'https://172.16.0.1',
  'https://172.31.255.255',
  'https://192.168.0.1',
  'https://192.168.257',
  'https://100.64.0.1',
  'https://[::1]',
  'https://[0:0:0:0:0:0:0:1]:443',
  'https://[fc00::1]',
  'https://[fd12:3456:789a::1]',
  'https://localhost',
  'https://LOCALHOST',
  'https://localhost.',
  'https://api.localhost',
];

const LOOPBACK_HTTP = [
  'http://127.0.0.1:8080',
  'http://127.1',
  'http://[::1]:8080',
  'http://localhost',
  'http://api.localhost/x',
];

const PUBLIC = [
  'https://api.cachekit.io',
  'HTTPS://API.CACHEKIT.IO',
  'https://cache.example.com:8443/api/',
  'https://8.8.8.8',
  'https://11.0.0.1',
  'https://100.63.255.255',
  'https://172.15.255.255',
  'https://172.32.0.1',
  'https://192.169.0.1',
  'https://[2606:4700::1111]',
  'https://[64:ff9b::808:808]',
  'https://localhost.example.com',
  'https://notlocalhost',
];

test('URLs that name a place no cache server can be are refused, whatever the options', (t) => {
  t.is(NEVER.length + PRIVATE.length, 88);
  for (const url of NEVER) {
    for (const allow of [false, true])
      t.throws(make(url, allow), { instanceOf: ConfigurationError }, `${url} ${allow}`);
  }
});

test('private and loopback hosts, however they are written, need allowPrivateHosts', (t) => {
  for (const url of [...PRIVATE, ...LOOPBACK_HTTP]) {
    t.throws(make(url), { instanceOf: ConfigurationError }, url);
    t.throws(make(url, false), { instanceOf: ConfigurationError }, url);
    t.notThrows(make(url, true), url);
  }
});

test('public hosts are allowed, also beside private ones', (t) => {
  for (const url of PUBLIC) {
    t.notThrows(make(url), url);
    t.notThrows(make(url, true), url);
  }
});

test('a refused URL is not repeated in the message', (t) => {
  for (const url of NEVER.filter((url) => url.length > 12)) {
    const error = t.throws(make(url), undefined, url);
    t.false(error.message.includes(url.slice(8)), url);
    t.false(error.message.includes('secret'));
    t.is(error.cause, undefined);
  }
});

test('an address is judged by its range, to the last one in it', (t) => {
  const strict = { allowPrivate: false, loopbackOnly: false };
  const allowed = [
    '1.1.1.1',
    '9.255.255.255',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.255.255',
    '169.255.0.1',
    '223.255.255.255',
    '2000::1',
    '3ffe::1',
    '64:ff9b::8.8.8.8',
  ];
  const refused = [
    '10.0.0.0',
    '127.0.0.0',
    '169.254.0.0',
    '169.254.255.255',
    '172.16.0.0',
    '192.168.255.255',
    '224.0.0.0',
    '240.0.0.1',
    '::',
    '::1',
    'fdff::1',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1%eth0',
    '64:ff9b::192.168.0.1',
    '64:ff9b::c0a8:1',
    '4000::1',
    'x',
    '',
  ];
  for (const address of allowed) t.true(isAllowedAddress(address, strict), address);
  for (const address of refused) t.false(isAllowedAddress(address, strict), address);
  const http = { allowPrivate: true, loopbackOnly: true };
  for (const address of ['127.0.0.1', '127.9.9.9', '::1']) t.true(isAllowedAddress(address, http), address);
  for (const address of ['10.0.0.1', '8.8.8.8', 'fc00::1', '::ffff:127.0.0.1'])
    t.false(isAllowedAddress(address, http), address);
});

function answering(...addresses: string[]): LookupFunction & { asked: string[] } {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, options, callback) => {
    asked.push(hostname);
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
  return Object.assign(lookup, { asked });
}

test('a name that resolves to a private address is refused when connecting, without a connection', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const url = `https://rebind.example.com:${server.port}`;
  for (const addresses of [
    ['127.0.0.1'],
    ['::1'],
    ['10.1.2.3'],
    ['169.254.169.254'],
    ['::ffff:127.0.0.1'],
    ['fd00::1'],
    ['8.8.8.8', '127.0.0.1'],
    ['0.0.0.0'],
    ['64:ff9b::7f00:1'],
    [],
  ]) {
    const lookup = answering(...addresses);
    const backend = new HttpBackend({ url, apiKey: API_KEY, lookup });
    const error = await t.throwsAsync(backend.get('a'), { instanceOf: BackendError }, addresses.join());
    t.regex(error.message, /resolves to a private/);
    t.false(error.transient);
    t.deepEqual(lookup.asked, ['rebind.example.com']);
  }
  t.is(server.seen.length, 0);
});

test('allowPrivateHosts permits a name on this machine, but never a link-local one, and http only on loopback', async (t) => {
  const server = await startCacheServer();
  t.teardown(() => server.stop());
  const local = `http://cache.localhost:${server.port}`;
  const options = { apiKey: API_KEY, allowPrivateHosts: true };
  const backend = new HttpBackend({ ...options, url: local, lookup: answering('127.0.0.1') });
  t.is(await backend.get('a'), undefined);
  t.is(server.seen[0]?.headers.host, `cache.localhost:${server.port}`);
  for (const address of ['10.0.0.1', '8.8.8.8', '169.254.169.254']) {
    const elsewhere = new HttpBackend({ ...options, url: local, lookup: answering(address) });
    await t.throwsAsync(elsewhere.get('a'), { message: /resolves to a private/ });
  }
  const metadata = new HttpBackend({
    ...options,
    url: 'https://cache.example.com',
    lookup: answering('169.254.169.254'),
  });
  await t.throwsAsync(metadata.get('a'), { message: /resolves to a private/ });
});

const throwing = () => ({
  toString() {
    throw new Error('broken');
  },
});

test('a lookup that fails, throws or answers nonsense is a BackendError', async (t) => {
  const lookups = [
    (_: string, __: unknown, callback: (error: Error) => void) => callback(new Error('no such name')),
    () => {
      throw new Error('broken');
    },
    (_: string, __: unknown, callback: (...args: unknown[]) => void) => callback(null, 'not an address', 4),
    (_: string, __: unknown, callback: (...args: unknown[]) => void) => callback(null, [null], 4),
    (_: string, __: unknown, callback: (...args: unknown[]) => void) => callback(null, undefined),
    // Later, where what this package throws would be nobody's.
    ...[[null], [Symbol('address')], [{ address: Symbol('address') }], [{ address: throwing() }]].map(
      (answer) => (_: string, __: unknown, callback: (...args: unknown[]) => void) =>
        setImmediate(() => callback(null, answer)),
    ),
    async () => {
      throw new Error('broken');
    },
  ];
  for (const lookup of lookups) {
    const backend = new HttpBackend({
      url: 'https://cache.example.com',
      apiKey: API_KEY,
      lookup: lookup as LookupFunction,
    });
    await t.throwsAsync(backend.get('a'), { instanceOf: BackendError });
  }
});

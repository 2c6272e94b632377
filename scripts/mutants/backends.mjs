const HTTP_ADDRESS = '__test__/backends/http-address.test.ts';
const CLUSTER = '__test__/backends/redis-cluster.test.ts';
const FILE = '__test__/backends/file.test.ts';

/** Of the stores, in TypeScript. */
export const backends = [
  {
    name: 'redis-lock-released-by-anybody',
    file: 'src/backends/redis/changes.ts',
    from: "const text = `if redis.call('get',KEYS[1])==ARGV[1] then ${script} end return 0`;",
    to: "const text = `if redis.call('get',KEYS[1]) then ${script} end return 0`;",
    test: {
      file: '__test__/backends/conformance.test.ts',
      title: 'redis by URL with ioredis: delete with ifBytes removes only those bytes',
    },
  },
  {
    name: 'redis-lock-taken-from-its-holder',
    file: 'src/backends/redis/lock.ts',
    from: "['set', name, token, 'nx', 'px', String(leaseMs)]",
    to: "['set', name, token, 'px', String(leaseMs)]",
    test: { file: '__test__/backends/conformance.test.ts', title: 'redis by URL with ioredis: a lock has one holder' },
  },
  {
    name: 'redis-transaction-without-the-comparison',
    file: 'src/backends/redis/changes.ts',
    from: 'return Buffer.isBuffer(held) && held.equals(wanted) ? then.commands(name) : undefined;',
    to: 'return Buffer.isBuffer(held) ? then.commands(name) : undefined;',
    test: {
      file: '__test__/backends/redis-rights.test.ts',
      title: 'ioredis: what is compared without scripts is acted on in one step',
    },
  },
  {
    name: 'redis-ttl-in-seconds',
    file: 'src/backends/redis/commands.ts',
    from: "['set', cacheKey, bytes, 'px', String(ttlMs)]",
    to: "['set', cacheKey, bytes, 'ex', String(ttlMs)]",
    test: {
      file: '__test__/backends/redis.test.ts',
      title: 'ioredis: the TTL is asked for only when it is wanted, and kept to the millisecond',
    },
  },
  {
    name: 'redis-deletion-during-a-run-unseen',
    file: 'src/backends/redis/set-if-unchanged.ts',
    from: ' or marked(KEYS[2],${REMEMBERS_MS})) then return 0 end',
    to: ') then return 0 end',
    test: {
      file: '__test__/backends/redis-marks.test.ts',
      title: 'ioredis: a result that is late on its way to the server is refused all the same',
    },
  },
  {
    name: 'cluster-slot-of-an-empty-tag',
    file: 'src/backends/redis/key-names.ts',
    from: 'return (close > open + 1 ? crcOf(bytes.subarray(open + 1, close)) : crcOf(bytes)) % SLOTS;',
    to: 'return (close > open ? crcOf(bytes.subarray(open + 1, close)) : crcOf(bytes)) % SLOTS;',
    test: { file: CLUSTER, title: 'the slot of a key is what the servers say' },
  },
  {
    name: 'cluster-mark-in-another-slot',
    file: 'src/backends/redis/key-names.ts',
    from: '  if (!sharded) return Buffer.concat([Buffer.from(name), suffix]);\n',
    to: "  if (sharded || keyPrefix === '') return Buffer.concat([Buffer.from(name), suffix]);\n",
    test: {
      file: CLUSTER,
      title: 'a cluster by URL with ioredis: a result is not stored after a deletion since its function began',
    },
  },
  {
    name: 'http-link-local-allowed',
    file: 'src/backends/http/ssrf-guard.ts',
    from: "  ['169.254.0.0', 16],\n",
    to: '',
    test: { file: HTTP_ADDRESS, title: 'an address is judged by its range, to the last one in it' },
    smoke: true,
  },
  {
    name: 'http-mapped-address-allowed',
    file: 'src/backends/http/ssrf-guard.ts',
    from: "  if (family === 'ipv6' && MAPPED.check(address, 'ipv6')) return false;\n",
    to: '',
    test: {
      file: HTTP_ADDRESS,
      title: 'URLs that name a place no cache server can be are refused, whatever the options',
    },
  },
  {
    name: 'http-one-allowed-address-is-enough',
    file: 'src/backends/http/ssrf-guard.ts',
    from: '!addresses.every(({ address }) => isAllowedAddress(address, server.rules))',
    to: '!addresses.some(({ address }) => isAllowedAddress(address, server.rules))',
    test: {
      file: HTTP_ADDRESS,
      title: 'a name that resolves to a private address is refused when connecting, without a connection',
    },
  },
  {
    name: 'http-private-hosts-allowed',
    file: 'src/backends/http/ssrf-guard.ts',
    from: 'if (PRIVATE.check(address, family)) return allowPrivate;',
    to: 'if (PRIVATE.check(address, family)) return true;',
    test: { file: HTTP_ADDRESS, title: 'private and loopback hosts, however they are written, need allowPrivateHosts' },
  },
  {
    name: 'http-ttl-in-milliseconds',
    file: 'src/backends/http/headers.ts',
    from: 'const seconds = Math.ceil(ttlMs / 1000);',
    to: 'const seconds = Math.ceil(ttlMs);',
    test: {
      file: '__test__/backends/http-ttl.test.ts',
      title: 'of a TTL the stale time is a header of its own, both in whole seconds, together at most 30 days',
    },
  },
  {
    name: 'file-readable-by-all',
    file: 'src/backends/file/atomic-write.ts',
    from: 'const MODE = keepsOwn ? OWN | 0o600 : 0o600;',
    to: 'const MODE = keepsOwn ? OWN | 0o644 : 0o644;',
    test: { file: FILE, title: 'files are for their owner only, and no temporary file stays' },
  },
  {
    name: 'directory-readable-by-all',
    file: 'src/backends/file/atomic-write.ts',
    from: 'await mkdir(directory, { recursive: true, mode: 0o700 });',
    to: 'await mkdir(directory, { recursive: true });',
    test: { file: FILE, title: 'files are for their owner only, and no temporary file stays' },
  },
  {
    name: 'file-written-in-its-place',
    file: 'src/backends/file/atomic-write.ts',
    from: '      if (!replaced) await unlink(temporary).catch(() => undefined);\n',
    to: '',
    test: { file: FILE, title: 'a directory in place of an entry fails and leaves no temporary file' },
  },
  {
    name: 'file-expiry-rounded-down',
    file: 'src/backends/file/entries.ts',
    from: 'BigInt(Math.ceil((this.#now() + ttlMs) / 1000))',
    to: 'BigInt(Math.floor((this.#now() + ttlMs) / 1000))',
    test: { file: FILE, title: 'a TTL is rounded up to whole seconds of the clock' },
  },
  {
    name: 'file-of-a-newer-format-overwritten',
    file: 'src/backends/file.ts',
    from: `        if ((await this.#entries.header(path))?.foreign)
          throw new BackendError('The entry there is of a newer file format');
`,
    to: '',
    test: { file: FILE, title: 'an entry of a newer format is neither overwritten, deleted nor given a TTL' },
  },
  {
    name: 'memory-lends-its-own-bytes',
    file: 'src/backends/memory.ts',
    from: 'return held && { bytes: copyOf(held.bytes), expiresInMs: held.expiresAt - now };',
    to: 'return held && { bytes: held.bytes, expiresInMs: held.expiresAt - now };',
    test: { file: '__test__/backends/memory.test.ts', title: 'no memory is shared with the store' },
  },
  {
    name: 'memory-invalidation-during-a-run-unseen',
    file: 'src/backends/memory.ts',
    from: '    if (tags.some((tag) => this.#invalidated.since(tag, begun))) return false;\n',
    to: '',
    test: {
      file: '__test__/backends/conformance.test.ts',
      title: 'memory: a result with a tag is not stored after its invalidation',
    },
  },
];

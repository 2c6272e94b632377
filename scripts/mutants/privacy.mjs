const PRIVATE = '__test__/cache/private-keys.test.ts';
const FAILURES = '__test__/cache/failures.test.ts';

/** Of what a store, a message and other tenants must not learn, in TypeScript. */
export const privacy = [
  {
    name: 'cache-key-in-a-lock-name',
    file: 'src/cache/engine/lock.ts',
    from: 'l2.backend.lock?.(l2.name(ref), this.#settings.leaseMs, options)',
    to: 'l2.backend.lock?.(ref.cacheKey, this.#settings.leaseMs, options)',
    test: { file: PRIVATE, title: 'a lock, too, has a private name' },
    smoke: true,
  },
  {
    name: 'tags-in-clear',
    file: 'src/cache/engine/l2.ts',
    from: 'return names === undefined ? tags : tags.map((tag) => names.currentTag(ref, tag));',
    to: 'return tags;',
    test: { file: PRIVATE, title: 'tags are hidden too, found with older keys, and each tenant has its own' },
  },
  {
    name: 'cache-key-in-clear-in-a-deletion',
    file: 'src/cache/engine/l2.ts',
    from: 'const names = refs.flatMap((ref) => this.#names(ref));',
    to: 'const names = refs.map((ref) => ref.cacheKey);',
    test: {
      file: PRIVATE,
      title: 'the backend sees no cache key, tenant or operation, and values and functions work as ever',
    },
  },
  {
    name: 'older-private-name-left',
    file: 'src/cache/engine/l2.ts',
    from: '        for (const older of this.#names(ref).slice(1)) await backend.delete(older, this.#options);\n',
    to: '',
    test: { file: PRIVATE, title: 'during a rotation older names are read, and a write leaves only the new one' },
  },
  {
    name: 'only-the-first-older-name-read',
    file: 'src/cache/engine/l2.ts',
    from: 'for (const older of this.#names(ref).slice(1)) entry ??=',
    to: 'for (const older of this.#names(ref).slice(1, 2)) entry ??=',
    test: { file: PRIVATE, title: 'what was stored under each of three previous keys is found and removed' },
  },
  {
    name: 'missing-keyring-means-plaintext',
    file: 'src/cache/resolve-storage.ts',
    from: 'if (!secure && !(serializer instanceof EncryptionWrapper)) assertKeysGiven(options);',
    to: '',
    test: {
      file: '__test__/cache/callers.test.ts',
      title: 'a key option that is undefined is an error where nothing else encrypts, not a cache in plaintext',
    },
  },
  {
    name: 'plaintext-for-a-keyring',
    file: 'src/cache/resolve-storage.ts',
    from: 'if (secure || masterKey !== undefined || keyring !== undefined) {',
    to: 'if (secure || masterKey !== undefined) {',
    test: { file: '__test__/cache/options.test.ts', title: 'a key or a wrapper encrypts without the word secure' },
  },
  {
    name: 'plaintext-in-the-place-of-a-sealed-value',
    file: 'src/codec/open.ts',
    from: `    return payloads.decodeBorrowed(headroom === 0 ? openedScratch : openedBehindHeadroom, length);
  }
  throw nativeError(NATIVE_CODE.AUTHENTICATION);`,
    to: `    return payloads.decodeBorrowed(headroom === 0 ? openedScratch : openedBehindHeadroom, length);
  }
  return payloads.decodeOwned(Buffer.from(sealed));`,
    test: { file: FAILURES, title: 'a plaintext entry in a secure cache is never returned' },
  },
  {
    name: 'private-keys-without-encryption',
    file: 'src/cache/resolve-storage.ts',
    from: `    if (!made.secure)
      throw new ConfigurationError('privateKeys needs encryption: use cache.secure, or pass masterKey or keyring');
`,
    to: '',
    test: {
      file: PRIVATE,
      title: 'private keys need encryption, a namespace and wire protocol, and cannot be listed or sealed anew',
    },
  },
  {
    name: 'registry-in-clear',
    file: 'src/cache/engine/registry.ts',
    from: 'const sealed = await codec.serialize(content, { cacheKey, tenantId: TENANT });',
    to: 'const sealed = Buffer.from(JSON.stringify(content));',
    test: {
      file: '__test__/cache/key-report.test.ts',
      title: 'the registry is sealed, is not among the keys of a cache, and a process without its key leaves it alone',
    },
  },
  {
    name: 'registry-of-an-unknown-key-overwritten',
    file: 'src/cache/engine/registry.ts',
    from: "      if (hasCode(error, 'ERR_UNKNOWN_KEY') || hasCode(error, 'ERR_KEY')) throw error;\n",
    to: '',
    test: {
      file: '__test__/cache/key-report.test.ts',
      title: 'the registry is sealed, is not among the keys of a cache, and a process without its key leaves it alone',
    },
  },
  {
    name: 'cache-key-in-a-message',
    file: 'src/cache/engine/l1.ts',
    from: "throw new ValueTooLargeError('The entry does not fit into l1.maxBytes')",
    to: 'throw new ValueTooLargeError(`The entry ${cacheKey} does not fit into l1.maxBytes`)',
    test: {
      file: '__test__/cache/secrets.test.ts',
      title: 'errors of a cache show no key, value, cache key or tenant',
    },
  },
  {
    name: 'master-key-in-a-message',
    file: 'src/protocol/master-key.ts',
    from: 'throw new KeyError(`${name} has an odd number of hex digits: ${hex.length}`)',
    to: 'throw new KeyError(`${name} has an odd number of hex digits: ${hex}`)',
    test: {
      file: '__test__/security/secrets.test.ts',
      title: 'errors of every class say neither key, plaintext nor cache key',
    },
  },
  {
    name: 'wrong-value-in-a-message',
    file: 'src/util/bytes.ts',
    from: "  if (typeof value !== 'object') return typeof value;\n",
    to: "  if (typeof value !== 'object') return `${typeof value} ${String(value)}`;\n",
    test: { file: '__test__/cache/options.test.ts', title: 'no values of wrong options are repeated in messages' },
  },
  {
    name: 'unknown-key-passes-for-an-alteration',
    file: 'src/cache/engine/failure-policy.ts',
    from: "    return !unknownKey && !hasCode(error, 'ERR_SERIALIZATION');",
    to: "    return !hasCode(error, 'ERR_SERIALIZATION');",
    test: {
      file: FAILURES,
      title: 'a value sealed with an unknown key is a miss and stays for the neighbour that is ahead',
    },
  },
  {
    name: 'deletes-a-newer-value-for-a-broken-one',
    file: 'src/cache/engine/l2.ts',
    from: 'for (const name of this.#names(ref)) await this.backend.delete(name, { ifBytes: bytes, ...this.#options });',
    to: 'for (const name of this.#names(ref)) await this.backend.delete(name, this.#options);',
    test: { file: FAILURES, title: 'an entry that does not open is deleted, unless somebody replaced it meanwhile' },
  },
  {
    name: 'key-from-outside-names-a-tenants-entry',
    file: 'src/protocol/cache-key.ts',
    from: "if (wire === 'protocol' && hasTenantPrefix(cacheKey)) {",
    to: "if (wire === 'protocol' && cacheKey.startsWith('t:tenant:')) {",
    test: { file: '__test__/cache/isolation.test.ts', title: 'a key from outside names no entry of a tenant' },
  },
  {
    name: 'missing-tenant-is-the-default-one',
    file: 'src/cache/key-builder.ts',
    from: `    if (tenantId === undefined) {
      throw new TypeError('tenant answered undefined: the call has no tenant, or is outside of its AsyncLocalStorage');
    }
    assertTenantId(tenantId);
`,
    to: `    if (tenantId === undefined) return this.#tenantId ?? 'default';
    assertTenantId(tenantId);
`,
    test: {
      file: '__test__/cache/tenant-store.test.ts',
      title: 'outside of it a call is a TypeError, and never the default tenant',
    },
  },
];

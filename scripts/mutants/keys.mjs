const KEYRING = '__test__/keys/keyring.test.ts';
const AAD = '__test__/protocol/aad.test.ts';
const HEADER = '__test__/protocol/rotation-header.test.ts';
const WRAPPER = '__test__/codec/encryption-wrapper.test.ts';

/** Of what values are bound to, and of the keys that open them, in TypeScript. */
export const keys = [
  {
    name: 'aad-without-tenant',
    file: 'src/protocol/aad.ts',
    from: 'Buffer.concat([Buffer.of(AAD_VERSION), part(tenantId)])',
    to: "Buffer.concat([Buffer.of(AAD_VERSION), part('')])",
    test: { file: AAD, title: 'the AAD is the documented bytes' },
    smoke: true,
  },
  {
    name: 'aad-without-cache-key',
    file: 'src/protocol/aad.ts',
    from: 'const keyLen = writeCacheKey(scratch, cacheKey, at);',
    to: "const keyLen = writeCacheKey(scratch, '', at);",
    test: { file: AAD, title: 'the AAD is the documented bytes' },
  },
  {
    name: 'aad-key-length-little-endian',
    file: 'src/protocol/aad.ts',
    from: 'this.scratch.writeUInt32BE(keyLen, this.#prefixLen - 4);',
    to: 'this.scratch.writeUInt32LE(keyLen, this.#prefixLen - 4);',
    test: { file: AAD, title: 'the AAD is the documented bytes' },
  },
  {
    name: 'aad-of-the-key-before',
    file: 'src/protocol/aad.ts',
    from: '    if (keyLen !== this.#keyLen) this.#frame(keyLen);\n',
    to: '    if (keyLen > this.#keyLen) this.#frame(keyLen);\n',
    test: { file: AAD, title: 'a template writes what createAad does, for short, long and wide keys in any order' },
  },
  {
    name: 'header-fingerprint-in-the-tenants-place',
    file: 'src/protocol/rotation-header.ts',
    from: '  bytes.set(keyFingerprint, FINGERPRINT_AT);\n  bytes.set(tenantIdHash, TENANT_HASH_AT);\n',
    to: '  bytes.set(tenantIdHash, FINGERPRINT_AT);\n  bytes.set(keyFingerprint, FINGERPRINT_AT + 8);\n',
    test: { file: HEADER, title: 'a header is 32 bytes in the documented places' },
  },
  {
    name: 'header-of-any-domain',
    file: 'src/protocol/rotation-header.ts',
    from: '    bytes[28] === 0x63 &&\n    bytes[29] === 0x68 &&\n',
    to: '    bytes[28] === 0x63 &&\n',
    test: { file: HEADER, title: 'a flipped bit outside fingerprint, tenant hash and key version makes it no header' },
  },
  {
    name: 'header-of-another-tenant-accepted',
    file: 'src/codec/tenant-context.ts',
    from: '!isRotationHeader(stored) || !headerHasTenant(stored, this.#tenantIdHash)',
    to: '!isRotationHeader(stored)',
    test: {
      file: '__test__/security/altered.test.ts',
      title: 'every changed bit of a value of 250 bytes with a rotation header fails as its field says',
    },
  },
  {
    name: 'only-the-first-previous-key-tried',
    file: 'src/codec/open.ts',
    from: '  for (const key of layout.keys) {\n    const length = openWith(key, out, headroom, sealed, layout, aadLen);\n    if (length === NATIVE_CODE.AUTHENTICATION) continue;\n    if (length <= NEEDS) return payloads',
    to: '  for (const key of layout.keys.slice(0, 2)) {\n    const length = openWith(key, out, headroom, sealed, layout, aadLen);\n    if (length === NATIVE_CODE.AUTHENTICATION) continue;\n    if (length <= NEEDS) return payloads',
    test: { file: KEYRING, title: 'a value of each key that is held opens, whichever way it is opened' },
  },
  {
    name: 'only-the-first-previous-key-tried-off-the-event-loop',
    file: 'src/codec/open.ts',
    from: '  for (const key of keys) {\n    const opened = await',
    to: '  for (const key of keys.slice(0, 2)) {\n    const opened = await',
    test: { file: KEYRING, title: 'a value of each key that is held opens, whichever way it is opened' },
  },
  {
    name: 'staged-keys-open-nothing',
    file: 'src/keys/keyring.ts',
    from: 'const openOnly = [...this.#previous, ...this.#staged];',
    to: 'const openOnly = [...this.#previous];',
    test: { file: KEYRING, title: 'a fleet rotates without a miss: stage, start, complete' },
  },
  {
    name: 'rotation-completed-against-a-report',
    file: 'src/keys/keyring.ts',
    from: '      this.#needs.assertNone(this.#previous.map(({ fingerprint }) => fingerprint));\n',
    to: '',
    test: {
      file: '__test__/cache/key-report.test.ts',
      title: 'what a report has found keeps completeRotation from dropping the key, until there is a better one',
    },
  },
  {
    name: 'rotation-completed-while-a-key-is-used',
    file: 'src/keys/key-refusals.ts',
    from: 'if (keys.some((key) => latest(key.lastUsed) >= since)) {',
    to: 'if (keys.every((key) => latest(key.lastOpened) >= since)) {',
    test: { file: KEYRING, title: 'completeRotation with ifUnusedFor refuses while an old key has just sealed' },
  },
  {
    name: 'codecs-keep-a-dropped-key',
    file: 'src/keys/keyring.ts',
    from: '    this.#previous = [];\n    this.#state.generation++;\n',
    to: '    this.#previous = [];\n',
    test: { file: KEYRING, title: 'a fleet rotates without a miss: stage, start, complete' },
  },
  {
    name: 'repeated-key-held-twice',
    file: 'src/keys/keyring.ts',
    from: '    if (this.#keys().some((held) => held.fingerprint === key.fingerprint)) throw discard(key, repeated(name));\n',
    to: '',
    test: { file: KEYRING, title: 'the current key or a repeated one among the previous keys is refused' },
  },
  {
    name: 'evicted-keys-not-wiped',
    file: 'src/keys/evicted-keys.ts',
    from: '    for (const { handle } of this.#unused) native.destroy(handle);\n',
    to: '',
    test: {
      file: '__test__/keys/evicted.test.ts',
      title:
        'the keys of tenants that are kept no longer are wiped, when everybody has asked anew and some time has passed',
    },
  },
  {
    name: 'evicted-keys-wiped-in-use',
    file: 'src/keys/evicted-keys.ts',
    from: 'for (const { handle } of this.#unused) native.destroy(handle);',
    to: 'for (const { handle } of this.#leaving) native.destroy(handle);',
    test: {
      file: '__test__/keys/evicted.test.ts',
      title:
        'the keys of tenants that are kept no longer are wiped, when everybody has asked anew and some time has passed',
    },
  },
  {
    name: 'masterkey-copy-not-wiped',
    file: 'src/keys/held-key.ts',
    from: '    } finally {\n      bytes.fill(0);\n    }\n    const fingerprint',
    to: '    } finally {\n    }\n    const fingerprint',
    test: {
      file: '__test__/keys/master-key.test.ts',
      title: 'what a key was copied into on its way to Rust is overwritten',
    },
  },
  {
    name: 'provided-keys-not-overwritten',
    file: 'src/keys/key-source.ts',
    from: '  } finally {\n    keys[Symbol.dispose]();\n  }',
    to: '  } finally {\n  }',
    test: {
      file: '__test__/keys/refresh.test.ts',
      title: 'every answer is disposed of, whether it is taken, the same, or refused',
    },
  },
  {
    name: 'unwrapped-key-not-overwritten',
    file: 'src/providers/unwrapping.ts',
    from: '  } finally {\n    plaintext.fill(0);\n  }',
    to: '  } finally {\n  }',
    test: {
      file: '__test__/providers/unwrapping.test.ts',
      title: 'every array is overwritten: what the service gave, and what the keyring was made of',
    },
  },
  {
    name: 'exhausted-sequence-not-renewed',
    file: 'src/codec/seal.ts',
    from: '    keyring.renewSequence(nonces);\n',
    to: "    if (nonces === 'random') keyring.renewSequence(nonces);\n    throw nativeError(length);\n",
    test: {
      file: '__test__/security/native-faults.test.ts',
      title: 'a keyring goes on with a fresh sequence, and random nonces stop at their limit',
    },
    hooks: true,
  },
  {
    name: 'failed-open-tells-of-the-tenant',
    file: 'src/codec/tenant-context.ts',
    from: 'if (metadata.tenantId !== this.tenantId) throw new AuthenticationError();',
    to: "if (metadata.tenantId !== this.tenantId) throw new SealedFormatError('The frame names another tenant');",
    test: { file: WRAPPER, title: 'a python frame is what Python writes, and a header that was changed is refused' },
  },
  {
    name: 'plaintext-frame-accepted',
    file: 'src/codec/tenant-context.ts',
    from: "    if (!metadata.encrypted) throw new SealedFormatError('The frame claims that its value is not encrypted');\n",
    to: '',
    test: { file: WRAPPER, title: 'a python frame is what Python writes, and a header that was changed is refused' },
  },
  {
    name: 'rewrapped-payload-not-wiped',
    file: 'src/codec/rewrap.ts',
    from: '    return { fingerprint, sealed: writer && sealSync(writer.settings, writer.tenant, payload, cacheKey) };\n  } finally {\n    payload.fill(0);\n  }',
    to: '    return { fingerprint, sealed: writer && sealSync(writer.settings, writer.tenant, payload, cacheKey) };\n  } finally {\n  }',
    test: { file: '__test__/codec/rewrap.test.ts', title: 'what a rewrap has opened is overwritten' },
  },
];

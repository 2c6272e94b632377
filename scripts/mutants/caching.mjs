const RACES = '__test__/cache/races.test.ts';

/** Of reads, runs, times and invalidations, in TypeScript. */
export const caching = [
  {
    name: 'copy-of-any-age',
    file: 'src/cache/engine/value-l1.ts',
    from: 'if (!entry.validity?.ended && entry.until > time) return entry;',
    to: 'if (!entry.validity?.ended) return entry;',
    test: {
      file: '__test__/cache/times.test.ts',
      title: 'an entry of this process ends with its TTL, and one that never ends does not',
    },
  },
  {
    name: 'copy-outlives-the-entry',
    file: 'src/cache/engine/tiers.ts',
    from: 'until: Math.min(at + ref.ttlMs, known)',
    to: 'until: at + ref.ttlMs',
    test: { file: '__test__/cache/times.test.ts', title: 'L1 never outlives the entry in the backend' },
  },
  {
    name: 'stale-window-in-seconds',
    file: 'src/cache/engine/fetching.ts',
    from: 'return graceMs > 0 && now() < expiresAt + graceMs;',
    to: 'return graceMs > 0 && now() < expiresAt + graceMs * 1000;',
    test: {
      file: '__test__/cache/stale.test.ts',
      title: 'both windows together: first in the background, then only for an error',
    },
  },
  {
    name: 'grace-not-told-to-the-backend',
    file: 'src/cache/engine/l2.ts',
    from: 'const [tags, whole] = [this.#tags(ref), Math.ceil(ttlMs + graceMs)];',
    to: 'const [tags, whole] = [this.#tags(ref), Math.ceil(ttlMs)];',
    test: {
      file: '__test__/cache/stale.test.ts',
      title: 'the backend keeps entries for the longer window more, and is told of it',
    },
  },
  {
    name: 'null-with-the-ttl-of-values',
    file: 'src/cache/engine/loader.ts',
    from: 'const ownTtl = ttlMs ?? (value === null ? ref.policy.negativeTtlMs : undefined);',
    to: 'const ownTtl = ttlMs ?? (value === undefined ? ref.policy.negativeTtlMs : undefined);',
    test: {
      file: '__test__/cache/loaded.test.ts',
      title: 'null may have a TTL of its own, which one from the function goes before',
    },
  },
  {
    name: 'skipped-result-stored',
    file: 'src/cache/engine/loader.ts',
    from: 'if (!stored || value === undefined || this.#tiers.closed || ref.unanswered) return unstored;',
    to: 'if (value === undefined || this.#tiers.closed || ref.unanswered) return unstored;',
    test: {
      file: '__test__/cache/loaded.test.ts',
      title: 'skip gives its value to the caller and stores nothing, from functions, loaders, entry and refresh',
    },
  },
  {
    name: 'undefined-stored',
    file: 'src/cache/engine/loader.ts',
    from: 'if (!stored || value === undefined || this.#tiers.closed || ref.unanswered) return unstored;',
    to: 'if (!stored || this.#tiers.closed || ref.unanswered) return unstored;',
    test: { file: '__test__/cache/calls.test.ts', title: 'secure: null is a value, undefined is not stored' },
  },
  {
    name: 'run-survives-a-deletion',
    file: 'src/cache/engine/entry-store.ts',
    from: '      for (const flight of flights) flight.remove();\n',
    to: '',
    test: { file: RACES, title: 'what was loaded before an invalidation is returned to its callers and not stored' },
    smoke: true,
  },
  {
    name: 'copy-of-what-is-being-deleted',
    file: 'src/cache/engine/entry-store.ts',
    from: `        for (const flight of flights) this.#begin(flight);
        forget();
`,
    to: '',
    test: { file: RACES, title: 'a value read while it is being deleted does not come back into L1' },
  },
  {
    name: 'run-joined-after-an-invalidation',
    file: 'src/cache/engine/single-flight.ts',
    from: '    this.read = undefined;\n    this.load = undefined;\n    this.refreshing = undefined;\n    this.version++;\n',
    to: '    this.read = undefined;\n    this.version++;\n',
    test: { file: RACES, title: 'what was loaded before an invalidation is returned to its callers and not stored' },
  },
  {
    name: 'late-result-stored',
    file: 'src/cache/engine/single-flight.ts',
    from: '    this.#readEpoch = this.#flight.readEpoch;\n    return this.#flight.version === this.#version;\n',
    to: '    this.#readEpoch = this.#flight.readEpoch;\n    return true;\n',
    test: { file: RACES, title: 'what was loaded before an invalidation is returned to its callers and not stored' },
  },
  {
    name: 'flight-shared-by-tenants',
    file: 'src/cache/engine/single-flight.ts',
    from: 'let flight = tenantId === undefined ? this.#own.get(cacheKey) : this.#ofTenants.get(cacheKey)?.get(tenantId);',
    to: 'let flight = this.#own.get(cacheKey) ?? this.#ofTenants.get(cacheKey)?.values().next().value;',
    test: {
      file: '__test__/cache/isolation.test.ts',
      title: 'two entries never share a flight, and a change of a key reaches those of every tenant and no other key',
    },
  },
  {
    name: 'tag-invalidated-during-a-run-unseen',
    file: 'src/cache/engine/invalidations.ts',
    from: '      this.#tags.set(tag, this.tick);\n',
    to: '',
    test: { file: '__test__/cache/tags.test.ts', title: 'a function that runs during an invalidation stores nothing' },
  },
  {
    name: 'reads-of-before-an-invalidation-kept',
    file: 'src/cache/engine/invalidations.ts',
    from: '      if (validity !== undefined) validity.ended = true;\n',
    to: '',
    test: {
      file: '__test__/cache/first-tier.test.ts',
      title: 'a read under way during an invalidation leaves no copy, of the cache nor of a tenant',
    },
  },
  {
    name: 'errors-remembered-in-seconds',
    file: 'src/cache/engine/failed-loads.ts',
    from: 'this.#errors.set(ref, { error, until: at + errorTtlMs });',
    to: 'this.#errors.set(ref, { error, until: at + errorTtlMs * 1000 });',
    test: {
      file: '__test__/cache/error-ttl.test.ts',
      title: 'an error is thrown again, the same object, until its time is over',
    },
  },
  {
    name: 'error-of-another-tenant-thrown',
    file: 'src/cache/engine/failed-loads.ts',
    from: 'return noted !== undefined && noted.tenantId === tenantId ? noted.note : undefined;',
    to: 'return noted?.note ?? (tenantId === undefined ? undefined : noted?.note);',
    test: {
      file: '__test__/cache/isolation.test.ts',
      title: 'what is remembered of a failed function is of its own tenant, also when stored keys are the same',
    },
  },
  {
    name: 'lock-not-given-back',
    file: 'src/cache/engine/lock.ts',
    from: '    } finally {\n      lease.end();\n    }',
    to: '    } finally {\n    }',
    test: {
      file: '__test__/cache/lock.test.ts',
      title: 'the lease is renewed while the function runs, and the lock given back also when it throws',
    },
  },
  {
    name: 'stored-without-the-lock',
    file: 'src/cache/engine/tiers.ts',
    from: '    if (run?.isLocked !== undefined && !(await run.isLocked())) return undefined;\n',
    to: '',
    test: {
      file: '__test__/cache/lease.test.ts',
      title: 'a lock that somebody has taken away is noticed before the result is stored, in the background too',
    },
  },
  {
    name: 'rewrap-replaces-a-newer-value',
    file: 'src/cache/engine/replace-entry.ts',
    from: "if (now === undefined || Buffer.compare(now.bytes, bytes) !== 0) return 'changed';",
    to: "if (now === undefined) return 'changed';",
    test: {
      file: '__test__/cache/rewrap.test.ts',
      title: 'in a store that does not replace, what was changed meanwhile is left alone',
    },
  },
  {
    name: 'rewrap-gives-a-new-ttl',
    file: 'src/cache/engine/replace-entry.ts',
    from: '  await set(cacheKey, sealed, { ttlMs: expiresInMs });',
    to: '  await set(cacheKey, sealed);',
    test: {
      file: '__test__/cache/rewrap.test.ts',
      title: 'in a store that does not, every entry is sealed with the current key and keeps its TTL',
    },
  },
  {
    name: 'tenants-without-a-part-of-the-key',
    file: 'src/cache/key-builder.ts',
    from: 'return this.#inKey ? this.#prefix(tenantId) + cacheKey : cacheKey;',
    to: 'return cacheKey;',
    test: {
      file: '__test__/cache/isolation.test.ts',
      title: 'an empty-looking tenant stay apart in one backend with L1',
    },
  },
];

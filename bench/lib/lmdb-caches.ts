import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { Case } from './measure.js';
import { NodeCryptoSealer } from './node-crypto.js';
import { createCache } from './product.js';

/** Names of the candidates: figures are looked up by them. */
export const LMDB_CACHES = {
  secure: 'cachekit-native, secure, LMDB',
  byHand: 'lmdb + JSON + node:crypto',
  plain: 'lmdb + JSON',
  bare: 'lmdb getBinary',
} as const;

/** What stands behind a name, as text: a cache key of ours is about as long. */
const nameOf = (id: number) => `ns:users:func:profile:${id}`;

/**
 * Hits in a directory that processes share, of `values` in turn: nothing is remembered in the process. The ones made by
 * hand keep JSON, in the same kind of database with the same options.
 */
export async function lmdbCases(values: readonly unknown[]): Promise<{ cases: Case[]; close(): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-bench-lmdb-'));
  const ours = createCache({
    backend: `lmdb:${join(directory, 'ours')}`,
    masterKey: randomBytes(32),
    l1: false,
    namespace: 'users',
  });
  const root = open<Buffer, string>({ path: join(directory, 'others'), noSync: true, encoding: 'binary' });
  const sealed = root.openDB<Buffer, string>('sealed', { encoding: 'binary' });
  const plain = root.openDB<Buffer, string>('plain', { encoding: 'binary' });
  const sealer = new NodeCryptoSealer(randomBytes(32));
  for (const [id, value] of values.entries()) {
    const name = nameOf(id);
    const json = Buffer.from(JSON.stringify(value));
    await ours.set(name, value);
    await sealed.put(name, sealer.seal(json, Buffer.from(name)));
    await plain.put(name, json);
  }

  const openByHand = (name: string): unknown => {
    const stored = sealed.getBinary(name);
    return stored && JSON.parse(sealer.open(stored, Buffer.from(name)).toString());
  };
  const readPlain = (name: string): unknown => {
    const stored = plain.getBinary(name);
    return stored && JSON.parse(stored.toString());
  };
  const asked = (name: string, ask: (name: string) => unknown, isAsync = false): Case => ({
    name,
    run: (i) => ask(nameOf(i % values.length)),
    isAsync,
  });
  // A cache is asked by a promise, one made by hand as well.
  const cases = [
    asked(LMDB_CACHES.secure, (name) => ours.get(name), true),
    asked(LMDB_CACHES.byHand, async (name) => openByHand(name), true),
    asked(LMDB_CACHES.plain, async (name) => readPlain(name), true),
    asked(LMDB_CACHES.bare, (name) => plain.getBinary(name)),
  ];
  for (const candidate of cases.slice(0, 3)) await assertHits(candidate, values);
  return {
    cases,
    async close() {
      await ours.close();
      await root.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A benchmark of misses would be a fine way to look fast, or slow. */
async function assertHits(candidate: Case, values: readonly unknown[]): Promise<void> {
  if (!('run' in candidate)) return;
  for (const i of [0, values.length - 1]) {
    if (JSON.stringify(await candidate.run(i)) === JSON.stringify(values[i])) continue;
    throw new Error(`${candidate.name} returned something else`);
  }
}

import type { Backend } from '../../backends/backend.js';
import type { SealingCodec } from '../../codec/sealing-codec.js';
import { BackendError, ConfigurationError, IncompleteError } from '../../errors.js';
import type { Keyring } from '../../keys/keyring.js';
import { UNKNOWN } from '../../keys/reported-needs.js';
import { guarded } from '../engine/backend-guard.js';
import type { Storage } from '../resolve-storage.js';
import { Coverage } from './coverage.js';
import type { CheckedRewrap, RewrapProgress } from './options.js';
import { type CannotKnow, type KeyReport, Tally } from './report.js';
import { Rewrapping } from './rewrapping.js';

/** Whose entries are looked at. */
export interface RewrapSources {
  /** How the cache stores, and then how functions of it do that are sealed apart. */
  readonly storages: readonly [Storage, ...Storage[]];
  /** Namespaces of functions of this process, besides the cache's. */
  readonly namespaces: Iterable<string>;
  /** Whether functions of this process have a `key` of their own. */
  readonly ownKeys: boolean;
}

type SealedStorage = Storage & { readonly keyring: Keyring };

/**
 * Seals a cache's entries with the current key, or, in a dry run, only counts what they need. Its keyrings are told what is left.
 *
 * @throws ConfigurationError, BackendError for a cache whose entries cannot be found, unless it is a dry run; what ended it
 *   otherwise: as the cause of an IncompleteError when entries were looked at before.
 */
export async function* rewrapSteps(
  sources: RewrapSources,
  options: CheckedRewrap,
): AsyncGenerator<RewrapProgress, KeyReport, undefined> {
  const [own] = sources.storages;
  const sealed = sources.storages.filter(isSealed);
  if (sealed.length === 0) throw new ConfigurationError('This cache does not encrypt');
  const keyrings = new Set(sealed.map(({ keyring }) => keyring));
  const hidden = hiddenBy(own);
  if (hidden !== undefined) {
    if (!options.dryRun) throw hidden.error;
    if (hidden.reasons.length > 0) {
      for (const keyring of keyrings) keyring.report(own.subject, new Map([[UNKNOWN, Number.POSITIVE_INFINITY]]), true);
    }
    return new Tally().keyReport(keyrings, hidden.reasons, new Date());
  }
  const backend = guarded(own.backend as Backend, { ...own, signal: options.signal, onState: () => {} });
  const { profile, namespace } = own;
  // A cache without encryption has none, and those of functions that are sealed apart are the same entry.
  const keeper = sealed.find((storage) => storage.registry !== undefined);
  const registry = keeper?.registry;
  const registered = await registry?.names();
  // In other wires, and of an older cache, nothing tells whose an entry is.
  const owners = registry === undefined ? options.tenants : (registered?.owners ?? []);
  const rewrapping = new Rewrapping({
    backend: backend as Backend & { keys: NonNullable<Backend['keys']> },
    sealers: sealed.map(({ codec, keyring }) => {
      const { tenantId } = codec as SealingCodec;
      return { codec, keyring, tenants: [...new Set([tenantId, ...owners])] };
    }),
    coverage: new Coverage({
      wire: profile.wire,
      namespaces:
        namespace === undefined
          ? undefined
          : new Set([namespace, ...sources.namespaces, ...(registered?.namespaces ?? [])]),
      tenants: [...(registered?.tenants ?? []), ...options.tenants, ...owners],
      ownKeys: sources.ownKeys || (registered?.ownKeys ?? false),
      except: registry?.cacheKey,
      match: options.match,
    }),
    options,
  });
  const { tally } = rewrapping;
  let [ended, whole, hasPrivate] = [false, false, false];
  try {
    for await (const progress of rewrapping.steps()) {
      options.onProgress?.(progress);
      yield progress;
    }
    if (!options.dryRun) await registry?.seal();
    else {
      const needed = await registry?.neededKey();
      if (needed !== undefined && needed !== keeper?.keyring.currentFingerprint) tally.needs(needed, 'left');
    }
    if (profile.wire === 'protocol' && namespace !== undefined) hasPrivate = await hasPrivateNames(backend, namespace);
    ended = true;
    whole = options.match === undefined && options.cursor === undefined;
  } catch (error) {
    throw tally.report.seen === 0 ? error : new IncompleteError({ ...tally.report }, error);
  } finally {
    const values = new Map(tally.byKey);
    if (!ended || hasPrivate) values.set(UNKNOWN, Number.POSITIVE_INFINITY);
    else if (tally.report.unnamed > 0) values.set(UNKNOWN, tally.report.unnamed);
    for (const keyring of keyrings) keyring.report(own.subject, values, whole);
  }
  const partly: CannotKnow[] = options.match === undefined ? [] : ['match'];
  const hiddenNames: CannotKnow[] = hasPrivate ? ['private-keys'] : [];
  const knows = registry === undefined ? namespace === undefined : registered?.whole;
  const unregistered: CannotKnow[] = knows ? [] : ['unregistered'];
  return tally.keyReport(keyrings, [...unregistered, ...hiddenNames, ...partly], new Date());
}

/** Whether a cache of the namespace has `privateKeys`. */
async function hasPrivateNames(backend: Backend, namespace: string): Promise<boolean> {
  const prefix = `${namespace}:p:`;
  for await (const name of backend.keys?.({ prefix }) ?? []) {
    // Another program's names may begin so.
    if (name.startsWith(prefix) && /^[0-9a-f]{64}$/.test(name.slice(prefix.length))) return true;
  }
  return false;
}

function isSealed(storage: Storage): storage is SealedStorage {
  return storage.secure;
}

/** Why a cache's entries cannot be found, if so. */
function hiddenBy({ backend, privateKeys }: Storage): { error: Error; reasons: CannotKnow[] } | undefined {
  if (backend === undefined) {
    return { error: new ConfigurationError('Without a backend, no entry outlives the process'), reasons: [] };
  }
  if (privateKeys) {
    const error = new ConfigurationError(
      'rewrap() is not available with privateKeys: the backend stores only hashed keys. Use rewrapOnRead',
    );
    return { error, reasons: ['private-keys'] };
  }
  if (backend.keys !== undefined) return undefined;
  return { error: new BackendError('This backend cannot list its entries: use rewrapOnRead'), reasons: ['no-listing'] };
}

import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import type { Backend } from './backend.js';
import { FileBackend } from './file.js';
import { HttpBackend } from './http.js';
import { KeyvBackend, type KeyvInstance, type KeyvStorageAdapter, looksLikeKeyv } from './keyv.js';
import { LmdbBackend } from './lmdb.js';
import { MemoryBackend } from './memory.js';
import { RedisBackend } from './redis.js';

type FromUrl = (url: string, timeoutMs: number | undefined) => Backend;

const redis: FromUrl = (url, timeoutMs) => new RedisBackend({ url, timeoutMs });

/** What makes a backend of a URL that begins so; `valkey` is another name of `redis`. */
const SCHEMES: Readonly<Record<string, FromUrl>> = {
  'redis://': redis,
  'rediss://': redis,
  'redis+cluster://': redis,
  'rediss+cluster://': redis,
  'redis+sentinel://': redis,
  'rediss+sentinel://': redis,
  'redis+unix://': redis,
  'unix:': redis,
  'https://': (url, timeoutMs) => new HttpBackend({ url, timeoutMs }),
  'lmdb:': (url, timeoutMs) => new LmdbBackend({ directory: directoryOf(url), timeoutMs }),
  'file:': (url, timeoutMs) => new FileBackend({ directory: directoryOf(url), timeoutMs }),
};
const NAMES = Object.keys(SCHEMES)
  .join(', ')
  .replace(/, ([^,]*)$/, ' and $1');

/** A backend, and what gives it up. */
export interface OpenBackend {
  readonly backend: Backend;
  /** Closes the backend, if it was made here and nobody else uses it. A second call does nothing more. */
  release(): Promise<void>;
}

interface Shared {
  readonly backend: Backend;
  users: number;
}

/** By URL and time limit. What is here is open: it is removed before it is closed. See docs/decisions/0038. */
const shared = new Map<string, Shared>();

/**
 * As {@link backendFrom}. Those who name the same Redis URL with the same time limit get the same backend, and so one connection,
 * which is closed when the last of them has released it.
 */
export function openBackend(store: Parameters<typeof backendFrom>[0], timeoutMs?: number): OpenBackend {
  if (typeof store !== 'string' || makerOf(store) !== redis) {
    const backend = backendFrom(store, timeoutMs);
    return { backend, release: once(async () => (backend === store ? undefined : backend.close?.())) };
  }
  const name = JSON.stringify([store, timeoutMs]);
  const known = shared.get(name) ?? { backend: redis(store, timeoutMs), users: 0 };
  shared.set(name, known);
  known.users++;
  const release = once(async () => {
    if (--known.users > 0) return;
    shared.delete(name);
    await known.backend.close?.();
  });
  return { backend: known.backend, release };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/**
 * The backend that a cache's `backend` option names: `null` or nothing for a new one in this process, a URL for one of
 * the stores here, a Keyv instance or storage adapter, anything with the methods of {@link Backend} as it is.
 * Connections are made by the first operation.
 *
 * @param timeoutMs the time limit of each operation of a backend that is made here; undefined: the backend's own.
 * @throws TypeError for another type, ConfigurationError for a URL that is malformed, not allowed or of an unknown scheme.
 */
export function backendFrom(
  backend: Backend | KeyvInstance | KeyvStorageAdapter | string | null | undefined,
  timeoutMs?: number,
): Backend {
  if (backend === null || backend === undefined) return new MemoryBackend();
  if (typeof backend === 'string') return fromUrl(backend, timeoutMs);
  if (typeof backend !== 'object' && typeof backend !== 'function') {
    throw new TypeError(`backend must be null, a URL or an object, not ${kindOf(backend)}`);
  }
  // Maps, and caches that are like them, have the methods with other meanings: `get` answers with the value, at once.
  if (Symbol.iterator in backend) throw unsuitable();
  if (looksLikeKeyv(backend)) return fromKeyv(backend as KeyvInstance | KeyvStorageAdapter, timeoutMs);
  const { get, set, delete: remove } = backend as Partial<Record<keyof Backend, unknown>>;
  if (![get, set, remove].every((method) => typeof method === 'function')) throw unsuitable();
  return backend as Backend;
}

function fromKeyv(store: KeyvInstance | KeyvStorageAdapter, timeoutMs: number | undefined): Backend {
  try {
    return new KeyvBackend({ store, timeoutMs });
  } catch {
    throw unsuitable();
  }
}

function unsuitable(): TypeError {
  return new TypeError(
    `backend must be null, a URL (${NAMES}), an object with the methods get, set and delete of Backend, or a Keyv instance or storage adapter of Keyv 5 or later; wrap a Map: new Keyv({ store: map })`,
  );
}

function fromUrl(url: string, timeoutMs: number | undefined): Backend {
  const make = makerOf(url);
  if (make !== undefined) return make(url, timeoutMs);
  // A URL may hold a password, so no part of it is repeated.
  throw new ConfigurationError(`The backend's URL has a scheme that is not supported; there are ${NAMES}`);
}

function makerOf(url: string): FromUrl | undefined {
  const scheme = schemeOf(url);
  // Plain HTTP is refused by the backend, with the option that allows it.
  const name = scheme === 'http:' ? 'https:' : scheme.replace(/^valkey/, 'redis');
  return SCHEMES[name] ?? SCHEMES[`${name}//`];
}

function schemeOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase() ?? '';
}

/** `file:./dir` is relative to the working directory, `file:///dir` absolute; `lmdb:` alike. */
function directoryOf(url: string): string {
  const scheme = schemeOf(url);
  const path = url.slice(scheme.length);
  if (path === '' || path === '//') throw new ConfigurationError(`The ${scheme} URL has no directory`);
  if (!path.startsWith('//')) return path;
  try {
    return fileURLToPath(`file:${path}`);
  } catch {
    throw new ConfigurationError(`The ${scheme} URL is malformed`);
  }
}

import { fileURLToPath } from 'node:url';
import { kindOf } from '../bytes.js';
import { ConfigurationError } from '../errors.js';
import type { Backend } from './backend.js';
import { FileBackend } from './file.js';
import { HttpBackend } from './http.js';
import { MemoryBackend } from './memory.js';
import { RedisBackend } from './redis.js';

const SCHEMES = 'redis://, rediss://, https:// and file:';

/**
 * The backend that a cache's `backend` option names: `null` or nothing for a new one in this process, a URL for one of
 * the stores here, anything with the methods of {@link Backend} as it is. Connections are made by the first operation.
 *
 * @throws TypeError for another type, ConfigurationError for a URL that is malformed, not allowed or of an unknown scheme.
 */
export function backendFrom(backend: Backend | string | null | undefined): Backend {
  if (backend === null || backend === undefined) return new MemoryBackend();
  if (typeof backend === 'string') return fromUrl(backend);
  if (typeof backend !== 'object' && typeof backend !== 'function') {
    throw new TypeError(`backend must be null, a URL or an object, not ${kindOf(backend)}`);
  }
  const { get, set, delete: remove } = backend as Partial<Record<keyof Backend, unknown>>;
  const complete = [get, set, remove].every((method) => typeof method === 'function');
  // Both have the methods, with other meanings: their `get` answers with a value rather than an entry.
  if (!complete || backend instanceof Map || isKeyv(backend)) {
    throw new TypeError(
      `backend must be null, a URL (${SCHEMES}), or an object with the methods get, set and delete of Backend; Maps and Keyv stores are not supported`,
    );
  }
  return backend;
}

function fromUrl(url: string): Backend {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase();
  switch (scheme) {
    case 'redis:':
    case 'rediss:':
      return new RedisBackend({ url });
    case 'https:':
    case 'http:':
      return new HttpBackend({ url });
    case 'file:':
      return new FileBackend({ directory: directoryOf(url) });
    default:
      // A URL may hold a password, so no part of it is repeated.
      throw new ConfigurationError(`The backend's URL has a scheme that is not supported; there are ${SCHEMES}`);
  }
}

/** `file:./dir` is relative to the working directory, `file:///dir` absolute. */
function directoryOf(url: string): string {
  const path = url.slice('file:'.length);
  if (path === '' || path === '//') throw new ConfigurationError('The file: URL has no directory');
  if (!path.startsWith('//')) return path;
  try {
    return fileURLToPath(url);
  } catch {
    throw new ConfigurationError('The file: URL is malformed');
  }
}

function isKeyv(backend: object): boolean {
  return 'opts' in backend || 'ttlSupport' in backend;
}

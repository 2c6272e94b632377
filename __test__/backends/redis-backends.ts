import { inspect } from 'node:util';
import type { ExecutionContext } from 'ava';
import { RedisBackend, type RedisBackendOptions } from '../../index.js';

export const libraries = ['ioredis', 'redis'] as const;

export const SECRET = 'hunter2-p@ss/word';

export const SECRET_KEY = 'patient:4711:diagnosis';

export const SECRET_VALUE = Buffer.from('sealed-bytes-of-a-value');

export function open(t: ExecutionContext, options: RedisBackendOptions): RedisBackend {
  const backend = new RedisBackend(options);
  t.teardown(() => backend.close());
  return backend;
}

export function assertNoSecret(t: ExecutionContext, error: unknown): void {
  const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  for (const secret of [SECRET, encodeURIComponent(SECRET), SECRET_KEY, SECRET_VALUE.toString()]) {
    t.false(shown.includes(secret), shown);
    t.false(
      shown.includes(
        Buffer.from(secret)
          .toString('hex')
          .replace(/(..)(?!$)/g, '$1 '),
      ),
      shown,
    );
  }
}

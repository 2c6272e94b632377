import { randomBytes } from 'node:crypto';
import type { Backend } from '../backends/backend.js';
import { backendFrom } from '../backends/from-url.js';
import { RedisBackend, serverInfo, serverTime } from '../backends/redis.js';

export interface Check {
  readonly status: 'ok' | 'warning' | 'failed';
  readonly what: string;
  readonly detail: string;
}

const TTL_MS = 60_000;
const SKEW_MS = 2_000;
/** Within so long a change must be told. */
const TOLD_MS = 3_000;

export async function checkBackend(url: string, namespace: string): Promise<Check[]> {
  const backend = backendFrom(url);
  const cacheKey = `ns:${namespace}:key:doctor-${randomBytes(8).toString('hex')}`;
  try {
    const reached = await check('backend', async () => {
      await backend.get(cacheKey);
      return backend instanceof RedisBackend ? await serverOf(backend) : backend.constructor.name;
    });
    if (reached.status === 'failed') return [reached];
    const checks = [reached, ...(await checkRights(backend, cacheKey))];
    if (backend instanceof RedisBackend) {
      checks.push(await checkEviction(backend), await checkClock(backend), await checkTold(backend, url, cacheKey));
    }
    return checks;
  } finally {
    await backend.delete(cacheKey).catch(() => {});
    await backend.close?.();
  }
}

/** What each right is for. */
async function checkRights(backend: Backend, cacheKey: string): Promise<Check[]> {
  const [bytes, others] = [randomBytes(32), randomBytes(32)];
  const checks = [
    await check('write and read', async () => {
      await backend.set(cacheKey, bytes, { ttlMs: TTL_MS });
      const entry = await backend.get(cacheKey, { ttl: true });
      if (entry === undefined || Buffer.compare(entry.bytes, bytes) !== 0) throw new Error('read something else');
      const left = entry.expiresInMs;
      return left === undefined || left <= TTL_MS + 1_000 ? '' : 'keeps entries longer than asked';
    }),
  ];
  if (checks[0]?.status === 'failed') return checks;
  const more: [string, (() => Promise<string>) | undefined][] = [
    [
      'compare and replace',
      backend.replace &&
        (async () =>
          (await backend.replace?.(cacheKey, bytes, others)) ? '' : Promise.reject(new Error('did not replace'))),
    ],
    [
      'tags',
      backend.invalidateTags &&
        (async () => {
          await backend.set(cacheKey, bytes, { ttlMs: TTL_MS, tags: [`${cacheKey}:tag`] });
          const removed = await backend.invalidateTags?.([`${cacheKey}:tag`]);
          return removed === 1 ? '' : Promise.reject(new Error('did not find the entry'));
        }),
    ],
    [
      'locks',
      backend.lock &&
        (async () => {
          const lock = await backend.lock?.(cacheKey, 1_000);
          await lock?.release();
          return '';
        }),
    ],
    [
      'list entries',
      backend.keys &&
        (async () => {
          for await (const _ of backend.keys?.({ prefix: cacheKey }) ?? []) break;
          return '';
        }),
    ],
    ['delete', async () => ((await backend.delete(cacheKey)) ? '' : '')],
  ];
  for (const [what, work] of more) {
    checks.push(
      work === undefined ? { status: 'warning', what, detail: 'this backend cannot' } : await check(what, work),
    );
  }
  return checks;
}

async function serverOf(backend: RedisBackend): Promise<string> {
  const info = await backend.run((commands) => serverInfo(commands, 'server'));
  const name = info.valkey_version === undefined ? 'Redis' : 'Valkey';
  const version = info.valkey_version ?? info.redis_version ?? 'of an unknown version';
  return `${name} ${version}, ${info.redis_mode ?? 'unknown mode'}`;
}

/** A server that may remove what it likes loses locks and marks with the entries; one that may remove nothing fails when it is full. */
function checkEviction(backend: RedisBackend): Promise<Check> {
  return check('eviction policy', async () => {
    const { maxmemory, maxmemory_policy: policy = 'unknown' } = await backend.run((commands) =>
      serverInfo(commands, 'memory'),
    );
    if (policy === 'noeviction' && maxmemory !== '0') return warn(`${policy}: writes fail when the memory is full`);
    if (policy === 'noeviction') return warn(`${policy}, and no limit: it grows until the machine has no memory`);
    return policy;
  });
}

function checkClock(backend: RedisBackend): Promise<Check> {
  return check('clock', async () => {
    const before = Date.now();
    const server = await backend.run(serverTime);
    const apart = server - (before + Date.now()) / 2;
    const detail = `${apart >= 0 ? '+' : ''}${apart.toFixed(0)} ms`;
    return Math.abs(apart) > SKEW_MS ? warn(`the server's clock is ${detail} from this machine's`) : detail;
  });
}

/** Whether a change by another client is told: what keeps copies in processes from being stale. */
function checkTold(backend: RedisBackend, url: string, cacheKey: string): Promise<Check> {
  return check('invalidation channel', async () => {
    const { watch } = backend;
    if (watch === undefined) return warn('this client cannot tell of changes');
    const other = backendFrom(url);
    let stop = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      const told = new Promise<string>((resolve, reject) => {
        stop = watch((changed) => changed === cacheKey && resolve(''));
        timer = setTimeout(() => reject(new Error('a change was not told')), TOLD_MS);
      });
      told.catch(() => {});
      // The server tells who has read the entry; the connection for that may be made by the first read.
      for (let i = 0; i < 3; i++) {
        await backend.set(cacheKey, randomBytes(8), { ttlMs: TTL_MS });
        await backend.get(cacheKey);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await other.set(cacheKey, randomBytes(8), { ttlMs: TTL_MS });
      }
      return await told;
    } finally {
      clearTimeout(timer);
      stop();
      await other.close?.();
    }
  });
}

class Warning extends Error {}

function warn(detail: string): never {
  throw new Warning(detail);
}

async function check(what: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { status: 'ok', what, detail: await work() };
  } catch (error) {
    if (error instanceof Warning) return { status: 'warning', what, detail: error.message };
    if (!(error instanceof Error)) throw error;
    return { status: 'failed', what, detail: error.message };
  }
}

import { randomUUID } from 'node:crypto';
import { wholeLeaseMs } from './arguments.js';
import type { BackendLock, BackendOptions } from './backend.js';
import type { RedisQueue } from './redis-queue.js';
import { countOf } from './redis-reply.js';

const EXTEND = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) end return 0";
const RELEASE = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

const SUFFIX = ':lock';

/** Whether an entry with this name may be a lock: one that holds a token. */
export function isLockName(name: string): boolean {
  return name.endsWith(SUFFIX);
}

export function isLockToken(bytes: unknown): boolean {
  return Buffer.isBuffer(bytes) && bytes.length === 32 && /^[0-9a-f]{32}$/.test(bytes.toString('latin1'));
}

/** The name and the token are those of the Python peer, so that processes of both kinds keep each other out. */
export async function takeLock(
  queue: RedisQueue,
  cacheKey: string,
  leaseMs: number,
  options: BackendOptions | undefined,
): Promise<BackendLock | undefined> {
  const name = cacheKey + SUFFIX;
  const token = randomUUID().replaceAll('-', '');
  const taken = await queue.run(options?.signal, (commands) =>
    commands.send(['set', name, token, 'nx', 'px', String(leaseMs)]),
  );
  return taken === null ? undefined : new RedisLock(queue, name, token);
}

class RedisLock implements BackendLock {
  readonly #queue: RedisQueue;
  readonly #name: string;
  readonly #token: string;

  constructor(queue: RedisQueue, name: string, token: string) {
    this.#queue = queue;
    this.#name = name;
    this.#token = token;
  }

  async extend(leaseMs: number): Promise<boolean> {
    const lease = String(wholeLeaseMs(leaseMs));
    return countOf(await this.#eval(EXTEND, lease)) > 0;
  }

  async release(): Promise<void> {
    await this.#eval(RELEASE);
  }

  #eval(script: string, ...args: string[]): Promise<unknown> {
    return this.#queue.run(undefined, (commands) =>
      commands.send(['eval', script, '1', this.#name, this.#token, ...args]),
    );
  }
}

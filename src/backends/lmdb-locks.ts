import { randomBytes } from 'node:crypto';
import { finiteTtlMs } from './arguments.js';
import type { BackendLock, BackendOptions } from './backend.js';
import { nameOf } from './lmdb-entry.js';
import type { Tables } from './lmdb-environment.js';
import type { LmdbHandle } from './lmdb-handle.js';

/*
 * A lock in the table `locks`, under its cache key's name. Big-endian.
 *
 * offset  length  content
 *      0       6  when the lease began, in Unix milliseconds
 *      6       6  when it ends
 *     12      16  token of its holder
 */
const BEGAN_OFFSET = 0;
const ENDS_OFFSET = 6;
const TOKEN_OFFSET = 12;
const LOCK_LEN = 28;
const MAX_TIME = 0xffff_ffff_ffff;
/** How far the clock may be set back before a lease counts as one from the future. */
const CLOCK_STEP_MS = 1_000;

/** Locks that nobody gave back and that are looked at, in turn, whenever one is taken. */
const SWEEP = 4;
let lastSwept: Buffer = Buffer.of(0);

/** Takes the lock of a cache key unless somebody holds it. */
export async function takeLease(
  handle: LmdbHandle,
  cacheKey: string,
  leaseMs: number,
  now: () => number,
  options: BackendOptions | undefined,
): Promise<BackendLock | undefined> {
  const token = randomBytes(16);
  const taken = await handle.write(options, 0, (_, tables) => takeLock(tables, cacheKey, token, leaseMs, now()));
  if (!taken) return undefined;
  return {
    extend: async (ms) => {
      const more = finiteTtlMs(ms);
      return handle.write(undefined, 0, (_, tables) => extendLock(tables, cacheKey, token, more, now()));
    },
    release: () => handle.write(undefined, 0, (_, tables) => releaseLock(tables, cacheKey, token)),
  };
}

/** These run in a transaction. Whether nobody else holds the lock. */
function takeLock({ locks }: Tables, cacheKey: string, token: Buffer, leaseMs: number, now: number): boolean {
  const name = nameOf(cacheKey);
  sweep(locks, now);
  const held = locks.getBinary(name);
  if (held && isHeld(held, now)) return false;
  locks.put(name, encodeLock(token, leaseMs, now));
  return true;
}

/** Whether the lock was still held with this token. */
function extendLock({ locks }: Tables, cacheKey: string, token: Buffer, leaseMs: number, now: number): boolean {
  const name = nameOf(cacheKey);
  const held = locks.getBinary(name);
  if (!held || !isHeld(held, now) || !token.equals(held.subarray(TOKEN_OFFSET))) return false;
  locks.put(name, encodeLock(token, leaseMs, now));
  return true;
}

function releaseLock({ locks }: Tables, cacheKey: string, token: Buffer): void {
  const name = nameOf(cacheKey);
  const held = locks.getBinary(name);
  if (held?.length === LOCK_LEN && token.equals(held.subarray(TOKEN_OFFSET))) locks.remove(name);
}

function encodeLock(token: Buffer, leaseMs: number, now: number): Buffer {
  const lock = Buffer.alloc(LOCK_LEN);
  lock.writeUIntBE(now, BEGAN_OFFSET, 6);
  lock.writeUIntBE(Math.min(now + leaseMs, MAX_TIME), ENDS_OFFSET, 6);
  lock.set(token, TOKEN_OFFSET);
  return lock;
}

/** A lease from the future is none: the clock was set back, and it would never end. */
function isHeld(lock: Buffer, now: number): boolean {
  if (lock.length !== LOCK_LEN) return false;
  const [began, ends] = [lock.readUIntBE(BEGAN_OFFSET, 6), lock.readUIntBE(ENDS_OFFSET, 6)];
  return ends > now && ends - now <= ends - began + CLOCK_STEP_MS;
}

function sweep(locks: Tables['locks'], now: number): void {
  const range = [...locks.getRange({ start: lastSwept, limit: SWEEP })] as { key: Buffer; value: Buffer }[];
  for (const { key, value } of range) if (!isHeld(value, now)) locks.remove(key);
  const last = range.at(-1);
  lastSwept = last && range.length === SWEEP ? last.key : Buffer.of(0);
}

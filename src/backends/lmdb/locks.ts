import { randomBytes } from 'node:crypto';
import { machineTime } from '../../util/machine-time.js';
import { finiteTtlMs } from '../arguments.js';
import type { BackendLock, BackendOptions } from '../backend.js';
import { nameOf } from './entry-format.js';
import type { Tables } from './environment.js';
import type { LmdbHandle } from './handle.js';

/*
 * A lock in the table `locks`, under its cache key's name. Big-endian.
 *
 * offset  length  content
 *      0       6  when the lease began, in milliseconds of the machine's monotonic clock: the wall clock may be set
 *      6       6  when it ends
 *     12      16  token of its holder
 */
const BEGAN_OFFSET = 0;
const ENDS_OFFSET = 6;
const TOKEN_OFFSET = 12;
const LOCK_LEN = 28;
const MAX_TIME = 0xffff_ffff_ffff;

/** Locks that were never released and that are looked at, in turn, whenever one is taken. */
const SWEEP = 4;
let lastSwept: Buffer = Buffer.of(0);

/** Takes the lock of a cache key unless it is held. */
export async function takeLease(
  handle: LmdbHandle,
  cacheKey: string,
  leaseMs: number,
  options: BackendOptions | undefined,
): Promise<BackendLock | undefined> {
  const token = randomBytes(16);
  const taken = await handle.write(options, 0, (_, tables) => takeLock(tables, cacheKey, token, leaseMs));
  if (!taken) return undefined;
  return {
    extend: async (ms) => {
      const more = finiteTtlMs(ms);
      return handle.write(undefined, 0, (_, tables) => extendLock(tables, cacheKey, token, more));
    },
    release: () => handle.write(undefined, 0, (_, tables) => releaseLock(tables, cacheKey, token)),
  };
}

/** These run in a transaction. Whether no other holder has the lock. */
function takeLock({ locks }: Tables, cacheKey: string, token: Buffer, leaseMs: number): boolean {
  const now = Math.floor(machineTime());
  const name = nameOf(cacheKey);
  sweep(locks, now);
  const held = locks.getBinary(name);
  if (held && isHeld(held, now)) return false;
  locks.put(name, encodeLock(token, leaseMs, now));
  return true;
}

/** Whether the lock was still held with this token. */
function extendLock({ locks }: Tables, cacheKey: string, token: Buffer, leaseMs: number): boolean {
  const now = Math.floor(machineTime());
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
  lock.writeUIntBE(Math.min(now + leaseMs + 1, MAX_TIME), ENDS_OFFSET, 6);
  lock.set(token, TOKEN_OFFSET);
  return lock;
}

/** A lease from the future is one of before the machine was restarted. */
function isHeld(lock: Buffer, now: number): boolean {
  if (lock.length !== LOCK_LEN) return false;
  const [began, ends] = [lock.readUIntBE(BEGAN_OFFSET, 6), lock.readUIntBE(ENDS_OFFSET, 6)];
  return began <= now && now < ends;
}

function sweep(locks: Tables['locks'], now: number): void {
  const range = [...locks.getRange({ start: lastSwept, limit: SWEEP })] as { key: Buffer; value: Buffer }[];
  for (const { key, value } of range) if (!isHeld(value, now)) locks.remove(key);
  const last = range.at(-1);
  lastSwept = last && range.length === SWEEP ? last.key : Buffer.of(0);
}

import { types } from 'node:util';
import type { BackendEntry, BackendSetOptions, BackendUnchanged } from '../../backends/backend.js';
import { ASYNC_FROM } from '../../codec/value-codec.js';
import { BackendError } from '../../errors.js';
import { copyOf, isDetached } from '../../util/bytes.js';
import { now } from '../../util/clock.js';

const { isUint8Array } = types;

/** What is asked of the run of a function whose result is stored. */
export interface StoringRun {
  /** The backend has said that the entry changed since the function began. */
  readonly changed: boolean;
  condition(options: BackendSetOptions): BackendSetOptions & BackendUnchanged;
}

/** A backend's answer as memory that stays as it is. @throws BackendError when it is no entry. */
export function ownEntry(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  const { bytes, ...times } = entry;
  // A time that is text or a BigInt would be no time, or an error of the engine.
  if (!isUint8Array(bytes) || !isTime(times.expiresInMs) || !isTime(times.freshInMs)) throw noEntry();
  if (isDetached(bytes)) throw new BackendError('The backend returned bytes that were taken away from it');
  return { ...times, bytes: copyOf(bytes) };
}

/** As {@link ownEntry}, from a backend whose memory only its caller has: itself. @throws BackendError when it is no entry. */
export function privateEntry(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  if (!isUint8Array(entry.bytes)) throw noEntry();
  return entry;
}

function isTime(ms: unknown): boolean {
  return ms === undefined || typeof ms === 'number';
}

function noEntry(): BackendError {
  return new BackendError('The backend returned something that is no entry: { bytes, expiresInMs? }');
}

/** When the TTL of an answer of the time `at` ends, without its grace: NaN when the backend does not say. */
export function expiryOf({ expiresInMs, freshInMs, stale }: BackendEntry, at: number, graceMs: number): number {
  if (stale) return at;
  // 0: the store calls it fresh, and does not say for how long.
  if (freshInMs !== undefined) return freshInMs === 0 ? Number.NaN : at + freshInMs;
  // 0: it must not be kept elsewhere, but may be given out.
  return expiresInMs === 0 ? Number.NaN : at + (expiresInMs ?? Number.NaN) - graceMs;
}

/** Whether an answer is still fresh: it may have been long on its way. @param expiresAt of {@link expiryOf}. */
export function isFresh({ stale }: BackendEntry, expiresAt: number): boolean {
  return !stale && (Number.isNaN(expiresAt) || expiresAt > now());
}

/** What the backend has, which is of no use to a caller. */
export function unusable({ bytes }: BackendEntry) {
  return { bytes, value: undefined, expiresAt: Number.NaN, fresh: false, inL1: false, taken: false };
}

/** Whether an entry is opened off the event loop. */
export function isLarge({ bytes }: BackendEntry): boolean {
  return bytes.length >= ASYNC_FROM;
}

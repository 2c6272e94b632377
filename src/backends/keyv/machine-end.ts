import { createHash, randomUUID } from 'node:crypto';
import { machineTime, readBootId } from '../../util/machine-time.js';

/*
 * When an entry ends by the clock that all processes of the machine share: `{start of the machine}:{milliseconds}`, in the
 * property `machineEnd` of a Keyv entry. Keyv's own `expires` goes by the wall clock, which may be set back.
 */

/** Names this start of the machine, or this process where the system has no name for it; hashed, as stores may be public. */
const start = createHash('sha256')
  .update(readBootId() ?? randomUUID())
  .digest('hex')
  .slice(0, 12);

export function machineEnd(ttlMs: number): string {
  return `${start}:${Math.ceil(machineTime() + ttlMs)}`;
}

/** What is left until then, in milliseconds; infinity where the clock of this machine does not know it. */
export function leftUntil(end: unknown): number {
  const [of, ms] = typeof end === 'string' ? end.split(':') : [];
  return of === start ? Number(ms) - machineTime() : Number.POSITIVE_INFINITY;
}

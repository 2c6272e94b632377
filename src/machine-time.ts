import { readFileSync } from 'node:fs';

// As it was when this module was loaded: fake timers replace it.
const { hrtime } = process;

/**
 * Milliseconds of the monotonic clock that all processes of a machine share, exact to its microseconds. It begins at the
 * machine's start, so readings of different starts do not compare.
 */
export function machineTime(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

/** Names the time since the machine was started; `undefined` where the system has no name for it, as only Linux has. */
export function readBootId(): string | undefined {
  try {
    return /^[0-9a-f-]{36}$/.exec(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())?.[0];
  } catch {
    return undefined;
  }
}

import { readFileSync } from 'node:fs';

// As they were when this module was loaded: fake timers replace them.
const { hrtime } = process;
const realDateNow = Date.now;

/** Milliseconds of the machine's monotonic clock, to the microsecond, from its start: readings of different starts do not compare. */
export function machineTime(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

/** Unix time in milliseconds, by the wall clock that file systems go by. */
export function fileTime(): number {
  return realDateNow();
}

/** Names the time since the machine was started; `undefined` where the system has no name for it, as only Linux has. */
export function readBootId(): string | undefined {
  try {
    return /^[0-9a-f-]{36}$/.exec(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())?.[0];
  } catch {
    return undefined;
  }
}

/** After so many readings the clock is asked again, even if the event loop has not turned. */
const MAX_READINGS = 100;

let offset = 0;
let reading = 0;
let readingsLeft = 0;
let armed = false;
const timer = setTimeout(forget, 1);
timer.unref();

function forget(): void {
  armed = false;
  reading = 0;
}

/** Milliseconds on a clock that nobody sets; only differences mean something. */
export function now(): number {
  return performance.now() + offset;
}

/**
 * A reading of {@link now} of this millisecond of the event loop, for what need not be exact: asking costs more than
 * looking an entry up. While the event loop is blocked it stands still.
 */
export function recently(): number {
  if (reading !== 0 && --readingsLeft > 0) return reading;
  reading = now();
  readingsLeft = MAX_READINGS;
  if (!armed) {
    armed = true;
    timer.refresh();
  }
  return reading;
}

/** The wall-clock time of a reading. */
export function dateOf(ms: number): Date {
  return new Date(performance.timeOrigin + ms);
}

/** Moves the clock, for tests of what happens later. */
export function advance(ms: number): void {
  offset += ms;
  reading = 0;
}

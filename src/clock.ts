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

/**
 * Milliseconds on a clock that nobody sets; only differences mean something. Read once in a millisecond of the event loop
 * (or a hundred readings), because asking costs more than looking an entry up.
 */
export function now(): number {
  if (reading !== 0 && --readingsLeft > 0) return reading;
  reading = performance.now() + offset;
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

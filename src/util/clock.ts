import { ConfigurationError } from '../errors.js';
import { setTimeout } from './timers.js';

/** Differences of two readings below this are noise: clocks have a resolution, and are not read at the same moment. */
const NOISE_MS = 5;
/** A wall clock that goes back by more was set back; by less, it may be slewed. */
const SET_BACK_MS = 100;
/** One that only falls behind may be frozen by fake timers, or was set back between two readings. */
const FALLEN_BEHIND_MS = 600_000;
/** After so many readings the clock is asked again, even if the event loop has not turned. */
const MAX_READINGS = 100;

// What fake timers replace, as it was when this module was loaded.
const realDateNow = Date.now;
const realGlobal = globalThis.performance;
const realNow = realGlobal.now;
const { uptime } = process;
/** What cannot be replaced later; where it was replaced before this module was loaded, what no fake timers have. */
const realElapsed = realNow.name === 'now' ? realNow.bind(realGlobal) : () => uptime() * 1000;

/** What fake clocks of this package have added. */
let offset = 0;
/** What makes the monotonic clock go on where another one, as fake timers bring it, has taken its place. */
let joined = 0;
let lastMonotonic = Number.NEGATIVE_INFINITY;
let lastWall = Number.NEGATIVE_INFINITY;
/** Wall clock less monotonic clock, when they were last taken to agree. */
let apart = Number.NaN;
/** By how much the wall clock has gone ahead since: the time in which the machine was suspended. */
let ahead = 0;

let reading = 0;
/** The millisecond of the wall clock in which it was read; NaN: it is to be read again. */
let readingWall = Number.NaN;
let readingsLeft = 0;
let armed = false;
/** The first reading since the event loop has turned. */
let turnBegan = Number.POSITIVE_INFINITY;
const timer = setTimeout(forget, 1);
timer.unref();

function forget(): void {
  armed = false;
  readingWall = Number.NaN;
  turnBegan = Number.POSITIVE_INFINITY;
}

/**
 * Milliseconds on the clock by which entries end, exact to one of them; only differences mean something. It goes on with the
 * monotonic clock, and jumps ahead with the wall clock when that does: the first stands still while a machine is suspended,
 * the second may be set back, which lengthens nothing. Fake timers that move either of them move it.
 */
export function now(): number {
  const { performance } = globalThis;
  const real = Date.now === realDateNow && performance === realGlobal && performance.now === realNow;
  return real && realDateNow() === readingWall ? reading : read();
}

/** A reading of {@link now} of this turn of the event loop, where exactness is not worth its cost. It stands still while the loop is blocked. */
export function recently(): number {
  return readingsLeft-- > 0 && !Number.isNaN(readingWall) ? reading : read();
}

/** Until when something may have happened that a reading of {@link recently} was taken for: within this turn, until now. */
export function latest(recent: number): number {
  return recent >= turnBegan ? now() : recent;
}

/** Milliseconds that operations take: the monotonic clock itself, whatever fake timers say. */
export function elapsed(): number {
  return realElapsed();
}

/** The wall clock goes ahead of the monotonic one by more only when the machine was suspended, or the clock was set. */
const SUSPENDED_MS = 100;

/** Measures how long something has been going on, on both real clocks. */
export class Stopwatch {
  readonly #monotonic = realElapsed();
  readonly #wall = realDateNow();

  /** Milliseconds, those in which the machine was suspended included. A wall clock that was set ahead makes it too many. */
  get ms(): number {
    const ms = realElapsed() - this.#monotonic;
    const wall = realDateNow() - this.#wall;
    return wall > ms + SUSPENDED_MS ? wall : ms;
  }
}

/** The wall-clock time of a reading of {@link now}, moved as fake clocks of this package have moved that. */
export function dateOf(ms: number): Date {
  return new Date(Date.now() + offset - (now() - ms));
}

/** Moves the clock, for tests of what happens later. */
export function advance(ms: number): void {
  offset += ms;
  readingWall = Number.NaN;
}

function read(): number {
  let monotonic = globalThis.performance.now() + joined;
  let wall = Date.now();
  if (monotonic < lastMonotonic) {
    joined += lastMonotonic - monotonic;
    monotonic = lastMonotonic;
  }
  if (Number.isNaN(apart)) apart = wall - monotonic;
  if (Math.abs(wall - monotonic - apart - ahead) > NOISE_MS) {
    // Unless this thread was interrupted between the two.
    monotonic = Math.max(monotonic, globalThis.performance.now() + joined);
    wall = Date.now();
    const drift = wall - monotonic - apart;
    if (drift > ahead + NOISE_MS) ahead = drift;
    else if (drift < ahead - (wall < lastWall - SET_BACK_MS ? SET_BACK_MS : FALLEN_BEHIND_MS)) apart += drift - ahead;
  }
  lastMonotonic = monotonic;
  lastWall = wall;
  // Binary fractions: what is left of a TTL in the same millisecond is that TTL, and not a rounding error more.
  reading = Math.floor((monotonic + ahead) * 1024) / 1024 + offset;
  readingWall = wall;
  readingsLeft = MAX_READINGS;
  if (turnBegan === Number.POSITIVE_INFINITY) turnBegan = reading;
  if (!armed) {
    armed = true;
    timer.refresh();
  }
  return reading;
}

/** What a library waits for before it sends, connects or commits. */
const NEEDED = {
  ioredis: 'process.nextTick',
  redis: 'setImmediate',
  lmdb: 'setImmediate',
  'node:http': 'process.nextTick',
} as const;

/**
 * Fake timers may hold what a library needs, and then every operation would wait for its time limit.
 *
 * @throws ConfigurationError that names it: the store is not at fault.
 */
export function assertNotHeld(library: keyof typeof NEEDED): void {
  const needed = NEEDED[library];
  if (!isFake(needed === 'setImmediate' ? globalThis.setImmediate : process.nextTick)) return;
  throw new ConfigurationError(`Fake timers hold ${needed}, which ${library} needs: leave it out of what they fake`);
}

/** Those of sinon, Jest and Vitest have a property `clock`, that of node:test is a private method. */
function isFake(method: ((...args: never[]) => unknown) & { clock?: unknown }): boolean {
  return method.clock !== undefined || method.name === 'bound #setImmediate';
}

import { kindOf } from '../util/bytes.js';
import { advance } from '../util/clock.js';

/** What {@link fakeClock} gives. */
export interface FakeClock extends Disposable {
  /**
   * Lets so many milliseconds pass at once.
   *
   * @throws TypeError for a wrong type, RangeError for a number that is negative or not finite.
   */
  advance(ms: number): void;
  /** Takes back what was added. Further calls do nothing more. */
  restore(): void;
}

/**
 * Moves the clock of this process's caches, so that a test need not wait for a TTL: L1, `MemoryBackend`, stale times,
 * a keyring's "last used". Time goes on by itself as well, and several fake clocks add up. Timers, `Date` and stores
 * outside the process do not notice.
 *
 * ```ts
 * using clock = fakeClock();
 * await users(1);
 * clock.advance(60_000);
 * await users(1); // a TTL of 60 s is over: it loads again
 * ```
 */
export function fakeClock(): FakeClock {
  let added = 0;
  const restore = () => {
    advance(-added);
    added = 0;
  };
  return {
    advance(ms) {
      if (typeof ms !== 'number') throw new TypeError(`ms must be a number, not ${kindOf(ms)}`);
      if (!(ms >= 0 && Number.isFinite(ms))) throw new RangeError('ms must be finite and not negative');
      advance(ms);
      added += ms;
    },
    restore,
    [Symbol.dispose]: restore,
  };
}

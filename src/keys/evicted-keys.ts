import { type NativeSealer, native } from '../native/addon.js';
import { setTimeout } from '../util/timers.js';

/** For so long, work that began with a key may still use it. */
const IN_USE_MS = 60_000;
/** The others of so many are left to the garbage collector, which wipes them too. */
const MOST = 10_000;

/** Wipes derived keys that are kept no longer: when everybody has asked for keys anew, and what began before is over. */
export class EvictedKeys {
  readonly #renew: () => void;
  readonly #inUseMs: number;
  #leaving: NativeSealer[] = [];
  #unused: NativeSealer[] = [];
  #waiting = false;

  /** @param renew makes everybody ask for keys anew. */
  constructor(renew: () => void, inUseMs = IN_USE_MS) {
    this.#renew = renew;
    this.#inUseMs = inUseMs;
  }

  add(sealer: NativeSealer): void {
    if (this.#leaving.length < MOST) this.#leaving.push(sealer);
    if (!this.#waiting) this.#wait();
  }

  #wait(): void {
    this.#waiting = true;
    setTimeout(this.#wipe, this.#inUseMs).unref();
  }

  readonly #wipe = (): void => {
    for (const { handle } of this.#unused) native.destroy(handle);
    this.#unused = this.#leaving;
    this.#leaving = [];
    this.#waiting = false;
    if (this.#unused.length === 0) return;
    this.#renew();
    this.#wait();
  };
}

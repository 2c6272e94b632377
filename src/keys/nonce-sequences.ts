import { NonceExhaustedError } from '../errors.js';
import { type NativeSequence, native } from '../native/addon.js';
import { guarded } from '../native/result.js';
import { announceNonces } from './key-events.js';

/** How nonces are made: a counter per process, or 12 random bytes, for platforms that clone a running process's memory. */
export type NonceMode = 'counter' | 'random';

const NONCES_OF_A_SEQUENCE = 2 ** 32;
/** Seals, after which it is announced that half of a sequence is used. */
export const HALF_OF_A_SEQUENCE = NONCES_OF_A_SEQUENCE / 2;

/** The sequences of a keyring, which all its keys share: no two of its values have a nonce in common. */
export class NonceSequences {
  #counter: NativeSequence = guarded(() => new native.NonceSequence(false));
  #random: NativeSequence | undefined;
  #announced = false;

  of(nonces: NonceMode): NativeSequence {
    if (nonces === 'counter') return this.#counter;
    this.#random ??= guarded(() => new native.NonceSequence(true));
    return this.#random;
  }

  /** Nonces left, of 2^32. */
  get left(): { counter: number; random: number } {
    const left = (sequence: NativeSequence | undefined) => NONCES_OF_A_SEQUENCE - (sequence?.used ?? 0);
    return { counter: left(this.#counter), random: left(this.#random) };
  }

  /**
   * Begins a counter sequence in the place of one that has ended.
   *
   * @param fingerprint of the key that seals.
   * @throws NonceExhaustedError for random nonces: more of them would not be safer.
   */
  renew(nonces: NonceMode, fingerprint: string): void {
    if (nonces === 'random') throw new NonceExhaustedError();
    this.#counter = guarded(() => new native.NonceSequence(false));
    this.#announced = false;
    announceNonces('renewed', fingerprint);
  }

  /** Announces, once, that half of the nonces of a sequence are used. */
  announceHalfUsed(fingerprint: string): void {
    if (this.#announced) return;
    this.#announced = true;
    announceNonces('half-used', fingerprint);
  }
}

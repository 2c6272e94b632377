import type { KeyvStorageAdapter } from './keyv-face.js';

/**
 * Errors that a store reports as events instead of failing an operation. All backends over one store share its listener:
 * Node warns of a leak from the eleventh, and a cached function is never closed.
 */
export class KeyvErrors {
  /** How many there were. */
  count = 0;
  last: unknown;
  #users = 0;
  readonly #store: KeyvStorageAdapter;
  readonly #listener = (error: unknown): void => {
    this.count++;
    this.last = error;
  };

  private constructor(store: KeyvStorageAdapter) {
    this.#store = store;
  }

  /** For one more user, which must `leave`. */
  static join(store: KeyvStorageAdapter): KeyvErrors {
    let errors = byStore.get(store);
    if (errors === undefined) {
      errors = new KeyvErrors(store);
      byStore.set(store, errors);
      store.on?.('error', errors.#listener);
    }
    errors.#users++;
    return errors;
  }

  leave(): void {
    if (--this.#users > 0) return;
    byStore.delete(this.#store);
    this.#store.off?.('error', this.#listener);
  }
}

const byStore = new WeakMap<object, KeyvErrors>();

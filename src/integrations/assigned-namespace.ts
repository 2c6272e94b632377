import { ConfigurationError } from '../errors.js';

/** The namespace of one Keyv instance, or of several that have the same. */
interface Assigned {
  /** What its keys begin with; empty without a namespace. */
  prefix: string;
}

/**
 * The namespaces of the Keyv 5 instances above a store. Each assigns its own to the store, over that of the others, and
 * `clear()`
 * and `iterator()` do not name theirs. So this records whether all instances agree.
 */
export class AssignedNamespace {
  #instances = 0;
  #latest: Assigned | undefined;
  /** Instances of the store have different namespaces. */
  #differ = false;
  /** An instance has changed its namespace, and which one is unknown. */
  #changed = false;
  /** Keyv 5 registers for errors, and then assigns. What is assigned later is a change. */
  #constructing = false;
  /** A key did not begin with the namespace: Keyv does not write it (`useKeyPrefix: false`), or another program uses the store. */
  #bareKeys = false;

  /** Whether there is an instance of Keyv 5 at all. */
  get known(): boolean {
    return this.#latest !== undefined;
  }

  registered(): void {
    this.#constructing = true;
  }

  assign(namespace: unknown): void {
    const prefix = typeof namespace === 'string' && namespace !== '' ? `${namespace}:` : '';
    const latest = this.#latest;
    const same = latest === undefined || latest.prefix === prefix;
    if (this.#constructing || latest === undefined) {
      this.#constructing = false;
      this.#instances++;
      if (!same) this.#differ = true;
      this.#latest = { prefix };
    } else if (this.#instances === 1) {
      latest.prefix = prefix;
      this.#bareKeys = false;
    } else if (!same || this.#differ) {
      this.#differ = true;
      this.#changed = true;
    }
  }

  /** Looks at a key that an instance has passed. */
  observe(key: string): void {
    if (this.#latest !== undefined && !this.#differ && !key.startsWith(this.#latest.prefix)) this.#bareKeys = true;
  }

  /** What the keys of every instance begin with. @throws ConfigurationError when they do not begin alike. */
  prefix(): string {
    if (this.#differ) throw unknownNamespace('Keyv instances with different namespaces share the store');
    return this.#prefixOf(this.#latest);
  }

  /**
   * The prefix of the latest instance, the one that has just asked for `iterator`. The function throws ConfigurationError as
   * above.
   */
  prefixOfLatest(): () => string {
    const assigned = this.#latest;
    return () => {
      if (this.#changed) throw unknownNamespace('A Keyv instance that shares the store has changed its namespace');
      return this.#prefixOf(assigned);
    };
  }

  #prefixOf(assigned: Assigned | undefined): string {
    const prefix = assigned?.prefix ?? '';
    if (prefix !== '' && this.#bareKeys) {
      throw unknownNamespace(
        'Keys without the namespace were used (the store is shared, or useKeyPrefix is false, which goes with namespace: undefined)',
      );
    }
    return prefix;
  }
}

function unknownNamespace(why: string): ConfigurationError {
  return new ConfigurationError(
    `${why}, so that the entries of the namespace cannot be told from others: give each Keyv instance an encryptedStore of its own, or name the namespace, as in store.clear({ namespace })`,
  );
}

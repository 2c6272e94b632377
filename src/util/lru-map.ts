/** One of the entries, in the order of their last use: the first one leaves first. */
interface Held<V> {
  readonly key: string;
  readonly value: V;
  readonly size: number;
  before: Held<V> | undefined;
  behind: Held<V> | undefined;
}

/** A Map that is bounded in the sum of its sizes: what was not used for longest leaves first. */
export class LruMap<V> {
  readonly maxSize: number;
  readonly #left: ((value: V, key: string) => void) | undefined;
  /** A list beside it has the order: to delete and set again takes twice as long as a get. */
  readonly #held = new Map<string, Held<V>>();
  #first: Held<V> | undefined;
  #last: Held<V> | undefined;
  #size = 0;

  /** @param left called with whatever leaves, is deleted or replaced. */
  constructor(maxSize: number, left?: (value: V, key: string) => void) {
    this.maxSize = maxSize;
    this.#left = left;
  }

  /** How many there are. */
  get count(): number {
    return this.#held.size;
  }

  /** The sum of their sizes. */
  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    if (held !== this.#last) {
      this.#unlink(held);
      this.#append(held);
    }
    return held.value;
  }

  /** As `get`, which is no use. */
  peek(key: string): V | undefined {
    return this.#held.get(key)?.value;
  }

  /** One that is larger than the map alone is not kept. */
  set(key: string, value: V, size = 1): void {
    if (size > this.maxSize) {
      this.delete(key);
      return;
    }
    const old = this.#held.get(key);
    const held: Held<V> = { key, value, size, before: undefined, behind: undefined };
    if (old !== undefined) this.#held.delete(key);
    this.#held.set(key, held);
    this.#append(held);
    this.#size += size;
    if (old !== undefined) this.#leave(old);
    while (this.#size > this.maxSize) this.pop();
  }

  delete(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    this.#leave(held);
  }

  /** Gives up what was not used for longest. */
  pop(): void {
    if (this.#first !== undefined) this.delete(this.#first.key);
  }

  /** Those that there are now. */
  keys(): string[] {
    return [...this.#held.keys()];
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }

  /** The last step of whatever takes one away: `left` may use the map. */
  #leave(held: Held<V>): void {
    this.#unlink(held);
    this.#size -= held.size;
    this.#left?.(held.value, held.key);
  }

  #append(held: Held<V>): void {
    held.before = this.#last;
    held.behind = undefined;
    if (this.#last === undefined) this.#first = held;
    else this.#last.behind = held;
    this.#last = held;
  }

  #unlink({ before, behind }: Held<V>): void {
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
  }
}

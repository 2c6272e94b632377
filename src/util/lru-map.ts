interface Held<V> {
  readonly value: V;
  readonly size: number;
}

/** A Map that is bounded in the sum of its sizes: what was not used for longest leaves first. */
export class LruMap<V> {
  readonly maxSize: number;
  readonly #left: ((value: V, key: string) => void) | undefined;
  /** In the order of their last use. */
  readonly #held = new Map<string, Held<V>>();
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
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.value;
  }

  /** As `get`, which is no use. */
  peek(key: string): V | undefined {
    return this.#held.get(key)?.value;
  }

  /** One that is larger than the map alone is not kept. */
  set(key: string, value: V, size = 1): void {
    this.delete(key);
    if (size > this.maxSize) return;
    this.#held.set(key, { value, size });
    this.#size += size;
    while (this.#size > this.maxSize) this.pop();
  }

  delete(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    this.#size -= held.size;
    this.#left?.(held.value, key);
  }

  /** Gives up what was not used for longest. */
  pop(): void {
    const { value: oldest } = this.#held.keys().next();
    if (oldest !== undefined) this.delete(oldest);
  }

  /** Those that there are now. */
  keys(): string[] {
    return [...this.#held.keys()];
  }

  clear(): void {
    for (const key of this.keys()) this.delete(key);
  }
}

/** Values on their way to readers, who may be slow: their memory is held as long, whatever becomes of the entries. */
export class Sending {
  readonly #maxBytes: number;
  readonly #values = new Map<Buffer, { readers: number; removed: boolean }>();
  #bytes = 0;
  #removedBytes = 0;

  /** @param maxBytes on their way at once; a longer value goes alone. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of values that are no longer entries. */
  get removedBytes(): number {
    return this.#removedBytes;
  }

  /** Counts a value until what this returns is called, once; `undefined` when too much is on its way already. */
  begin(value: Buffer): (() => void) | undefined {
    const sending = this.#values.get(value) ?? { readers: 0, removed: false };
    if (sending.readers === 0) {
      if (this.#bytes > 0 && this.#bytes + value.length > this.#maxBytes) return undefined;
      this.#bytes += value.length;
      this.#values.set(value, sending);
    }
    sending.readers++;
    return () => {
      if (--sending.readers > 0) return;
      this.#values.delete(value);
      this.#bytes -= value.length;
      if (sending.removed) this.#removedBytes -= value.length;
    };
  }

  /** The value is no longer an entry. */
  removed(value: Buffer): void {
    const sending = this.#values.get(value);
    if (sending === undefined) return;
    sending.removed = true;
    this.#removedBytes += value.length;
  }
}

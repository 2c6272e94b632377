/** The body of a request, or why there is none. */
export type Body = Buffer | 'too large' | 'busy';

/** Reads bodies into memory, each up to a limit and all together up to another. */
export class BodyReader {
  readonly #maxBytesAtOnce: number;
  #reading = 0;

  constructor(maxBytesAtOnce: number) {
    this.#maxBytesAtOnce = maxBytesAtOnce;
  }

  /** Reads a body over a limit to its end: many clients look for the answer only then. @throws what a broken connection throws. */
  async read(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Body> {
    let parts: Uint8Array[] = [];
    let length = 0;
    let held = 0;
    let refusal: 'too large' | 'busy' | undefined;
    try {
      for await (const part of chunks) {
        length += part.length;
        if (length > maxBytes) refusal = 'too large';
        else if (this.#reading + part.length > this.#maxBytesAtOnce) refusal ??= 'busy';
        if (refusal === undefined) {
          this.#reading += part.length;
          held += part.length;
          parts.push(part);
          continue;
        }
        parts = [];
      }
    } finally {
      this.#reading -= held;
    }
    if (refusal !== undefined) return refusal;
    // Memory of its own: the chunks are views on larger ones.
    const body = Buffer.allocUnsafeSlow(length);
    let offset = 0;
    for (const part of parts) {
      body.set(part, offset);
      offset += part.length;
    }
    return body;
  }
}

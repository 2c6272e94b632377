/** A small seeded generator (mulberry32), so that a printed seed repeats a run. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** A uniform number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** Up to `maxLen` characters of one, two, three and four UTF-8 bytes. */
  text(maxLen: number, minLen = 0): string {
    const length = minLen + this.below(maxLen - minLen + 1);
    let text = '';
    for (let i = 0; i < length; i++) {
      text += String.fromCodePoint(
        this.pick([
          0x20 + this.below(0x5f),
          0x20 + this.below(0x5f),
          0xa1 + this.below(0x300),
          0x4e00 + this.below(0x5000),
          // Above the surrogates: by code units they come after what lies beyond U+FFFF.
          0xff61 + this.below(0x30),
          0x1f300 + this.below(0x300),
        ]),
      );
    }
    return text;
  }

  double(): number {
    const view = new DataView(this.bytes(8).buffer);
    const value = view.getFloat64(0);
    return Number.isFinite(value) ? value : this.next();
  }
}

/** The seed of a test: fresh for each run, or `CACHEKIT_TEST_SEED`. */
export function testSeed(): number {
  const given = process.env.CACHEKIT_TEST_SEED;
  return given === undefined ? Math.floor(Math.random() * 0x1_0000_0000) : Number(given) >>> 0;
}

/** A value that both languages hold exactly: what MessagePack and JavaScript share. */
export function randomValue(random: Random, depth = 0): unknown {
  switch (random.below(depth < 3 ? 12 : 9)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 1;
    case 2:
      return random.below(200) - 100;
    case 3:
      return Math.trunc((random.next() - 0.5) * 2 ** (1 + random.below(53)));
    case 4:
      return random.pick([2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 60n + 1n]);
    case 5:
      return random.pick([random.double(), random.next(), -0.5, 1e300, 5e-324]);
    case 6:
      return random.text(random.pick([4, 40, 400]));
    case 7:
      return random.bytes(random.pick([0, 1, 31, 32, 300]));
    case 8:
      return new Date(random.below(4_102_444_800) * 1000 + random.below(1000));
    case 9:
    case 10:
      return Array.from({ length: random.below(6) }, () => randomValue(random, depth + 1));
    default:
      return randomRecord(random, depth);
  }
}

function randomRecord(random: Random, depth: number): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let i = random.below(6); i > 0; i--) record[`${random.text(12)}.${i}`] = randomValue(random, depth + 1);
  return record;
}

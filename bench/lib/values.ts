/** Values of the kinds that are cached, the same in every run: a small generator instead of Math.random. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const HEX = '0123456789abcdef';

function hex(random: () => number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += HEX[Math.floor(random() * 16)];
  return text;
}

export interface Session {
  userId: number;
  name: string;
  active: boolean;
  [field: string]: unknown;
}

/** A session-like object of about `size` bytes as MessagePack: a few short fields, and tokens that do not compress. */
export function session(size: number, seed = 1): Session {
  const random = generator(seed);
  const value: Session = { userId: 1_000_000 + seed, name: 'Ada Lovelace', active: true };
  // The fields above are 37 bytes; a token is its text, its name and two bytes of lengths.
  let left = size - 37;
  for (let i = 0; left > 8; i++) {
    const length = Math.min(48, left - 7);
    value[`tok${i}`] = hex(random, length);
    left -= length + (length < 32 ? 6 : 7);
  }
  return value;
}

/** What a JSON API answers with: a page of records, `count` of them at about 230 bytes. */
export function apiResponse(count: number, seed = 2): unknown {
  const random = generator(seed);
  return {
    page: 1,
    total: 12_345,
    items: Array.from({ length: count }, (_, i) => ({
      id: hex(random, 24),
      rank: i,
      title: `Item ${i} of the catalogue`,
      price: Math.round(random() * 100_000) / 100,
      tags: ['new', 'sale', 'home'].slice(0, 1 + Math.floor(random() * 3)),
      owner: { id: Math.floor(random() * 1e6), name: 'Grace Hopper', country: 'NL' },
      stock: Math.floor(random() * 500),
      available: random() > 0.2,
    })),
  };
}

/** Rows of a table as a database driver returns them. */
export function rows(count: number): Record<string, unknown>[] {
  const random = generator(3);
  return Array.from({ length: count }, (_, i) => ({
    id: i,
    customer: hex(random, 12),
    amount: Math.round(random() * 1e6) / 100,
    currency: 'EUR',
    at: new Date(1_700_000_000_000 + i * 60_000),
    paid: random() > 0.5,
  }));
}

const several = (count: number, make: (seed: number) => unknown) =>
  Array.from({ length: count }, (_, i) => make(i + 1));

/** What the caches hold: values of 100 bytes, 900 bytes and 55 kilobytes, as many as there are likely to be. */
export const CACHED_VALUES = [
  { label: '100 B', values: several(1000, (seed) => session(100, seed)) },
  { label: '900 B', values: several(1000, (seed) => apiResponse(4, seed)) },
  { label: '55 KB', values: several(50, (seed) => apiResponse(240, seed)) },
];

/**
 * Tagged JSON, as the peer and the vector files write values: JSON, plus single-key objects
 * such as `{"$bytes": hex}` for what JSON cannot say.
 */
export type Tagged = null | boolean | number | string | Tagged[] | { [name: string]: Tagged };

/** How a tag becomes a JavaScript value. What a reviver leaves out is an error, so that no row passes by accident. */
export interface TagReaders {
  datetime?: (iso: string) => unknown;
  date?: (iso: string) => unknown;
  time?: (iso: string) => unknown;
  uuid?: (text: string) => unknown;
  int?: (decimal: string) => unknown;
  set?: (items: unknown[]) => unknown;
}

const exactInt = (decimal: string) => (Number.isSafeInteger(Number(decimal)) ? Number(decimal) : BigInt(decimal));

function readTag(tag: string, content: Tagged, readers: TagReaders): unknown {
  const text = String(content);
  const items = () => (content as Tagged[]).map((item) => fromTagged(item, readers));
  switch (tag) {
    case '$bytes':
      return new Uint8Array(Buffer.from(text, 'hex'));
    case '$int':
      return (readers.int ?? exactInt)(text);
    case '$float':
      return Number(text.replace(/^(-?)inf$/, '$1Infinity'));
    case '$tuple':
      return items();
    case '$undefined':
      return null;
    case '$map':
      return readMap(content as [Tagged, Tagged][], readers);
    case '$repeat': {
      const [unit, times] = content as [string, number];
      return unit.repeat(times);
    }
    case '$set':
      return (readers.set ?? missing)(items());
    case '$datetime':
      return (readers.datetime ?? missing)(text);
    case '$date':
      return (readers.date ?? missing)(text);
    case '$time':
      return (readers.time ?? missing)(text);
    case '$uuid':
      return (readers.uuid ?? missing)(text);
    default:
      return missing(tag);
  }
}

/** A map is an object when all its keys are strings; one whose only key begins with a dollar sign has this form too. */
function readMap(entries: [Tagged, Tagged][], readers: TagReaders): unknown {
  const read = entries.map(([key, value]) => [fromTagged(key, readers), fromTagged(value, readers)] as const);
  return read.every(([key]) => typeof key === 'string') ? Object.fromEntries(read) : new Map(read);
}

function missing(tag: unknown): never {
  throw new Error(`no reader for the tagged value ${tag}`);
}

export function fromTagged(value: Tagged, readers: TagReaders = {}): unknown {
  if (Array.isArray(value)) return value.map((item) => fromTagged(item, readers));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0].startsWith('$')) return readTag(first[0], first[1], readers);
  const object: Record<string, unknown> = {};
  for (const [name, item] of entries) {
    // An own property even when it is called __proto__.
    Object.defineProperty(object, name, {
      value: fromTagged(item, readers),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

function tagNumber(value: number): Tagged {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return value;
  if (Number.isFinite(value))
    return Number.isInteger(value) ? { $float: Object.is(value, -0) ? '-0.0' : String(value) } : value;
  return { $float: Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf' };
}

export function toTagged(value: unknown): Tagged {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return tagNumber(value);
  if (typeof value === 'bigint') return { $int: String(value) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') };
  if (value instanceof Date) return { $datetime: value.toISOString() };
  if (Array.isArray(value)) return value.map(toTagged);
  if (value instanceof Map) return { $map: [...value].map(([k, v]) => [toTagged(k), toTagged(v)]) };
  const entries = Object.entries(value as object).map(([name, item]) => [name, toTagged(item)] as [string, Tagged]);
  const lookslikeTag = entries.length === 1 && entries[0]?.[0].startsWith('$');
  return lookslikeTag ? { $map: entries } : Object.fromEntries(entries);
}

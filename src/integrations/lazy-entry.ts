/**
 * An entry that opens when it is destructured, and then begins with no namespace if it does not open. Keyv 6
 * destructures it to iterate, and leaves it out then; to clear it takes `entry[0]`, and so removes what does not open too.
 */
export function lazyEntry(name: string, open: () => unknown): [string, unknown] {
  return Object.defineProperties([name, undefined] as [string, unknown], {
    1: { get: open },
    [Symbol.iterator]: {
      *value() {
        const value = open();
        yield value === undefined ? '' : name;
        yield value;
      },
    },
  });
}

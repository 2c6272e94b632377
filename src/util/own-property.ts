const { defineProperty } = Object;
/** What it has at an index, it has from its prototypes. */
const EMPTY: readonly unknown[] = [];

/** Whether assigning this name may call a setter or fail: use {@link define} then. Two thirds of the time of `in`. */
export const isInherited = Object.prototype.hasOwnProperty.bind(Object.prototype) as (name: string) => boolean;

/** Whether assigning makes an element of an array, at this index. */
export function isAssignableAt(index: number): boolean {
  return !(index in EMPTY);
}

/** Makes a property of an object or array, whatever its prototypes have. */
export function define(object: object, name: string | number, value: unknown): void {
  const descriptor = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
  defineProperty(object, name, descriptor as PropertyDescriptor);
}

/** Appends a value, as `push` does where `Array.prototype` is unchanged. */
export function append<T>(list: T[], value: T): void {
  const { length } = list;
  if (isAssignableAt(length)) list[length] = value;
  else define(list, length, value);
}

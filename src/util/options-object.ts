import { ConfigurationError } from '../errors.js';
import { kindOf } from './bytes.js';

/**
 * An object with no options but the known ones: a misspelt one that is ignored may be what was to keep tenants apart.
 *
 * @param group the option whose own options they are, and what else it may be.
 * @throws TypeError unless it is an object, ConfigurationError for an unknown option.
 */
export function assertOptionsObject(
  options: unknown,
  known: readonly string[],
  group?: { readonly name: string; readonly or: string },
): asserts options is object {
  if (typeof options !== 'object' || options === null || kindOf(options) === 'an array') {
    const what =
      group === undefined ? 'The options must be an object' : `${group.name} must be ${group.or} or an object`;
    throw new TypeError(`${what}, not ${kindOf(options)}`);
  }
  for (const name of namesOf(options)) {
    if (known.includes(name)) continue;
    const option = group === undefined ? name : `${group.name}.${name}`;
    throw new ConfigurationError(`Unknown option '${option}'. Known options: ${known.join(', ')}`);
  }
}

// A proxy that was revoked has none that can be asked for.
function namesOf(options: object): string[] {
  try {
    return Object.keys(options);
  } catch {
    throw new TypeError('The options must be an object that can be read');
  }
}

/** Options of the object or its class, each read once; none from `Object.prototype`, where user code might turn off a protection. */
export function ownOptions<T extends object>(options: T): T {
  const own: Record<string, unknown> = Object.create(null);
  for (
    let from: object | null = options;
    from !== null && from !== Object.prototype;
    from = Object.getPrototypeOf(from)
  ) {
    for (const name of Object.getOwnPropertyNames(from)) {
      if (!(name in own)) own[name] = (options as Record<string, unknown>)[name];
    }
  }
  return own as T;
}

/**
 * As {@link ownOptions}, of anything that was passed as options.
 *
 * @throws TypeError unless it is an object all of whose options can be read; of what a getter or a proxy throws nothing is kept.
 */
export function readOptions<T extends object>(options: T): T {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object, not ${kindOf(options)}`);
  }
  try {
    return ownOptions(options);
  } catch {
    throw new TypeError('options must be an object that can be read');
  }
}

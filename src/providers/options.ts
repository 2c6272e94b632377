import { ConfigurationError } from '../errors.js';
import { assertWellFormed } from '../util/bytes.js';

/** @throws TypeError unless it is an object with this method. */
export function assertClient(client: unknown, method: string): void {
  const found: unknown = typeof client === 'object' && client !== null ? Reflect.get(client, method) : undefined;
  if (typeof found !== 'function') throw new TypeError(`client must have a method ${method}()`);
}

/** @throws TypeError for another type and for a lone surrogate, ConfigurationError for an empty string. */
export function assertText(name: string, value: unknown): asserts value is string {
  assertWellFormed(name, value);
  if (value === '') throw new ConfigurationError(`${name} must not be empty`);
}

/** @throws as {@link assertText}, for a value that is there. */
export function assertOptionalText(name: string, value: unknown): asserts value is string | undefined {
  if (value !== undefined) assertText(name, value);
}

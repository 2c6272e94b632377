import { ArrowSerializer } from './arrow.js';
import { InteropSerializer } from './interop.js';
import { JsonSerializer } from './json.js';
import type { Serializer } from './serializer.js';
import { StandardSerializer } from './standard.js';

const METHODS = ['serialize', 'deserialize', 'serializeShared', 'deserializeShared', 'serializeWithRoom'];
const CLASSES = [StandardSerializer, JsonSerializer, InteropSerializer, ArrowSerializer];

/**
 * Whether a serializer does what a class of this package does. One that extends a class and has a `serialize` or
 * `deserialize` of its own is a stranger: its payloads may be anything, and its bytes anybody's.
 */
export function isBuiltIn(serializer: Serializer): boolean {
  return CLASSES.some(
    ({ prototype }) =>
      Object.prototype.isPrototypeOf.call(prototype, serializer) &&
      METHODS.every((name) => Reflect.get(serializer, name) === Reflect.get(prototype, name)),
  );
}

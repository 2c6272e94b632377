import { ArrowSerializer } from './arrow.js';
import { InteropSerializer } from './interop.js';
import { JsonSerializer } from './json.js';
import type { Serializer } from './serializer.js';
import { StandardSerializer } from './standard.js';

/** What is known of a serializer of this package, and of those that extend it. */
export interface BuiltIn {
  readonly type: { readonly prototype: object };
  /** Its letter in the cache keys of functions. */
  readonly keyLetter: string;
  /** Its name in a Python frame; without one it has no frame. */
  readonly frameName?: 'default' | 'orjson' | 'arrow';
}

const BUILT_IN: readonly BuiltIn[] = [
  { type: StandardSerializer, keyLetter: 's', frameName: 'default' },
  { type: JsonSerializer, keyLetter: 'o', frameName: 'orjson' },
  { type: ArrowSerializer, keyLetter: 'w', frameName: 'arrow' },
  { type: InteropSerializer, keyLetter: 's' },
];
const METHODS = ['serialize', 'deserialize', 'serializeWithRoom'];

/** What is known of a serializer, which may extend one of this package; undefined for any other. */
export function builtInOf(serializer: Serializer): BuiltIn | undefined {
  return BUILT_IN.find(({ type }) => Object.prototype.isPrototypeOf.call(type.prototype, serializer));
}

/** Whether a serializer is one of this package with its own methods: those of a subclass may return anything and keep the bytes. */
export function isBuiltIn(serializer: Serializer): boolean {
  const prototype = builtInOf(serializer)?.type.prototype;
  return (
    prototype !== undefined && METHODS.every((name) => Reflect.get(serializer, name) === Reflect.get(prototype, name))
  );
}

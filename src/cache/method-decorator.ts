import { kindOf } from '../util/bytes.js';
import type { Original } from './cached-types.js';

/* Where a cache wraps a method: standard decorators, and those of `experimentalDecorators`. */

/** What a decorator of `experimentalDecorators` is given after the class or its prototype. */
export interface LegacyMethod {
  readonly descriptor: PropertyDescriptor & { value: Original };
}

/** @throws TypeError for something that is no function, or a decorator used where it cannot be. */
export function assertWrappable(fn: unknown, decorated: unknown): asserts fn is Original {
  if (typeof fn !== 'function') {
    throw new TypeError(
      decorated === undefined
        ? `cache(options) wraps a function, not ${kindOf(fn)}`
        : 'As a decorator, cache(options) is for methods, not for fields and accessors',
    );
  }
  if (decorated === undefined) return;
  const kind = (decorated as { kind?: unknown } | null)?.kind;
  if (kind !== 'method') throw notMethod(kind);
}

/**
 * The method that a decorator of `experimentalDecorators` is in front of; undefined for any other call.
 *
 * @throws TypeError for something else that it is in front of.
 */
export function legacyMethod(name: unknown, descriptor: unknown): LegacyMethod | undefined {
  if (typeof name !== 'string' && typeof name !== 'symbol') return undefined;
  if (typeof descriptor === 'number') throw notMethod('parameter');
  // A field has none; Babel gives it one with an initializer.
  if (typeof descriptor !== 'object' || descriptor === null) throw notMethod('field');
  const { get, set, value } = descriptor as PropertyDescriptor;
  if (get !== undefined || set !== undefined) throw notMethod('accessor');
  if (typeof value !== 'function') throw notMethod('field');
  return { descriptor: descriptor as LegacyMethod['descriptor'] };
}

function notMethod(kind: unknown): TypeError {
  const what =
    typeof kind === 'string' && /^[a-z]{1,20}$/.test(kind)
      ? `, not for ${kind.startsWith('a') ? 'an' : 'a'} ${kind}`
      : '';
  return new TypeError(`As a decorator, cache(options) is for methods${what}`);
}

const OF_EVERY_FUNCTION = new Set<PropertyKey>(['length', 'name', 'prototype', 'arguments', 'caller']);

interface MetadataReflect {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

/**
 * Gives a cached function what others have noted on the original: its own properties, and its metadata (`reflect-metadata`),
 * by which NestJS finds the routes that decorators nearer to the method have made.
 */
export function copyNotes(from: object, to: object): void {
  for (const name of Reflect.ownKeys(from)) {
    if (OF_EVERY_FUNCTION.has(name)) continue;
    Object.defineProperty(to, name, { ...Reflect.getOwnPropertyDescriptor(from, name), configurable: true });
  }
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as MetadataReflect;
  if (getOwnMetadataKeys === undefined || getOwnMetadata === undefined || defineMetadata === undefined) return;
  for (const key of getOwnMetadataKeys(from)) defineMetadata(key, getOwnMetadata(key, from), to);
}

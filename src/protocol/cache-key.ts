import { createHash } from 'node:crypto';
import { assertWellFormed } from '../bytes.js';
import { blake2bHex } from '../native.js';
import { encodeInteropArgsShared } from './interop-args.js';

/** The longest cache key that is used as it is, in characters. */
const MAX_KEY_LEN = 250;
const KEPT_LEN = 50;
const TENANT_PREFIX = /^t:[0-9a-f]{16}:/;

/** How a value is stored, as a function's cache key tells it: in an envelope or not, and the serializer. */
export type StorageCode = `${0 | 1}${'s' | 'o' | 'w' | 'x'}`;

// Node's direct reader; `toString('latin1')` looks the encoding up on every call.
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};
/** Arguments of at most so many canonical bytes are remembered with their key. */
const MAX_REMEMBERED_LEN = 64;
/** Keys remembered for one function, before the older half is forgotten. */
const GENERATION = 2_048;

/**
 * Makes cache keys of one form, `before` + hash of the arguments + `after`, and remembers the latest of them by their
 * arguments' canonical bytes. Finding a key costs a third of hashing again, and the same string object is found faster
 * in L1: this is what most of a hit would otherwise be spent on.
 */
export class HashedKeys {
  readonly #before: string;
  readonly #after: string;
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  constructor(before: string, after: string) {
    this.#before = before;
    this.#after = after;
  }

  /** @throws TypeError, naming the option `key`, for an argument that has no canonical form. */
  keyOf(args: readonly unknown[]): string {
    const { buffer, length } = encodeInteropArgsShared(args);
    if (length > MAX_REMEMBERED_LEN) return this.#make(buffer, length);
    const bytes = latin1Slice.call(buffer, 0, length);
    const known = this.#young.get(bytes) ?? this.#old.get(bytes);
    if (known !== undefined) return known;
    const made = this.#make(buffer, length);
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(bytes, made);
    return made;
  }

  #make(buffer: Uint8Array, length: number): string {
    return shortened(this.#before + blake2bHex(buffer, length, 32) + this.#after);
  }
}

/** Without trailing `undefined`: in JavaScript, an argument left out is the same call. */
export function givenArguments(args: readonly unknown[]): readonly unknown[] {
  let count = args.length;
  while (count > 0 && args[count - 1] === undefined) count--;
  return count === args.length ? args : args.slice(0, count);
}

/**
 * The cache keys of a function's calls: `ns:{namespace}:func:{operation}:args:{hash}:{code}`, shortened when they are long.
 *
 * No two pairs of names give the same key: a namespace has no colon, and what follows the operation has a fixed length.
 *
 * Source: protocol, "Key formats".
 */
export function functionKeys(namespace: string, operation: string, code: StorageCode): HashedKeys {
  return new HashedKeys(`ns:${namespace}:func:${operation}:args:`, `:${code}`);
}

/** Keys of more than 250 characters become their first 50, a colon, and 32 hex digits of their BLAKE2b-256. */
export function shortened(cacheKey: string): string {
  if (cacheKey.length <= MAX_KEY_LEN) return cacheKey;
  const characters = Array.from(cacheKey);
  if (characters.length <= MAX_KEY_LEN) return cacheKey;
  const bytes = Buffer.from(cacheKey);
  return `${characters.slice(0, KEPT_LEN).join('')}:${blake2bHex(bytes, bytes.length, 32).slice(0, 32)}`;
}

/** What a stored key begins with when its tenant comes with the call: `t:`, 16 hex digits of SHA-256(tenantId), `:`. */
export function tenantPrefix(tenantId: string): string {
  return `t:${createHash('sha256').update(tenantId).digest('hex').slice(0, 16)}:`;
}

/** Whether a cache key looks like one that belongs to a tenant. */
export function hasTenantPrefix(cacheKey: string): boolean {
  return TENANT_PREFIX.test(cacheKey);
}

/**
 * A namespace or an operation, as part of a cache key.
 *
 * @throws TypeError for a wrong type, RangeError for an empty one, one with white space or control characters,
 *   and a namespace with a colon.
 */
export function assertName(name: 'namespace' | 'operation', value: unknown): asserts value is string {
  assertWellFormed(name, value);
  if (value === '') throw new RangeError(`${name} must not be empty`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\s\u0000-\u001f\u007f]/.test(value)) {
    throw new RangeError(`${name} must not have white space or control characters`);
  }
  if (name === 'namespace' && value.includes(':')) throw new RangeError('namespace must not have a colon');
}

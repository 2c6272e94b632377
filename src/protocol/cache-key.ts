import { createHash } from 'node:crypto';
import { blake2bHex } from '../native/hash.js';
import { assertWellFormed, notWellFormed } from '../util/bytes.js';
import { type ArgumentsContext, encodeInteropArgsShared, type SharedBytes } from './interop-args.js';
import type { Wire } from './wire.js';

/** The longest cache key that is used as it is, in characters. */
const MAX_KEY_LEN = 250;
/** Of these, so many are kept of one that is shortened. */
export const KEPT_LEN = 50;
const HASH_LEN = 64;
/** `t:`, 16 hex digits, `:`. */
export const TENANT_PREFIX_LEN = 19;
const TENANT_PREFIX = /^t:[0-9a-f]{16}:/;

/** Arguments whose keys no other SDK makes. */
const OWN: ArgumentsContext = { allowUndefined: true, errorPaths: 'names' };

/** Makes cache keys of one form: `before`, 64 hex digits of BLAKE2b-256 of the arguments, `after`. */
export class HashedKeys {
  readonly before: string;
  readonly after: string;
  readonly #context: ArgumentsContext;

  constructor(before: string, after: string, context = OWN) {
    this.before = before;
    this.after = after;
    this.#context = context;
  }

  /** @throws TypeError, naming the option `key` and the argument, for one that has no canonical form. */
  keyOf(args: readonly unknown[]): string {
    return this.keyOfEncoded(this.encode(args));
  }

  /** The canonical arguments, until others are encoded. @throws as {@link keyOf}. */
  encode(args: readonly unknown[]): SharedBytes {
    return encodeInteropArgsShared(args, this.#context);
  }

  /** Whether no key is long enough to be shortened, whatever stands before it for a tenant. */
  get areWhole(): boolean {
    return TENANT_PREFIX_LEN + this.length <= MAX_KEY_LEN;
  }

  /** How long its keys are, as far as they are not shortened. */
  get length(): number {
    return this.before.length + HASH_LEN + this.after.length;
  }

  keyOfEncoded({ buffer, length }: SharedBytes): string {
    return shortened(this.before + blake2bHex(buffer, length, 32) + this.after);
  }
}

/** Without trailing `undefined`: in JavaScript, an argument left out is the same call. */
export function givenArguments(args: readonly unknown[]): readonly unknown[] {
  let count = args.length;
  while (count > 0 && args[count - 1] === undefined) count--;
  return count === args.length ? args : args.slice(0, count);
}

/**
 * The cache keys of a function's calls: `ns:{namespace}:func:{operation}:args:{hash}:{suffix}`, shortened when they are long.
 *
 * @param keySuffix how values are stored: `1` in an envelope or `0`, and the serializer's letter.
 * No two pairs of names give the same key: a namespace has no colon, and what follows the operation has a fixed length.
 *
 * Protocol: docs/protocol.md, "Key formats".
 */
export function functionKeys(
  namespace: string,
  operation: string,
  keySuffix: string,
  context: ArgumentsContext = OWN,
): HashedKeys {
  return new HashedKeys(`ns:${namespace}:func:${operation}:args:`, `:${keySuffix}`, context);
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
  // Most keys do not begin with a `t`, and the expression costs as much as looking one up.
  return cacheKey.charCodeAt(0) === 0x74 && TENANT_PREFIX.test(cacheKey);
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

/**
 * A cache key that the caller made.
 *
 * @throws TypeError for a wrong type or a lone surrogate; RangeError when it is empty, or belongs to a tenant: a key that
 *   comes from outside must not name another tenant's entry.
 */
export function assertOwnKey(name: string, cacheKey: unknown, wire: Wire): asserts cacheKey is string {
  if (typeof cacheKey !== 'string' || !cacheKey.isWellFormed()) throw notWellFormed(name, cacheKey);
  if (cacheKey === '') throw new RangeError(`${name} must not be empty`);
  if (wire === 'protocol' && hasTenantPrefix(cacheKey)) {
    throw new RangeError(`${name} must not begin like a tenant's cache keys (t:, 16 hex digits, :)`);
  }
}

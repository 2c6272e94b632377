import { blake2bHex } from '../native/hash.js';
import { kindOf } from '../util/bytes.js';
import { encodeInteropArgsShared } from './interop-args.js';

/**
 * The cache key that every SDK computes for the same call: `{namespace}:{operation}:{BLAKE2b-256 of the arguments}`.
 *
 * @param namespace and `operation` match `[a-z0-9][a-z0-9._-]{0,63}` without `..`; the namespace is not `ns` or `nsapi`.
 * @param args every bound argument, in order, defaults included.
 * @throws TypeError for an argument outside the interop model, RangeError for a segment that is not allowed.
 * Protocol: docs/protocol.md, "Interop/v1".
 */
export function interopKey(namespace: string, operation: string, args: readonly unknown[]): string {
  validateSegment('namespace', namespace);
  validateSegment('operation', operation);
  const { buffer, length } = encodeInteropArgsShared(args);
  return `${namespace}:${operation}:${blake2bHex(buffer, length, 32)}`;
}

const SEGMENT = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const RESERVED_NAMESPACES: readonly string[] = ['ns', 'nsapi'];

/**
 * Checks one part of an interop key. A namespace may not be `ns` or `nsapi`, which the server reads as prefixes of its own.
 *
 * @throws TypeError for anything but a string, RangeError unless it matches `[a-z0-9][a-z0-9._-]{0,63}` and has no `..`.
 * Protocol: docs/protocol.md, "Interop/v1".
 */
export function validateSegment(name: 'namespace' | 'operation', segment: unknown): asserts segment is string {
  if (typeof segment !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(segment)}`);
  if (!SEGMENT.test(segment)) {
    throw new RangeError(`${name} must be 1 to 64 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit`);
  }
  if (segment.includes('..')) throw new RangeError(`${name} must not contain '..'`);
  if (name === 'namespace' && RESERVED_NAMESPACES.includes(segment)) {
    throw new RangeError(`${name} must not be 'ns' or 'nsapi', which are reserved`);
  }
}

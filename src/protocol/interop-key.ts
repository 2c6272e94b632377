import { blake2bHex } from '../native/hash.js';
import { encodeInteropArgsShared, validateSegment } from './interop-args.js';

/**
 * The cache key that every SDK computes for the same call: `{namespace}:{operation}:{BLAKE2b-256 of the arguments}`.
 *
 * @param namespace and `operation` match `[a-z0-9][a-z0-9._-]{0,63}` without `..`; the namespace is not `ns` or `nsapi`.
 * @param args every bound argument, in order, defaults included.
 * @throws TypeError for an argument outside the interop model, RangeError for a segment that is not allowed.
 * Source: protocol, "Interop/v1".
 */
export function interopKey(namespace: string, operation: string, args: readonly unknown[]): string {
  validateSegment('namespace', namespace);
  validateSegment('operation', operation);
  const { buffer, length } = encodeInteropArgsShared(args);
  return `${namespace}:${operation}:${blake2bHex(buffer, length, 32)}`;
}

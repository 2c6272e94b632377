import { types } from 'node:util';
import type { BackendEntry } from '../../backends/backend.js';
import { BackendError } from '../../errors.js';
import { copyOf, isDetached } from '../../util/bytes.js';

const { isUint8Array } = types;

/*
 * What goes to and comes from a backend that is not this package's own: its memory may be changed or taken away.
 */

/** Arguments with which such a backend can do what it likes. */
export function ownArguments(args: readonly unknown[]): unknown[] {
  return args.map(ownArgument);
}

function ownArgument(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  // Bytes that the backend has answered with may be detached by now; it compares them with what it has.
  if (isUint8Array(argument)) return isDetached(argument) ? argument : copyOf(argument);
  if (Array.isArray(argument)) return argument.map(ownArgument);
  // A signal is what it is.
  if (Object.getPrototypeOf(argument) !== Object.prototype) return argument;
  const own = {};
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(argument))) {
    // A getter, as of a time, answers for when it is asked.
    Object.defineProperty(
      own,
      name,
      'value' in property ? { ...property, value: ownArgument(property.value) } : property,
    );
  }
  return own;
}

/** A backend's answer as memory that stays as it is. @throws BackendError when it is no entry. */
export function ownEntry(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  const { bytes, ...times } = entry;
  // A time that is text or a BigInt would be no time, or an error of the engine.
  if (!isUint8Array(bytes) || !isTime(times.expiresInMs) || !isTime(times.freshInMs)) throw noEntry();
  if (isDetached(bytes)) throw new BackendError('The backend returned bytes that were taken away from it');
  return { ...times, bytes: copyOf(bytes) };
}

/** As {@link ownEntry}, from a backend whose memory only its caller has: itself. @throws BackendError when it is no entry. */
export function privateEntry(entry: BackendEntry | undefined): BackendEntry | undefined {
  if (entry === undefined || entry === null) return undefined;
  if (!isUint8Array(entry.bytes)) throw noEntry();
  return entry;
}

function isTime(ms: unknown): boolean {
  return ms === undefined || typeof ms === 'number';
}

function noEntry(): BackendError {
  return new BackendError('The backend returned something that is no entry: { bytes, expiresInMs? }');
}

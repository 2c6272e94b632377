import { types } from 'node:util';
import { copyOf } from '../../util/bytes.js';
import { isDetached } from '../../util/slots.js';

const { isUint8Array } = types;

/** Arguments with which a backend of others can do what it likes. */
export function ownArguments(args: readonly unknown[]): unknown[] {
  return args.map(ownArgument);
}

function ownArgument(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  // One that the backend has answered with may be gone by now, to be compared with what it has.
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

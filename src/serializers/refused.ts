import { SerializationError } from '../errors.js';

/** The error for a value that is not carried; `what` is its kind, never its content or its name. */
export function refused(what: string, hint = ''): SerializationError {
  return new SerializationError(`${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be serialized${hint}`);
}

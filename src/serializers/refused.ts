import { SerializationError } from '../errors.js';

/** The error for a value that is not carried; `what` is its kind, never its content or its name. */
export function refused(what: string, hint = ''): SerializationError {
  return new SerializationError(`${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be serialized${hint}`);
}

/** What a failure is for the caller: running out of stack, which a caller deep in its own can do within the limit, is a refusal. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof RangeError) || !error.message.startsWith('Maximum call stack')) return error;
  return new SerializationError('The value is nested deeper than the stack of this call allows');
}

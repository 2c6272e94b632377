import { BackendError, CacheKitError } from '../errors.js';
import { isError } from '../realms.js';
import { bareCause, codeOf } from './cause.js';

/** What a server answers in a state that passes: starting, failing over, full, busy with a script. */
const TRANSIENT_REPLIES = new Set(['BUSY', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'OOM', 'READONLY', 'TRYAGAIN']);

/** A Redis error reply begins with its code in capitals: `WRONGTYPE Operation against …`. */
const REPLY_CODE = /^([A-Z][A-Z0-9_]+)(?= |$)/;

/**
 * The BackendError for what a client library rejected with.
 *
 * A reply is reduced to its code: Redis quotes arguments in "unknown command" replies, and the libraries hang the
 * command with all its arguments, `AUTH` included, on the error. So such an error is no cause either.
 */
export function redisError(error: unknown): CacheKitError {
  if (error instanceof CacheKitError) return error;
  const message = isError(error) ? error.message : '';
  const reply = REPLY_CODE.exec(message)?.[1];
  if (reply !== undefined) {
    return new BackendError(`Redis refused the command: ${reply}`, { transient: TRANSIENT_REPLIES.has(reply) });
  }
  return connectionError('The connection to Redis was lost', error);
}

/** The BackendError for a connection that could not be made. */
export function connectError(error: unknown): CacheKitError {
  const message = isError(error) ? error.message : '';
  const reply = REPLY_CODE.exec(message)?.[1];
  if (reply !== undefined) {
    return new BackendError(`Redis refused the connection: ${reply}`, { transient: TRANSIENT_REPLIES.has(reply) });
  }
  return connectionError('Redis cannot be reached', error);
}

function connectionError(what: string, error: unknown): BackendError {
  const code = codeOf(error);
  const message = code === undefined ? what : `${what}: ${code}`;
  return new BackendError(message, { transient: true, cause: bareCause(error) });
}

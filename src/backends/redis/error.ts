import { BackendError, CacheKitError, isError } from '../../errors.js';
import { bareCause, codeOf } from '../cause.js';

/** What a server answers that has become a replica, or is not one that serves yet: another may have taken its place. */
const DEMOTED_REPLIES: ReadonlySet<string | undefined> = new Set(['LOADING', 'MASTERDOWN', 'READONLY']);
/** What a server answers in a state that passes: starting, failing over, full, busy with a script, moving slots. */
const TRANSIENT_REPLIES: ReadonlySet<string | undefined> = new Set([
  ...DEMOTED_REPLIES,
  'ASK',
  'BUSY',
  'CLUSTERDOWN',
  'EXECABORT',
  'MISCONF',
  'MOVED',
  'NOREPLICAS',
  'OOM',
  'TRYAGAIN',
]);

/** A Redis error reply begins with its code in capitals: `WRONGTYPE Operation against …`. */
const REPLY_CODE = /^([A-Z][A-Z0-9_]+)(?= |$)/;
/** Before version 7, a script repeats the reply that ended it behind its own. */
const CODE_IN_SCRIPT = /^ERR Error running script.*: -([A-Z]+)(?= |$)/;

function replyCodeOf(error: unknown): string | undefined {
  const message = isError(error) ? error.message : '';
  return (CODE_IN_SCRIPT.exec(message) ?? REPLY_CODE.exec(message))?.[1];
}

/** Whether a server has answered with an error. */
export function isReply(error: unknown): boolean {
  return !(error instanceof CacheKitError) && replyCodeOf(error) !== undefined;
}

/** Whether this user may not run scripts at all, or the server has none. */
export function isScriptRefused(error: unknown): boolean {
  return isError(error) && /^(NOPERM .*\beval(sha)?\b|ERR unknown command ['`]eval)/i.test(error.message);
}

/** Whether a connection leads to a server that does not serve any more, or not yet. */
export function isDemoted(error: unknown): boolean {
  return DEMOTED_REPLIES.has(replyCodeOf(error));
}

/** What a server of a cluster answers to a client that knows of no other. */
const CLUSTER_REPLIES: ReadonlySet<string | undefined> = new Set(['ASK', 'CROSSSLOT', 'MOVED']);
const CLUSTER_ADVICE =
  '. This server is one of a cluster: its URL begins with redis+cluster:// (rediss+cluster:// for TLS), and its client is a cluster client';
const REPLICA_ADVICE =
  '. This server is a replica: give the address of its primary, or one that follows the primary, as redis+sentinel:// does';

/**
 * The BackendError for what a client library rejected with. A reply is reduced to its code, and is no cause: Redis quotes arguments
 * in its replies, and the libraries attach the command with all its arguments, `AUTH` included.
 *
 * @param sharded whether the client is one of a cluster.
 */
export function redisError(error: unknown, sharded = true): CacheKitError {
  if (error instanceof CacheKitError) return error;
  const reply = replyCodeOf(error);
  if (!sharded && CLUSTER_REPLIES.has(reply)) {
    return new BackendError(`Redis refused the command: ${reply}${CLUSTER_ADVICE}`);
  }
  return backendError(error, 'Redis refused the command', 'The connection to Redis was lost');
}

/** The BackendError for a connection that could not be made. */
export function connectError(error: unknown): BackendError {
  return backendError(error, 'Redis refused the connection', 'Redis cannot be reached');
}

/** The BackendError for a Sentinel that has not named the primary. */
export function sentinelError(error: unknown): CacheKitError {
  if (error instanceof CacheKitError) return error;
  return backendError(error, 'Sentinel refused the connection', 'No Sentinel can be reached');
}

/** The BackendError for a server that does not report changes. */
export function watchError(error: unknown): BackendError {
  const what = 'Redis does not tell of what other processes change, so that copies in this one are kept for 5 s only';
  return backendError(error, what, what);
}

function backendError(error: unknown, refused: string, lost: string): BackendError {
  const reply = replyCodeOf(error);
  if (reply !== undefined) {
    const advice = reply === 'READONLY' ? REPLICA_ADVICE : '';
    return new BackendError(`${refused}: ${reply}${advice}`, { transient: TRANSIENT_REPLIES.has(reply) });
  }
  const code = codeOf(error);
  const message = code === undefined ? lost : `${lost}: ${code}`;
  return new BackendError(message, { transient: true, cause: bareCause(error) });
}

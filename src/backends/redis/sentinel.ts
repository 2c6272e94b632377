import { BackendError, type CacheKitError, isError } from '../../errors.js';
import { Deadline } from '../../util/deadlines.js';
import type { RedisAddress, RedisNode, SentinelGroup } from './address.js';
import { listOf, type RedisCommands } from './commands.js';
import { isReply, sentinelError } from './error.js';
import { openClient } from './open-client.js';
import type { RedisLibrary } from './owned-client.js';

/*
 * Sentinels are asked for each connection, and never listened to: a connection to a primary that has failed, or was demoted, is
 * given up in any case (connection.ts), so that the next one leads to its successor.
 */

/**
 * The address of the primary, by the first Sentinel that knows it.
 *
 * @param address of Sentinels.
 * @param timeoutMs for all of them, which are asked at once.
 * @throws BackendError when none knows.
 */
export async function primaryOf(
  library: RedisLibrary,
  address: RedisAddress,
  timeoutMs: number,
): Promise<RedisAddress> {
  const { nodes, sentinel } = address;
  if (sentinel === undefined) return address;
  const asking = nodes.map((node) => ask(library, { ...address, nodes: [node] }, sentinel, timeoutMs));
  try {
    const primary = await Promise.any(asking.map(({ answer }) => answer));
    return { ...address, nodes: [primary], sentinel: undefined };
  } catch (error) {
    throw mostTelling((error as AggregateError).errors);
  } finally {
    for (const { end } of asking) end();
  }
}

/** @throws BackendError for a server that is not, or no more, the primary. One that may not be asked is taken for it. */
export async function assertPrimary(commands: RedisCommands): Promise<void> {
  const [role] = await commands.sendAll([['role']]);
  if (isError(role)) return;
  if (String(listOf(role)[0]) === 'master') return;
  throw new BackendError('The server that the Sentinels name is not the primary', { transient: true });
}

function ask(
  library: RedisLibrary,
  address: RedisAddress,
  { name, username, password }: SentinelGroup,
  timeoutMs: number,
): { answer: Promise<RedisNode>; end(): void } {
  const client = openClient(library, { ...address, database: 0, username, password }, timeoutMs);
  // ioredis rejects with no more than that the connection is closed.
  let lastError: Error | undefined;
  client.commands.onError((error) => {
    lastError = error;
  });
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    limit.end();
    client.destroy();
  };
  const limit = new Deadline(timeoutMs, 'Sentinel', end, false);
  const answer = async (): Promise<RedisNode> => {
    try {
      await client.connect();
      const reply = await client.commands.send(['sentinel', 'get-master-addr-by-name', name]);
      if (reply === null) throw new BackendError('The Sentinels know no primary of this name');
      const [host, port] = listOf(reply, 2).map(String);
      return { host: host as string, port: Number(port) };
    } catch (error) {
      throw sentinelError(isReply(error) ? error : (lastError ?? error));
    } finally {
      end();
    }
  };
  return { answer: answer(), end };
}

/** What a Sentinel answered, rather than that another one could not be reached. */
function mostTelling(errors: readonly CacheKitError[]): CacheKitError {
  const [first] = errors;
  return errors.find((error) => error instanceof BackendError && !error.transient) ?? (first as CacheKitError);
}

import { createHash } from 'node:crypto';
import { BackendError } from '../../errors.js';
import type { BackendKeysOptions } from '../backend.js';
import { listOf, type RedisCommands } from './commands.js';
import { isLockToken, LOCK_SUFFIX } from './lock.js';
import type { RedisQueue } from './queue.js';

const SCAN_COUNT = '500';

/** Every cache key with a prefix, of all servers. */
export async function* scanKeys(
  queue: RedisQueue,
  prefix: string,
  { signal, from, onCursor }: BackendKeysOptions,
): AsyncGenerator<string> {
  const run = <T>(work: (commands: RedisCommands) => Promise<T>) => queue.run({ signal }, work);
  const { ownerPrefix, nodes, identities } = await run(async (commands) => {
    const all = await commands.nodes();
    const asked = from !== undefined || onCursor !== undefined;
    return { ownerPrefix: commands.keyPrefix, nodes: all, identities: asked ? await identitiesOf(all) : undefined };
  });
  const servers = identities && hashOf(identities);
  const pattern = `${escapeGlob(ownerPrefix + prefix)}*`;
  // A cache key is UTF-8 with every character kept, a byte order mark included; other names are not ours.
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const begin = placeOf(from, servers);
  for (let i = begin.node; i < nodes.length; i++) {
    let cursor = i === begin.node ? begin.cursor : '0';
    do {
      if (servers !== undefined) onCursor?.(`${servers}:${i}:${cursor}`);
      // Of one server, whichever connection there is to it by now.
      const reply = await run(async (commands) => {
        const node = (commands.sharded ? nodes[i] : commands) as RedisCommands;
        const scan = node.send(['scan', cursor, 'match', pattern, 'count', SCAN_COUNT, 'type', 'string']);
        if (identities === undefined) return scan;
        // Behind the reply, on the same connection: a server in the place of another would leave out what it has elsewhere.
        const [names, identity] = await Promise.all([scan, identityOf(node, commands.sharded)]);
        if (identity !== identities[i]) throw replaced();
        return names;
      });
      const [next, names] = listOf(reply, 2);
      cursor = String(next);
      for (const name of listOf(names) as Uint8Array[]) {
        let text: string;
        try {
          text = utf8.decode(name);
        } catch {
          continue;
        }
        const cacheKey = text.slice(ownerPrefix.length);
        if (
          cacheKey.endsWith(LOCK_SUFFIX) &&
          (await run(async (commands) => isLockToken(await commands.send(['get', cacheKey]))))
        )
          continue;
        yield cacheKey;
      }
    } while (cursor !== '0');
  }
}

/** What a cursor is of, each server by itself; undefined: they do not say. */
async function identitiesOf(nodes: readonly RedisCommands[]): Promise<string[] | undefined> {
  try {
    return await Promise.all(nodes.map((node) => identityOf(node, nodes.length > 1)));
  } catch {
    return undefined;
  }
}

/**
 * A server as a cursor of it depends on it: each process of a server hashes keys in its own way, and a slot that moves may move
 * from a server that is yet to be listed to one that was.
 *
 * @throws an Error when it does not say.
 */
async function identityOf(node: RedisCommands, sharded: boolean): Promise<string> {
  const [server, cluster] = await Promise.all([
    node.send(['info', 'server']),
    sharded ? node.send(['cluster', 'info']) : undefined,
  ]);
  const run = /^run_id:(\w+)/m.exec(String(server))?.[1];
  const epoch = sharded ? /^cluster_current_epoch:(\d+)/m.exec(String(cluster))?.[1] : '';
  if (run === undefined || epoch === undefined) throw new Error('a server does not say which it is');
  return `${run}:${epoch}`;
}

function hashOf(identities: readonly string[]): string {
  return createHash('sha256').update(identities.join()).digest('hex').slice(0, 16);
}

function replaced(): BackendError {
  return new BackendError('A Redis server was replaced during the listing', { transient: true });
}

/** Where a cursor points to; the beginning, where it is of other servers. */
function placeOf(from: string | undefined, servers: string | undefined): { node: number; cursor: string } {
  const [, of, node, cursor] = /^([0-9a-f]{16}):(\d{1,4}):(\d{1,20})$/.exec(from ?? '') ?? [];
  if (of === undefined || of !== servers || cursor === undefined) return { node: 0, cursor: '0' };
  return { node: Number(node), cursor };
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[]/g, '\\$&');
}

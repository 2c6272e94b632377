import { createHash } from 'node:crypto';
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
  const { ownerPrefix, nodes, servers } = await run(async (commands) => {
    const all = await commands.nodes();
    const asked = from !== undefined || onCursor !== undefined;
    return { ownerPrefix: commands.keyPrefix, nodes: all, servers: asked ? await identityOf(all) : undefined };
  });
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
        const node = commands.sharded ? nodes[i] : commands;
        return node?.send(['scan', cursor, 'match', pattern, 'count', SCAN_COUNT, 'type', 'string']);
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

/**
 * The servers as a cursor of theirs depends on them: each process of a server hashes keys in its own way, and a slot that moves may
 * move from a server that is yet to be listed to one that was. Undefined: they do not say.
 */
async function identityOf(nodes: readonly RedisCommands[]): Promise<string | undefined> {
  try {
    const parts = await Promise.all(
      nodes.map(async (node) => {
        const run = /^run_id:(\w+)/m.exec(String(await node.send(['info', 'server'])))?.[1];
        const epoch =
          nodes.length > 1
            ? /^cluster_current_epoch:(\d+)/m.exec(String(await node.send(['cluster', 'info'])))?.[1]
            : '';
        if (run === undefined || epoch === undefined) throw new Error('a server does not say which it is');
        return `${run}:${epoch}`;
      }),
    );
    return createHash('sha256').update(parts.join()).digest('hex').slice(0, 16);
  } catch {
    return undefined;
  }
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

import { listOf, type RedisCommands } from './commands.js';
import { isLockToken, LOCK_SUFFIX } from './lock.js';
import type { RedisQueue } from './queue.js';

const SCAN_COUNT = '500';

/** Every cache key with a prefix, of all servers. */
export async function* scanKeys(
  queue: RedisQueue,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const run = <T>(work: (commands: RedisCommands) => Promise<T>) => queue.run({ signal }, work);
  const { ownerPrefix, nodes } = await run(async (commands) => ({
    ownerPrefix: commands.keyPrefix,
    nodes: await commands.nodes(),
  }));
  const pattern = `${escapeGlob(ownerPrefix + prefix)}*`;
  // A cache key is UTF-8 with every character kept, a byte order mark included; other names are not ours.
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let i = 0; i < nodes.length; i++) {
    let cursor = '0';
    do {
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

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[]/g, '\\$&');
}

import { elapsed } from '../../util/clock.js';
import type { Unchanged } from '../arguments.js';
import type { RedisCommands } from './clients.js';
import { madeSince, markCommand, REMEMBERS_MS } from './deletion-marks.js';
import { markOf } from './key-names.js';
import { countOf } from './reply.js';
import { type ExclusiveConnection, transact } from './transactions.js';
import { isShort, setCommand, type WrittenItem } from './write.js';

/*
 * What functions' results are stored by where the user has no right to run scripts: a transaction that watches the entry and its
 * mark, on a connection of its own. It does not ask for the server's clock: a mark is taken for younger than it may be.
 */

/** As `storeUnchanged`, of an entry without tags; whether it was stored. */
export async function storeByTransaction(
  commands: RedisCommands,
  exclusive: ExclusiveConnection,
  item: WrittenItem,
  { begun, checked, found }: Unchanged,
): Promise<boolean> {
  const { cacheKey } = item;
  // The connection that reads is to hear of whatever happens to the entry from here on, of what is stored here as well.
  await commands.send(['exists', cacheKey]);
  return exclusive.run(async (own) => {
    const { server } = await own.at(cacheKey);
    const mark = markOf(own, cacheKey);
    const reply = await transact(server, [cacheKey, mark], async () => {
      if (await isMarkedSince(server, mark, begun)) return undefined;
      // Asked after the look: this may have waited for others that had to be ended.
      if (2 * (elapsed() - checked) >= REMEMBERS_MS) return undefined;
      const held = await server.send(['get', cacheKey]);
      const unchanged = found === undefined ? held === null : Buffer.isBuffer(held) && held.equals(found);
      if (!unchanged) return undefined;
      const marks = isShort(item.ttlMs) ? [markCommand(own, cacheKey)] : [];
      return [...marks, setCommand(item), ['exists', cacheKey]];
    });
    // What others keep changing is not unchanged.
    return reply !== undefined && reply !== null && countOf(reply) > 0;
  });
}

/** As `isMarked`. */
export async function isMarkedByLook(commands: RedisCommands, cacheKey: string, begun: number): Promise<boolean> {
  return isMarkedSince(commands, markOf(commands, cacheKey), begun);
}

async function isMarkedSince(commands: RedisCommands, mark: Buffer, begun: number): Promise<boolean> {
  // First: a mark that ends in between would have no time left.
  const left = Number(await commands.send(['pttl', mark]));
  const held = await commands.send(['get', mark]);
  if (!Buffer.isBuffer(held) && typeof held !== 'string') return false;
  return madeSince(held.toString(), left, begun);
}

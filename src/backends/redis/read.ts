import { isError } from '../../errors.js';
import { countOf, listOf, type RedisCommand, type RedisCommands, sendAll } from './commands.js';
import { slotOf } from './key-names.js';

/** The most keys in one command: a server that runs it answers no other client. */
export const MAX_KEYS = 512;

/** What was found under a cache key: `bytes` as the server sent them, or what went wrong. */
export interface Found {
  bytes: unknown;
  ttl: unknown;
  error: unknown;
}

/** From so many TTLs on, one script is cheaper for both sides than a command for each. */
const SCRIPT_FROM = 4;
const READ_WITH_TTLS = `local ttls={}
for i,key in ipairs(KEYS) do ttls[i]=redis.call('pttl',key) end
return {redis.call('mget',unpack(KEYS)),ttls}`;

interface Group {
  readonly cacheKeys: readonly string[];
  readonly found: readonly Found[];
}

/**
 * The entries of many cache keys, by as few commands as possible, in one write. A cluster's server that is away fails only its keys.
 *
 * @param ttl whether to ask for the TTLs: of all, or of each.
 */
export async function readMany(
  commands: RedisCommands,
  cacheKeys: readonly string[],
  ttl: boolean | readonly boolean[],
): Promise<Found[]> {
  const found = cacheKeys.map((): Found => ({ bytes: undefined, ttl: undefined, error: undefined }));
  const groups = grouped(commands, cacheKeys, found);
  // The TTL first: of an entry replaced in between, the old one's is the shorter-lived mistake.
  const withTtl = ttl === false ? [] : found.filter((_, i) => ttl === true || ttl[i]);
  const asking: RedisCommand[] = [];
  if (ttl !== false) {
    for (const [i, cacheKey] of cacheKeys.entries()) if (ttl === true || ttl[i]) asking.push(['pttl', cacheKey]);
  }
  const [only] = groups;
  if (
    asking.length === 0 &&
    groups.length === 1 &&
    only !== undefined &&
    !(commands.sharded && only.found.length > 1)
  ) {
    fill(only, await commands.send(readCommand(only)));
    return found;
  }
  if (!commands.sharded && asking.length >= SCRIPT_FROM && (await readByScript(commands, groups))) return found;
  const replies = listOf(
    await commands.sendAll([...asking, ...groups.map(readCommand)]),
    asking.length + groups.length,
  );
  for (const [i, entry] of withTtl.entries()) {
    const reply = replies[i];
    if (isError(reply)) entry.error = reply;
    else entry.ttl = reply;
  }
  for (const [i, group] of groups.entries()) {
    const reply = replies[asking.length + i];
    if (!isError(reply)) fill(group, reply);
    else for (const entry of group.found) entry.error = reply;
  }
  await readTorn(commands, groups);
  return found;
}

/** False where scripts are not allowed. */
async function readByScript(commands: RedisCommands, groups: readonly Group[]): Promise<boolean> {
  const replies = await commands.sendAll(
    groups.map(({ cacheKeys }) => ['eval', READ_WITH_TTLS, String(cacheKeys.length), ...cacheKeys]),
  );
  if (replies.some((reply) => isError(reply))) return false;
  for (const [i, { found }] of groups.entries()) {
    const [values, ttls] = listOf(replies[i], 2);
    const [bytes, left] = [listOf(values, found.length), listOf(ttls, found.length)];
    for (const [at, entry] of found.entries()) {
      entry.bytes = bytes[at];
      entry.ttl = left[at];
    }
  }
  return true;
}

function readCommand({ cacheKeys }: Group): RedisCommand {
  return [cacheKeys.length === 1 ? 'get' : 'mget', ...cacheKeys];
}

function fill({ found }: Group, reply: unknown): void {
  if (found.length === 1 && found[0] !== undefined) {
    found[0].bytes = reply;
  } else {
    const values = listOf(reply, found.length);
    for (const [i, entry] of found.entries()) entry.bytes = values[i];
  }
}

/** While a slot moves, its keys are on two servers, and only commands about one key find theirs. */
async function readTorn(commands: RedisCommands, groups: readonly Group[]): Promise<void> {
  const torn = groups.filter(({ found }) => found.length > 1 && isTorn(found[0]?.error));
  if (torn.length === 0) return;
  const cacheKeys = torn.flatMap((group) => group.cacheKeys);
  const found = torn.flatMap((group) => group.found);
  const replies = await commands.sendAll(cacheKeys.map((cacheKey) => ['get', cacheKey]));
  for (const [i, entry] of found.entries()) {
    entry.error = isError(replies[i]) ? replies[i] : undefined;
    entry.bytes = replies[i];
  }
}

function isTorn(error: unknown): boolean {
  // ioredis has tried again by then, at other servers as well.
  return isError(error) && /^(TRYAGAIN|Too many Cluster redirections)/.test(error.message);
}

/** Deletes many keys; how many there were. */
export async function removeMany(commands: RedisCommands, cacheKeys: readonly string[]): Promise<number> {
  const groups = grouped(commands, cacheKeys).map((group) => group.cacheKeys);
  const replies = listOf(await commands.sendAll(groups.map((group) => ['del', ...group])), groups.length);
  let removed = 0;
  for (const [i, group] of groups.entries()) {
    const reply = replies[i];
    const counts = isTorn(reply)
      ? await sendAll(
          commands,
          group.map((cacheKey) => ['del', cacheKey]),
        )
      : [reply];
    for (const count of counts) {
      if (isError(count)) throw count;
      removed += countOf(count);
    }
  }
  return removed;
}

/** Cache keys that one command may be about. */
function grouped(commands: RedisCommands, cacheKeys: readonly string[], found: readonly Found[] = []): Group[] {
  const { sharded, keyPrefix } = commands;
  if (!sharded && cacheKeys.length <= MAX_KEYS) return [{ cacheKeys, found }];
  const filling = new Map<number, { cacheKeys: string[]; found: Found[] }>();
  const groups: Group[] = [];
  for (const [i, cacheKey] of cacheKeys.entries()) {
    const slot = sharded ? slotOf(keyPrefix + cacheKey) : 0;
    let group = filling.get(slot);
    if (group === undefined || group.cacheKeys.length === MAX_KEYS) {
      group = { cacheKeys: [], found: [] };
      filling.set(slot, group);
      groups.push(group);
    }
    group.cacheKeys.push(cacheKey);
    const place = found[i];
    if (place !== undefined) group.found.push(place);
  }
  return groups;
}

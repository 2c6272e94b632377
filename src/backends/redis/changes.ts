import { isError } from '../../errors.js';
import type { CheckedItem, Unchanged } from '../arguments.js';
import type { RedisWatch } from './client-tracking.js';
import {
  assertDone,
  countOf,
  listOf,
  type RedisCommand,
  type RedisCommands,
  sendAll,
  setCommand,
  unexpected,
} from './commands.js';
import {
  isMarked,
  isMarkedSince,
  isShort,
  markCommand,
  REMEMBERS_MS,
  RedisClock,
  removeMarked,
  token,
} from './deletion-marks.js';
import { markOf, recordOf } from './key-names.js';
import { Script, Scripts, scriptsRefused } from './scripts.js';
import { storeByTransaction, storeUnchanged } from './set-if-unchanged.js';
import { expireTagged, removeTagged, setTagged, storeTagged } from './tags.js';
import { type ExclusiveConnection, isDone, transact } from './transactions.js';

/** Entries in one transaction: a server that runs it answers no other client. */
const TRANSACTION = 250;

/** What happens to an entry that still holds certain bytes. */
export interface Comparison {
  readonly cacheKey: string;
  readonly expected: string | Buffer;
  /** Lua, for KEYS[1] and ARGV[2] and on; returns how many entries it was done to. */
  readonly script: string;
  readonly args?: readonly (string | Buffer)[];
  /** The same as commands about this name; the last one answers how many. */
  commands(name: string): readonly RedisCommand[];
}

/** The deletion of an entry that holds these bytes. */
export function deletionOf(cacheKey: string, expected: string | Buffer): Comparison {
  return {
    cacheKey,
    expected,
    script: "return redis.call('del',KEYS[1])",
    commands: (name) => [['del', name]],
  };
}

/** The replacement of these bytes by others; TTL and tags stay. */
export function replacementOf(cacheKey: string, expected: Buffer, bytes: Buffer): Comparison {
  return {
    cacheKey,
    expected,
    // The look makes the server remember that this connection has it.
    script: "redis.call('set',KEYS[1],ARGV[2],'keepttl') return redis.call('exists',KEYS[1])",
    args: [bytes],
    commands: (name) => [
      ['set', name, bytes, 'keepttl'],
      ['exists', name],
    ],
  };
}

/** Changes of entries, each in one step: by a script, or by plain commands or a transaction. See docs/decisions/0024. */
export class RedisChanges {
  readonly #scripts = new Scripts();
  readonly #clock = new RedisClock();
  readonly #exclusive: ExclusiveConnection;
  readonly watch: RedisWatch | undefined;
  /** Whether this process writes tags: only then is an entry set without any asked for those it had. */
  tagged = false;
  #allowed = false;

  constructor(exclusive: ExclusiveConnection, watch?: RedisWatch) {
    this.#exclusive = exclusive;
    this.watch = watch;
  }

  /** At the call, before anything is sent: a write that is sent beside these must already ask for the tags that an entry had. */
  noteTags(items: readonly CheckedItem[]): void {
    this.tagged ||= items.some(({ tags }) => tags.length > 0);
  }

  set(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
    const tagged = items.some(({ tags }) => tags.length > 0);
    if (!this.tagged && !this.watch?.active) return setPlain(commands, items);
    return this.#scripts.either(
      () => (this.tagged ? setTagged(commands, this.#clock, items) : setTracked(commands, items)),
      (refusal) => {
        if (tagged) throw refusal ?? scriptsRefused();
        return this.watch?.active ? setTrackedWithoutScripts(commands, items) : setPlain(commands, items);
      },
    );
  }

  /**
   * Entries without tags, of which no mark and no look is needed, in their order: what was set in one tick. False: the server did
   * not take the script, and nothing was stored.
   */
  setTogether(commands: RedisCommands, items: readonly CheckedItem[]): Promise<boolean> | undefined {
    if (commands.sharded || items.length < SCRIPT_FROM) return undefined;
    if (items.some(({ bytes }) => bytes.length > SCRIPT_BYTES)) return undefined;
    const keys = items.map(({ cacheKey }) => cacheKey);
    if (!this.#scripts.areProven(commands, keys)) return undefined;
    // Not by its hash: a server that does not know it would be sent it later, behind what came after these.
    const args = items.flatMap(({ bytes, ttlMs }) => [bytes, String(ttlMs ?? '')]);
    return this.#scripts.proven(async () => {
      if ((await commands.send(['eval', SET_ALL, String(keys.length), ...keys, ...args])) !== 1) throw unexpected();
    });
  }

  setIfUnchanged(commands: RedisCommands, item: CheckedItem, unchanged: Unchanged): Promise<boolean> {
    const tagged = item.tags.length > 0;
    const store = this.tagged ? storeTagged : storeUnchanged;
    return this.#scripts.either(
      () => store(commands, this.#clock, item, unchanged),
      (refusal) => {
        if (tagged) throw refusal ?? scriptsRefused();
        return storeByTransaction(commands, this.#exclusive, item, unchanged);
      },
    );
  }

  /** Whether an entry was deleted or given another TTL since a moment of `elapsed()`. */
  isChanged(commands: RedisCommands, cacheKey: string, begun: number): Promise<boolean> {
    return this.#scripts.either(
      () => isMarked(commands, this.#clock, cacheKey, begun),
      () => isMarkedSince(commands, markOf(commands, cacheKey), begun),
    );
  }

  /** How many entries there were. */
  remove(commands: RedisCommands, cacheKeys: readonly string[]): Promise<number> {
    if (!this.tagged) return removeMarked(commands, cacheKeys);
    return this.#scripts.either(
      () => removeTagged(commands, cacheKeys),
      () => removeMarked(commands, cacheKeys),
    );
  }

  /** Whether the entry held the expected bytes, and so was acted upon. */
  async compare(commands: RedisCommands, comparison: Comparison): Promise<boolean> {
    const { cacheKey, expected, script, args = [] } = comparison;
    const text = `if redis.call('get',KEYS[1])==ARGV[1] then ${script} end return 0`;
    const done = await this.#scriptOrTransaction(
      async () => countOf(await commands.send(['eval', text, '1', cacheKey, expected, ...args])) > 0,
      () => this.#exclusive.run((own) => compare(own, comparison)),
    );
    this.#allowed = true;
    return done;
  }

  /** Gives an entry a new TTL, and its indexes with it, for which scripts are needed where it has tags; whether there was one. */
  expire(commands: RedisCommands, cacheKey: string, ttlMs: number): Promise<boolean> {
    return this.#scriptOrTransaction(
      () => expireTagged(commands, cacheKey, ttlMs),
      (refusal) => this.#exclusive.run((own) => expireUntagged(own, cacheKey, ttlMs, refusal)),
    );
  }

  /** @throws when what is to be done later would be refused; asks once. */
  async assertAllowed(commands: RedisCommands, comparison: Comparison): Promise<void> {
    if (!this.#allowed) await this.compare(commands, comparison);
  }

  async #scriptOrTransaction<T>(
    byScript: () => Promise<T>,
    byTransaction: (refusal: unknown) => Promise<T>,
  ): Promise<T> {
    return this.#scripts.either(byScript, async (refusal) => {
      try {
        return await byTransaction(refusal);
      } catch (error) {
        this.#allowed = false;
        throw error;
      }
    });
  }
}

async function compare(commands: RedisCommands, { cacheKey, expected, ...then }: Comparison): Promise<boolean> {
  const { server, name } = await commands.at(cacheKey);
  const wanted = Buffer.from(expected as string);
  const transacted = await transact(server, [name], async () => {
    const held = await server.send(['get', name]);
    return Buffer.isBuffer(held) && held.equals(wanted) ? then.commands(name) : undefined;
  });
  return isDone(transacted);
}

async function expireUntagged(
  commands: RedisCommands,
  cacheKey: string,
  ttlMs: number,
  refusal: unknown,
): Promise<boolean> {
  const { server } = await commands.at(cacheKey);
  const record = recordOf(commands, cacheKey);
  const transacted = await transact(server, [record], async () => {
    if (listOf(await server.send(['smembers', record])).length > 0) {
      throw refusal ?? scriptsRefused();
    }
    // The mark first: the last one answers.
    return [markCommand(commands, cacheKey), ['pexpire', cacheKey, String(ttlMs)]];
  });
  return isDone(transacted);
}

async function setPlain(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
  const marks = items.filter(({ ttlMs }) => isShort(ttlMs)).map(({ cacheKey }) => markCommand(commands, cacheKey));
  for (const reply of await sendAll(commands, [...marks, ...items.map(setCommand)])) assertDone(reply);
}

/** From so many small sets on, one script is cheaper for both sides than a command for each. */
const SCRIPT_FROM = 4;
const SCRIPT_BYTES = 4096;
const SET_ALL = `for i,key in ipairs(KEYS) do
local ttl=ARGV[2*i]
if ttl=='' then redis.call('set',key,ARGV[2*i-1]) else redis.call('set',key,ARGV[2*i-1],'px',ttl) end
end
return 1`;

/** KEYS: entry, mark where there is one to be made; ARGV: bytes, TTL or nothing, what the mark holds. */
const SET_AND_LOOK = new Script(`
if ARGV[2]~='' then redis.call('set',KEYS[1],ARGV[1],'px',ARGV[2]) else redis.call('set',KEYS[1],ARGV[1]) end
if KEYS[2] then redis.call('set',KEYS[2],ARGV[3],'px',${REMEMBERS_MS}) end
return redis.call('exists',KEYS[1])`);

/**
 * A server stops tracking a key when the connection that read it writes it. So each write is followed by a reading command, in one
 * step with it: the server then reports later changes of other clients.
 */
async function setTracked(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
  // Of many a script for each would cost more than it saves.
  if (items.length > 1 && !commands.sharded) return setTrackedWithoutScripts(commands, items);
  await SET_AND_LOOK.runAll(
    commands,
    items.map(({ cacheKey, bytes, ttlMs }) => {
      const short = isShort(ttlMs);
      const keys = short ? [cacheKey, markOf(commands, cacheKey)] : [cacheKey];
      const args = [bytes, String(ttlMs ?? ''), ...(short ? [token()] : [])];
      return { keys, args };
    }),
  );
}

/** As {@link setTracked}, without the right to run scripts: by a transaction, which in a cluster is not one step. */
async function setTrackedWithoutScripts(commands: RedisCommands, items: readonly CheckedItem[]): Promise<void> {
  const writes = items.map((item): RedisCommand[] => [
    ...(isShort(item.ttlMs) ? [markCommand(commands, item.cacheKey)] : []),
    setCommand(item),
    ['exists', item.cacheKey],
  ]);
  const all: RedisCommand[] = [];
  for (let i = 0; i < writes.length; i += TRANSACTION) {
    const some = writes.slice(i, i + TRANSACTION).flat();
    if (commands.sharded) all.push(...some);
    else all.push(['multi'], ...some, ['exec']);
  }
  for (const reply of await sendAll(commands, all)) {
    if (Array.isArray(reply)) for (const one of reply) if (isError(one)) throw one;
  }
}

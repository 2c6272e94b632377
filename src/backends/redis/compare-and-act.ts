import type { RedisCommand, RedisCommands } from './commands.js';
import { markCommand } from './deletion-marks.js';
import { recordOf } from './key-names.js';
import { countOf, listOf } from './reply.js';
import { type Scripts, scriptsRefused } from './scripts.js';
import { expireTagged } from './tags.js';
import { type ExclusiveConnection, isDone, transact } from './transactions.js';

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

/**
 * Comparing and acting in one step: by a script, and where the user has no right to run scripts by a transaction, which
 * costs a connection and three round trips.
 */
export class CompareAndAct {
  readonly #scripts: Scripts;
  readonly #exclusive: ExclusiveConnection;
  #allowed = false;

  constructor(scripts: Scripts, exclusive: ExclusiveConnection) {
    this.#scripts = scripts;
    this.#exclusive = exclusive;
  }

  /** Whether the entry held the expected bytes, and so was acted upon. */
  async run(commands: RedisCommands, comparison: Comparison): Promise<boolean> {
    const { cacheKey, expected, script, args = [] } = comparison;
    const text = `if redis.call('get',KEYS[1])==ARGV[1] then ${script} end return 0`;
    const done = await this.#either(
      async () => countOf(await commands.send(['eval', text, '1', cacheKey, expected, ...args])) > 0,
      () => this.#exclusive.run((own) => compare(own, comparison)),
    );
    this.#allowed = true;
    return done;
  }

  /** Gives an entry a new TTL, and its indexes with it, for which scripts are needed where it has tags; whether there was one. */
  expire(commands: RedisCommands, cacheKey: string, ttlMs: number): Promise<boolean> {
    return this.#either(
      () => expireTagged(commands, cacheKey, ttlMs),
      (refusal) => this.#exclusive.run((own) => expireUntagged(own, cacheKey, ttlMs, refusal)),
    );
  }

  /** @throws when what is to be done later would be refused; asks once. */
  async assertAllowed(commands: RedisCommands, comparison: Comparison): Promise<void> {
    if (!this.#allowed) await this.run(commands, comparison);
  }

  async #either<T>(byScript: () => Promise<T>, byTransaction: (refusal: unknown) => Promise<T>): Promise<T> {
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

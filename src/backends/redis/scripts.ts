import { createHash } from 'node:crypto';
import { isError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { listOf, type RedisCommand, type RedisCommands } from './commands.js';
import { isReply, isScriptRefused } from './error.js';

/** A script, which a server is sent as a whole only when it does not know it yet. */
export class Script {
  readonly #text: string;
  readonly #sha: string;

  constructor(text: string) {
    this.#text = text;
    this.#sha = createHash('sha1').update(text).digest('hex');
  }

  async run(commands: RedisCommands, { keys, args }: ScriptCall): Promise<unknown> {
    try {
      return await commands.send(['evalsha', this.#sha, String(keys.length), ...keys, ...args]);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      return commands.send(['eval', this.#text, String(keys.length), ...keys, ...args]);
    }
  }

  /** Many calls in one write. @throws the first Error among the replies. */
  async runAll(commands: RedisCommands, calls: readonly ScriptCall[]): Promise<unknown[]> {
    const [first] = calls;
    if (first === undefined) return [];
    if (calls.length === 1) return [await this.run(commands, first)];
    const send = async (command: 'eval' | 'evalsha', script: string, list: readonly ScriptCall[]) =>
      listOf(
        await commands.sendAll(
          list.map(({ keys, args }): RedisCommand => [command, script, String(keys.length), ...keys, ...args]),
        ),
        list.length,
      );
    const replies = await send('evalsha', this.#sha, calls);
    const unknown = [...replies.keys()].filter((i) => isUnknown(replies[i]));
    if (unknown.length > 0) {
      const again = await send(
        'eval',
        this.#text,
        unknown.map((i) => calls[i] as ScriptCall),
      );
      for (const [n, i] of unknown.entries()) replies[i] = again[n];
    }
    for (const reply of replies) if (isError(reply)) throw reply;
    return replies;
  }
}

export interface ScriptCall {
  readonly keys: readonly (string | Buffer)[];
  readonly args: readonly (string | Buffer)[];
}

function isUnknown(error: unknown): boolean {
  return isError(error) && error.message.startsWith('NOSCRIPT');
}

/** After so long it is looked whether scripts are allowed by now. */
const REFUSED_MS = 60_000;

/** Scripts, or something else where the user has no right to run them. */
export class Scripts {
  #refusedUntil = Number.NEGATIVE_INFINITY;
  /** The servers that were asked last whether they run scripts about many keys, when, and whether they do. */
  #asked: RedisCommands | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #areProven = false;

  /**
   * Whether these servers have run a script about several keys of this user's; where that is not known, or has not been so for a
   * while, they are asked, about these keys.
   */
  areProven(commands: RedisCommands, keys: readonly string[]): boolean {
    const time = elapsed();
    if (this.#asked !== commands || (!this.#areProven && time - this.#askedAt > REFUSED_MS)) {
      this.#asked = commands;
      this.#askedAt = time;
      this.#areProven = false;
      const told = () => {
        this.#areProven = this.#asked === commands;
      };
      commands.send(['eval', 'return 1', String(keys.length), ...keys]).then(told, () => {});
    }
    return this.#areProven;
  }

  /** Runs a script where they are proven. False: the server has refused it, and it is not asked for a while. @throws what is no reply. */
  async proven(run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      if (!isReply(error)) throw error;
      this.#areProven = false;
      this.#askedAt = elapsed();
      return false;
    }
  }

  /**
   * Does one or the other; a refused script has done nothing.
   *
   * @param otherwise gets the refusal when it was met just now.
   */
  async either<T>(byScript: () => Promise<T>, otherwise: (refusal: unknown) => Promise<T>): Promise<T> {
    if (elapsed() < this.#refusedUntil) return otherwise(undefined);
    try {
      return await byScript();
    } catch (error) {
      if (!isScriptRefused(error)) throw error;
      this.#refusedUntil = elapsed() + REFUSED_MS;
      return otherwise(error);
    }
  }
}

/** The refusal of what cannot be done without scripts, where it was not met just now. */
export function scriptsRefused(): Error {
  return new Error("NOPERM no permissions to run the 'eval' command");
}

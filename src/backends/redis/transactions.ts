import { BackendError, isError, TimeoutError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { Deadline } from '../../util/deadlines.js';
import { clearTimeout, setTimeout } from '../../util/timers.js';
import { countOf, listOf, type RedisCommand, type RedisCommands, sendAll } from './commands.js';

/** A client that has not been connected yet. */
export interface Connectable {
  readonly commands: RedisCommands;
  connect(): Promise<unknown>;
  destroy(): void;
}

/** How long the connection is kept for a next transaction. */
const IDLE_MS = 250;
/** How often a transaction is tried again whose keys were changed before its EXEC. */
const ATTEMPTS = 3;

/** A connection for transactions alone, one after another, ended soon after the last. See docs/decisions/0024. */
export class ExclusiveConnection {
  readonly #make: () => Connectable;
  readonly #timeoutMs: number;
  #client: Connectable | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  constructor(make: () => Connectable, timeoutMs: number) {
    this.#make = make;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws TimeoutError when the turn comes too late: the caller has had its timeout by then. */
  run<T>(work: (commands: RedisCommands) => Promise<T>): Promise<T> {
    const asked = elapsed();
    const turn = this.#last.then(() => {
      if (elapsed() - asked < this.#timeoutMs) return this.#work(work);
      throw new TimeoutError(`The Redis backend did not come to a transaction within ${this.#timeoutMs} ms`);
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #work<T>(work: (commands: RedisCommands) => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    // A server that does not answer must not block the next transaction.
    const limit = new Deadline(this.#timeoutMs, 'The Redis backend', () => this.#drop(), false);
    try {
      return await work(await this.#connected());
    } catch (error) {
      // It may be in the middle of a transaction.
      this.#drop();
      throw error;
    } finally {
      limit.end();
      if (this.#client !== undefined) this.#idle = setTimeout(() => this.#drop(), IDLE_MS);
    }
  }

  async #connected(): Promise<RedisCommands> {
    if (this.#client?.commands.ready) return this.#client.commands;
    this.#drop();
    const client = this.#make();
    this.#client = client;
    client.commands.onError(() => undefined);
    await client.connect();
    return client.commands;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.destroy();
  }
}

/** What has become of a transaction; `lost`: nothing was done, as others changed the keys again and again. */
export type Transacted = 'done' | 'nothing to do' | 'lost';

/**
 * Sends commands in one step (WATCH, MULTI, EXEC), unless a key is changed between `look` and them.
 *
 * @param look reads and answers with the commands, of which the last one counts what it was done to; undefined: there is nothing to do.
 */
export async function transact(
  server: RedisCommands,
  names: readonly (string | Buffer)[],
  look: () => Promise<readonly RedisCommand[] | undefined>,
): Promise<Transacted> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await server.send(['watch', ...names]);
    const commands = await look();
    if (commands === undefined) {
      await server.send(['unwatch']);
      return 'nothing to do';
    }
    const answer = (await sendAll(server, [['multi'], ...commands, ['exec']])).at(-1);
    if (answer === null) continue;
    const replies = listOf(answer, commands.length);
    for (const reply of replies) if (isError(reply)) throw reply;
    return countOf(replies.at(-1)) > 0 ? 'done' : 'nothing to do';
  }
  return 'lost';
}

/** Whether it was done. @throws BackendError (transient) when it was lost. */
export function isDone(transacted: Transacted): boolean {
  if (transacted !== 'lost') return transacted === 'done';
  throw new BackendError('Others changed the entry at the same time, again and again', { transient: true });
}

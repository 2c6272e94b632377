import { assertNotHeld, elapsed } from '../../util/clock.js';
import { Deadline, overWithin } from '../../util/deadlines.js';
import { assertSignal } from '../../util/realms.js';
import { nextTick } from '../../util/timers.js';
import { CACHE, type CheckedItem, closedError } from '../arguments.js';
import type { BackendEntry, BackendGetOptions, BackendOptions } from '../backend.js';
import { RedisBatch } from './batch.js';
import type { RedisCommands } from './commands.js';
import type { RedisSource } from './connection.js';
import { redisError } from './error.js';
import type { SetTogether } from './sets.js';

/** How long `close` waits for what is under way. */
const CLOSE_MS = 1_000;

/** Gathers the operations of one tick into a batch and sends it at the tick's end. */
export class RedisQueue {
  readonly #source: RedisSource;
  readonly #timeoutMs: number;
  readonly #together: SetTogether;
  readonly #underWay = new Set<RedisBatch>();
  #filling: RedisBatch | undefined;
  #closed = false;
  /** When a batch was last answered; one that saw no other answered during all its time has a dead connection. */
  #lastAnswer = Number.NEGATIVE_INFINITY;

  /** @param together sends what is set in one tick. */
  constructor(source: RedisSource, timeoutMs: number, together: SetTogether) {
    this.#together = together;
    this.#source = source;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws as {@link run}. */
  get(cacheKey: string, options: BackendGetOptions | undefined): Promise<BackendEntry | undefined> {
    return this.#batchFor(options).read(cacheKey, options);
  }

  /** @throws as {@link run}. */
  set(item: CheckedItem, options: BackendOptions | undefined): Promise<void> {
    return this.#batchFor(options).set(item, options?.signal);
  }

  /** @throws TypeError for what is no signal, the signal's reason, BackendError after `close`. */
  run<T>(options: BackendOptions | undefined, work: (commands: RedisCommands) => Promise<T>): Promise<T> {
    return this.#batchFor(options).add(options?.signal, work);
  }

  /** Resolves when everything that is under way has been answered; `undefined` when there is nothing. */
  underWay(): Promise<void> | undefined {
    if (this.#underWay.size === 0) return undefined;
    return Promise.all([...this.#underWay].map((batch) => batch.whenEnded())).then(() => undefined);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#flush();
    const underWay = this.underWay();
    if (underWay !== undefined) await overWithin(CLOSE_MS, underWay, true);
    await this.#source.close();
  }

  #batchFor(options: BackendOptions | undefined): RedisBatch {
    const signal = options?.signal;
    if (signal !== undefined) {
      assertSignal(signal);
      if (signal.aborted) throw signal.reason;
    }
    if (this.#closed) throw closedError('Redis');
    if (this.#filling?.full) this.#flush();
    if (this.#filling === undefined) {
      // Before a tick that would never come, and so without a time limit.
      assertNotHeld(this.#source.library);
      this.#filling = new RedisBatch(this.#ended, this.#demoted, this.#together);
      // When everything that is ready to run has run. Measured with 64 gets in flight: a microtask gathers as many but
      // fewer of code that awaits something first; setImmediate no more, and it makes a lone get slower by 5 %.
      nextTick(this.#flush);
    }
    if (!this.#filling.holds && !(options !== undefined && CACHE in options)) this.#filling.holds = true;
    return this.#filling;
  }

  readonly #flush = (): void => {
    const batch = this.#filling;
    if (batch === undefined) return;
    this.#filling = undefined;
    if (batch.waiting === 0) return;
    this.#underWay.add(batch);
    const deadline = new Deadline(
      this.#timeoutMs,
      'The Redis backend',
      (error) => {
        if (!batch.answered && this.#lastAnswer < deadline.begun) this.#source.unresponsive(deadline.begun);
        batch.fail(error);
      },
      batch.holds,
    );
    batch.deadline = deadline;
    try {
      const { current } = this.#source;
      if (current?.ready) batch.send(current);
      else {
        this.#source.connected().then(
          (commands) => batch.send(commands),
          (error) => batch.fail(redisError(error)),
        );
      }
    } catch (error) {
      batch.fail(redisError(error));
    }
  };

  readonly #ended = (batch: RedisBatch): void => {
    if (batch.answered) this.#lastAnswer = elapsed();
    batch.deadline?.end();
    this.#underWay.delete(batch);
  };

  readonly #demoted = (commands: RedisCommands): void => this.#source.demoted(commands);
}

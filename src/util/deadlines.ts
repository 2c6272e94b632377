import { TimeoutError } from '../errors.js';
import { elapsed } from './clock.js';
import { allowManyListeners, assertSignal } from './realms.js';
import { clearTimeout, setTimeout } from './timers.js';

/*
 * All time limits of this thread share one timer: a timer each would be a tenth of the time of a get from Redis. Each length has
 * a list in the order of its ends. The timer keeps the process alive while a caller waits.
 */

/** Deadlines of the same length. */
interface List {
  first: Deadline | undefined;
  last: Deadline | undefined;
}

const lists = new Map<number, List>();
let timer: NodeJS.Timeout | undefined;
let timerEnds = Number.POSITIVE_INFINITY;
/** How many wait for whom the process must not end. */
let holding = 0;

/** The end of a time limit that begins with it. */
export class Deadline {
  readonly #ms: number;
  readonly #what: string;
  readonly #expired: (error: TimeoutError) => void;
  readonly #holds: boolean;
  /** On the clock of `elapsed()`. */
  readonly #until: number;
  /** undefined: it is over. */
  #list: List | undefined;
  #previous: Deadline | undefined;
  #next: Deadline | undefined;

  /**
   * @param ms at most `MAX_TIMER_MS`.
   * @param what did not answer, for the message.
   * @param expired called once, unless {@link end} was called before.
   * @param holds whether the process stays alive until then.
   */
  constructor(ms: number, what: string, expired: (error: TimeoutError) => void, holds = true) {
    this.#ms = ms;
    this.#what = what;
    this.#expired = expired;
    this.#holds = holds;
    this.#until = elapsed() + ms;
    let list = lists.get(ms);
    if (list === undefined) {
      list = { first: undefined, last: undefined };
      lists.set(ms, list);
    }
    this.#list = list;
    this.#previous = list.last;
    if (list.last === undefined) list.first = this;
    else list.last.#next = this;
    list.last = this;
    if (holds) keepAlive();
    if (this.#until < timerEnds) arm(ms, this.#until);
  }

  /** On the clock of `elapsed()`. */
  get begun(): number {
    return this.#until - this.#ms;
  }

  /** Nothing is waited for any more. */
  end(): void {
    const list = this.#list;
    if (list === undefined) return;
    this.#list = undefined;
    if (this.#previous === undefined) list.first = this.#next;
    else this.#previous.#next = this.#next;
    if (this.#next === undefined) list.last = this.#previous;
    else this.#next.#previous = this.#previous;
    if (this.#holds) letEnd();
  }

  static readonly expire = (): void => {
    timer = undefined;
    timerEnds = Number.POSITIVE_INFINITY;
    const time = elapsed();
    try {
      for (const list of lists.values()) {
        for (let due = list.first; due !== undefined && due.#until <= time; due = list.first) {
          due.end();
          due.#expired(new TimeoutError(`${due.#what} did not answer within ${due.#ms} ms`));
        }
      }
    } finally {
      let next: Deadline | undefined;
      for (const [ms, { first }] of lists) {
        if (first === undefined) lists.delete(ms);
        else if (next === undefined || first.#until < next.#until) next = first;
      }
      if (next !== undefined && next.#until < timerEnds) arm(next.#until - time, next.#until);
    }
  };
}

/** The process stays alive until {@link letEnd} is called, or the last deadline is over. */
export function keepAlive(): void {
  if (holding++ === 0) timer?.ref();
}

export function letEnd(): void {
  if (--holding === 0) timer?.unref();
}

function arm(ms: number, until: number): void {
  clearTimeout(timer);
  timer = setTimeout(Deadline.expire, Math.max(1, Math.ceil(ms)));
  if (holding === 0) timer.unref();
  timerEnds = until;
}

/**
 * Runs `work` for at most `ms`, then leaves it to itself: a store that accepts and never answers blocks no caller.
 *
 * @param what as {@link Deadline} takes it.
 * @param expired called on a timeout or an abort, before the promise rejects, so that `work` can be torn down.
 * @throws TimeoutError, or `signal.reason` when the signal is aborted.
 */
export function withDeadline<T>(
  what: string,
  ms: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  expired?: (reason: unknown) => void,
): Promise<T> {
  assertSignal(signal);
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    const give = (reason: unknown) => {
      settle();
      expired?.(reason);
      reject(reason);
    };
    const abort = () => give(signal?.reason);
    const deadline = new Deadline(ms, what, give);
    const settle = () => {
      deadline.end();
      signal?.removeEventListener('abort', abort);
    };
    if (signal !== undefined) {
      allowManyListeners(signal);
      signal.addEventListener('abort', abort, { once: true });
    }
    work().then(
      (value) => {
        settle();
        resolve(value);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
  });
}

/** Waits for `work`, but no longer than `ms`; whether it was over by then. @throws what it rejects with. */
export async function overWithin(ms: number, work: Promise<unknown>, holds: boolean): Promise<boolean> {
  let deadline: Deadline | undefined;
  const late = new Promise<boolean>((resolve) => {
    deadline = new Deadline(ms, '', () => resolve(false), holds);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    deadline?.end();
  }
}

import { TimeoutError } from '../../errors.js';
import { elapsed } from '../../util/clock.js';
import { clearTimeout, setTimeout } from '../../util/timers.js';
import type { EntryRef } from './entry-ref.js';
import type { Moment } from './invalidations.js';
import type { Run } from './run.js';

/** A caller that waits for a run. Its time limit counts while the function is running. */
interface Caller<T> {
  start(): void;
  stop(): void;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** How a run tells how far it is. */
export type Progress = Pick<SharedRun<unknown>, 'countedLate' | 'elsewhere' | 'began' | 'ended'>;

interface Owner {
  readonly runs: Runs;
  /** The first caller has given up waiting; `here`: while this process runs the function. */
  late(ref: EntryRef, here: boolean): void;
}

interface RunParts<T> {
  readonly ref: EntryRef;
  readonly moment: Moment;
  readonly start: (progress: Progress) => Promise<T>;
  /** Called once, when it is over or another run may begin. */
  readonly detached: (run: SharedRun<unknown>) => void;
}

/** One run of a function that its callers share. Each of them waits as long as it has patience; the run goes on without them. */
export class SharedRun<T> {
  readonly outcome: Promise<T>;
  readonly moment: Moment;
  readonly #owner: Owner;
  readonly #parts: RunParts<T>;
  #callers: Set<Caller<T>> | undefined;
  #running = false;
  /** Whether a caller did not wait for its end. */
  late = false;
  /** Whether a caller that gave up waiting for the function has been counted. */
  countedLate = false;
  #detached = false;
  #run: Run | undefined;

  constructor(owner: Owner, parts: RunParts<T>) {
    this.#owner = owner;
    this.#parts = parts;
    this.moment = parts.moment;
    this.outcome = this.#outcome();
  }

  /** Whether all callers have given up waiting. */
  get forsaken(): boolean {
    return this.late && this.#callers?.size === 0;
  }

  /** Another process is running the function. */
  elsewhere(): void {
    if (this.#running) return;
    this.#running = true;
    if (this.#callers !== undefined) for (const caller of this.#callers) caller.start();
  }

  /** The function begins. */
  began(run: Run): void {
    this.#run = run;
    this.#owner.runs.add(this);
    this.elsewhere();
  }

  /** The function has returned or thrown; what follows is storing. */
  ended(): void {
    this.#running = false;
    if (this.#callers !== undefined) for (const caller of this.#callers) caller.stop();
  }

  get over(): boolean {
    return this.#run?.over ?? false;
  }

  join(caller: Caller<T>): void {
    if (this.#callers === undefined) {
      this.#callers = new Set();
      // One reaction for all: a promise keeps reactions, also of callers that have left, until it settles.
      this.outcome.then(
        (value) => this.#settle((each) => each.resolve(value)),
        (error) => this.#settle((each) => each.reject(error)),
      );
    }
    this.#callers.add(caller);
    if (this.#running) caller.start();
  }

  /** A caller gives up waiting. */
  leave(caller: Caller<T>): void {
    this.#callers?.delete(caller);
    if (this.late && (this.countedLate || this.#run === undefined)) return;
    this.late = true;
    this.countedLate = this.#run !== undefined;
    this.#owner.late(this.#parts.ref, this.countedLate);
  }

  /** A new run may begin. */
  detach(): void {
    if (this.#detached) return;
    this.#detached = true;
    this.#owner.runs.delete(this);
    this.#run?.end();
    this.#parts.detached(this);
  }

  #settle(give: (caller: Caller<T>) => void): void {
    const callers = this.#callers ?? [];
    this.#callers = undefined;
    for (const caller of callers) give(caller);
  }

  async #outcome(): Promise<T> {
    try {
      return await this.#parts.start(this);
    } finally {
      this.ended();
      this.detach();
    }
  }
}

/** The runs of a store whose functions are running, in the order in which these began. */
export class Runs {
  readonly #running = new Set<SharedRun<unknown>>();

  add(run: SharedRun<unknown>): void {
    this.detachOld();
    this.#running.add(run);
  }

  delete(run: SharedRun<unknown>): void {
    this.#running.delete(run);
  }

  /** A function that never returns must not block its entry forever. */
  detachOld(): void {
    if (this.#running.size === 0) return;
    for (const run of this.#running) {
      if (!run.over) return;
      run.detach();
    }
  }
}

/** How long one caller waits for functions. */
export class Patience {
  readonly #ms: number;
  #leftMs: number;

  constructor(ms: number) {
    this.#ms = ms;
    this.#leftMs = ms;
  }

  /** @throws what the run rejects with; TimeoutError when it is not over in time. */
  wait<T>(run: SharedRun<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let since = 0;
      const expire = () => {
        timer = undefined;
        this.#leftMs = 0;
        run.leave(caller);
        reject(new TimeoutError(`The function took longer than ${this.#ms} ms`));
      };
      const caller: Caller<T> = {
        resolve,
        reject,
        start: () => {
          since = elapsed();
          timer = setTimeout(expire, Math.max(1, this.#leftMs));
        },
        stop: () => {
          if (timer === undefined) return;
          clearTimeout(timer);
          timer = undefined;
          this.#leftMs -= elapsed() - since;
        },
      };
      run.join(caller);
    });
  }
}

import { elapsed } from '../clock.js';
import { TimeoutError } from '../errors.js';
import { clearTimeout, setTimeout } from '../timers.js';
import type { Run } from './run.js';

/** Somebody who waits for a run, by a clock that goes while a function is running. */
interface Caller {
  start(): void;
  stop(): void;
}

/** How a run tells how far it is. */
export interface Progress {
  /** The first caller who did not wait for the function's end has been counted. */
  readonly countedLate: boolean;
  /** Another process is running the function. */
  elsewhere(): void;
  /** The function begins. */
  began(run: Run): void;
  /** The function has returned or thrown; what follows is storing. */
  ended(): void;
}

/** What becomes of a run. */
interface Events {
  /** A caller has left before its end, for the first time; `here`: while this process runs the function. */
  late(here: boolean): void;
  /** It is over, or nobody's any more. Called once. */
  detached(): void;
}

/** One run of a function that its callers share. Each of them waits as long as it has patience; the run goes on without them. */
export class SharedRun<T> implements Progress {
  readonly outcome: Promise<T>;
  readonly #runs: Runs;
  readonly #events: Events;
  readonly #callers = new Set<Caller>();
  #running = false;
  #late = false;
  countedLate = false;
  #detached = false;
  #run: Run | undefined;

  constructor(runs: Runs, events: Events, start: (progress: Progress) => Promise<T>) {
    this.#runs = runs;
    this.#events = events;
    this.outcome = this.#outcome(start);
  }

  /** Whether a caller did not wait for its end. */
  get late(): boolean {
    return this.#late;
  }

  /** Whether all who waited have left. */
  get forsaken(): boolean {
    return this.#late && this.#callers.size === 0;
  }

  elsewhere(): void {
    if (this.#running) return;
    this.#running = true;
    for (const caller of this.#callers) caller.start();
  }

  began(run: Run): void {
    this.#run = run;
    this.#runs.add(this);
    this.elsewhere();
  }

  ended(): void {
    this.#running = false;
    for (const caller of this.#callers) caller.stop();
  }

  /** Whether the function has been running for too long. */
  get over(): boolean {
    return this.#run?.over ?? false;
  }

  join(caller: Caller): void {
    this.#callers.add(caller);
    if (this.#running) caller.start();
  }

  /** A caller's patience has ended. */
  leave(caller: Caller): void {
    this.#callers.delete(caller);
    if (this.#late && (this.countedLate || this.#run === undefined)) return;
    this.#late = true;
    this.countedLate = this.#run !== undefined;
    this.#events.late(this.countedLate);
  }

  /** A new run may begin. */
  detach(): void {
    if (this.#detached) return;
    this.#detached = true;
    this.#runs.delete(this);
    this.#run?.end();
    this.#events.detached();
  }

  async #outcome(start: (progress: Progress) => Promise<T>): Promise<T> {
    try {
      return await start(this);
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

  /** A function that never returns must not make its entry unusable for ever. */
  detachOld(): void {
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
      const caller: Caller = {
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
      run.outcome.then(resolve, reject);
    });
  }
}

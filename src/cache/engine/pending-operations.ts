import { Deadline, keepAlive, letEnd } from '../../util/deadlines.js';

type Abandon = (reason: unknown) => void;

// One listener a signal, however many caches it is given to: Node warns of a leak at the eleventh.
const bySignal = new WeakMap<AbortSignal, Set<Abandon>>();

/** Operations of a backend under way. Each ends with its time limit or the signal. */
export class PendingOperations {
  /** How many have not settled. While there is one, the process stays alive. */
  count = 0;
  /** What ends everything under way with this signal, in any cache. */
  readonly #abandons: Set<Abandon> | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#abandons = signal && abandonsOf(signal);
  }

  /**
   * What `work` resolves with, after `done`; or what `failed` makes of its rejection, a TimeoutError or the signal's reason.
   * @param ms its time limit; undefined: it has none here.
   */
  race<T>(
    work: Promise<T>,
    ms: number | undefined,
    done: () => void,
    failed: (error: unknown) => Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve) => {
      const abandon = (error: unknown) => {
        if (end()) resolve(failed(error));
      };
      const deadline = ms === undefined ? undefined : new Deadline(ms, 'The backend', abandon, false);
      let over = false;
      const end = (): boolean => {
        if (over) return false;
        over = true;
        if (--this.count === 0) letEnd();
        deadline?.end();
        this.#abandons?.delete(abandon);
        return true;
      };
      if (this.count++ === 0) keepAlive();
      this.#abandons?.add(abandon);
      // A store that is not async may answer with the value itself.
      Promise.resolve(work).then((value) => {
        if (!end()) return;
        done();
        resolve(value);
      }, abandon);
    });
  }
}

function abandonsOf(signal: AbortSignal): Set<Abandon> {
  const known = bySignal.get(signal);
  if (known !== undefined) return known;
  const abandons = new Set<Abandon>();
  const abandonAll = () => {
    for (const abandon of [...abandons]) abandon(signal.reason);
  };
  signal.addEventListener('abort', abandonAll, { once: true });
  bySignal.set(signal, abandons);
  return abandons;
}

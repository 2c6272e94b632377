import { Deadline, keepAlive, letEnd } from '../../util/deadlines.js';

// One listener a signal, however many caches it is given to: Node warns of a leak at the eleventh.
const bySignal = new WeakMap<AbortSignal, Set<PendingOperations>>();

/** Operations of a backend under way. Each ends with its time limit or the signal. */
export class PendingOperations {
  /** How many have not settled. While there is one, the process stays alive. */
  count = 0;
  readonly #ms: number;
  /** Those who have something under way that the signal ends, and what ends it here. */
  readonly #peers: Set<PendingOperations> | undefined;
  readonly #abandons = new Set<(reason: unknown) => void>();

  /** @param ms the time limit of one operation. */
  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#ms = ms;
    this.#peers = signal && peersOf(signal);
  }

  /**
   * What `work` resolves with, after `done`; or what `failed` makes of its rejection, a TimeoutError or the signal's reason.
   * @param timed whether there is a time limit here.
   */
  race<T>(work: Promise<T>, timed: boolean, done: () => void, failed: (error: unknown) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve) => {
      const abandon = (error: unknown) => {
        if (end()) resolve(failed(error));
      };
      const deadline = timed ? new Deadline(this.#ms, 'The backend', abandon, false) : undefined;
      let over = false;
      const end = (): boolean => {
        if (over) return false;
        over = true;
        if (--this.count === 0) letEnd();
        deadline?.end();
        if (this.#peers !== undefined && this.#abandons.delete(abandon) && this.#abandons.size === 0) {
          this.#peers.delete(this);
        }
        return true;
      };
      if (this.count++ === 0) keepAlive();
      if (this.#peers !== undefined) {
        this.#abandons.add(abandon);
        this.#peers.add(this);
      }
      // A store that is not async may answer with the value itself.
      Promise.resolve(work).then((value) => {
        if (!end()) return;
        done();
        resolve(value);
      }, abandon);
    });
  }

  /** Whatever is under way ends with this reason. */
  abandonAll(reason: unknown): void {
    for (const abandon of [...this.#abandons]) abandon(reason);
  }
}

function peersOf(signal: AbortSignal): Set<PendingOperations> {
  let peers = bySignal.get(signal);
  if (peers === undefined) {
    const all = new Set<PendingOperations>();
    const abandonAll = () => {
      for (const operations of [...all]) operations.abandonAll(signal.reason);
    };
    signal.addEventListener('abort', abandonAll, { once: true });
    bySignal.set(signal, all);
    peers = all;
  }
  return peers;
}

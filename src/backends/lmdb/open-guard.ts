import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { BackendError } from '../../errors.js';
import type { NativeFileLock } from '../../native/addon.js';
import { openLock, takeLock, waitForLock } from '../os-lock.js';

/** Processes that load the library at once. */
const LOADING = Math.min(availableParallelism(), 8);

/** The directory was removed or replaced: what was asked for has had no effect, and can be done in the new one. */
export class StoreRemovedError extends BackendError {
  constructor() {
    super('The LMDB directory was removed');
  }
}

/**
 * Keeps the opening of a data file apart from the commits of other processes.
 *
 * When a process opens a data file, LMDB reads which transaction is the latest and then stores that for all processes.
 * One that another process commits in between is lost, and its pages may be written over (OpenLDAP ITS#9496, which the
 * LMDB in the package `lmdb` has). So transactions share the lock `commits`, which opening wants for itself. `gate` lets
 * an opening through that would never find a moment without a transaction; `queue` makes those that open wait for each
 * other alone. The system gives back what a process held that was killed.
 */
export class LmdbOpenGuard {
  readonly #loading: readonly NativeFileLock[];
  readonly #queue: NativeFileLock;
  readonly #gate: NativeFileLock;
  readonly #commits: NativeFileLock;

  private constructor(
    loading: readonly NativeFileLock[],
    queue: NativeFileLock,
    gate: NativeFileLock,
    commits: NativeFileLock,
  ) {
    this.#loading = loading;
    this.#queue = queue;
    this.#gate = gate;
    this.#commits = commits;
  }

  static async in(directory: string): Promise<LmdbOpenGuard> {
    const lock = (name: string) => openLock(join(directory, name));
    const loading = await Promise.all(Array.from({ length: LOADING }, (_, i) => lock(`load-${i}.lock`)));
    return new LmdbOpenGuard(loading, await lock('queue.lock'), await lock('gate.lock'), await lock('commits.lock'));
  }

  /**
   * Runs `work`, which takes a processor for some time, in no more processes at once than there are processors: many that start
   * together would hold up each other's event loops.
   *
   * @throws BackendError when it gives up, StoreRemovedError.
   */
  async load<T>(work: () => Promise<T>, giveUp: () => boolean): Promise<T> {
    const free = this.#loading.find((lock) => lock.tryLock(true) === 1);
    const lock = free ?? (this.#loading[Math.floor(Math.random() * this.#loading.length)] as NativeFileLock);
    try {
      if (free === undefined) assertTaken(await waitForLock(lock, giveUp));
      return await work();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Runs `work`, which may open and commit, while no other process does either.
   *
   * @throws BackendError when it gives up, StoreRemovedError.
   */
  async open<T>(work: () => T, giveUp: () => boolean): Promise<T> {
    try {
      assertTaken(await waitForLock(this.#queue, giveUp));
      assertTaken(await takeLock(this.#gate, giveUp));
      assertTaken(await takeLock(this.#commits, giveUp));
      return work();
    } finally {
      this.#commits.unlock();
      this.#gate.unlock();
      this.#queue.unlock();
    }
  }

  /**
   * In a transaction, before it writes anything: whether it may. Then `endWrite` must follow when it is committed.
   *
   * @throws StoreRemovedError.
   */
  beginWrite(): boolean {
    const passed = this.#gate.tryLock(false);
    if (passed === 0) return false;
    try {
      const begun = passed === 1 ? this.#commits.tryLock(false) : -1;
      if (begun === -1) throw new StoreRemovedError();
      return begun === 1;
    } finally {
      this.#gate.unlock();
    }
  }

  /** Whether a process is opening or about to, so that a transaction would be in vain. */
  isOpening(): boolean {
    const passed = this.#gate.tryLock(false);
    if (passed === 1) this.#gate.unlock();
    return passed === 0;
  }

  endWrite(): void {
    this.#commits.unlock();
  }

  close(): void {
    for (const lock of [...this.#loading, this.#queue, this.#gate, this.#commits]) lock.close();
  }
}

function assertTaken(taken: 1 | 0 | -1): void {
  if (taken === -1) throw new StoreRemovedError();
  if (taken === 0) throw new BackendError('The LMDB directory cannot be opened while another process writes into it');
}

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { elapsed } from '../clock.js';
import { BackendError } from '../errors.js';
import { codeOf } from './cause.js';

/** How long opening may hold up the event loop until others have written and opened; and when that was in vain before. */
const OPENING_WAIT_MS = 2_000;
const OPENING_AGAIN_MS = 20;
/** A claim that is older was left behind, by a thread that was ended or by a process of which nothing can be known. */
const CLAIM_MAX_MS = 600_000;

const [IDLE, WRITING] = [Buffer.of(0), Buffer.of(1)];
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Directories whose opening had to be given up. */
const busy = new Set<string>();
/** Claims of this thread, which never hold it up. */
const own = new Set<string>();

/**
 * Keeps the opening of a data file apart from the commits of other processes.
 *
 * When a process opens a data file, LMDB reads which transaction is the latest and then stores that for all processes.
 * One that another process commits in between is lost, and its pages may be written over (OpenLDAP ITS#9496, which the
 * LMDB in the package `lmdb` has). So who opens makes a file in `opening`, and who writes sets a byte of a file of its
 * own in `writing` for the time of its transaction. Each looks for the other after that, and withdraws on finding one.
 */
export class LmdbTurns {
  readonly #path: string;
  readonly #opening: string;
  readonly #writing: string;
  /** Grows with each opening: a write need not look into the directory while it has the size it had then. */
  readonly #openings: number;
  #quietSize = -1;
  #mine: { name: string; file: number } | undefined;

  constructor(path: string) {
    this.#path = path;
    [this.#opening, this.#writing] = [join(path, 'opening'), join(path, 'writing')];
    for (const directory of [this.#opening, this.#writing]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#openings = openSync(join(path, 'openings'), 'a', 0o600);
  }

  /**
   * Runs `work`, which may open and commit, while no other process does either. The wait for that holds up the event
   * loop.
   *
   * @throws BackendError when another process stays in its transaction.
   */
  open<T>(work: () => T): T {
    const name = claimName();
    const claim = join(this.#opening, name);
    const end = elapsed() + (busy.has(this.#path) ? OPENING_AGAIN_MS : OPENING_WAIT_MS);
    own.add(name);
    try {
      for (;;) {
        writeFileSync(claim, '', { flag: 'wx', mode: 0o600 });
        writeSync(this.#openings, IDLE);
        if (!isClaimed(this.#opening)) {
          while (isClaimed(this.#writing, isSet)) {
            if (elapsed() > end) throw this.#busy();
            sleep(1);
          }
          const opened = work();
          busy.delete(this.#path);
          return opened;
        }
        // Whoever else opens may have found this claim as well: the one that comes back first goes first.
        rmSync(claim, { force: true });
        if (elapsed() > end) throw this.#busy();
        sleep(1 + Math.random() * 10);
      }
    } finally {
      rmSync(claim, { force: true });
      own.delete(name);
    }
  }

  /** In a transaction, before it writes anything: whether it may. Then `endWrite` must follow when it is committed. */
  beginWrite(): boolean {
    this.#mine ??= makeFlag(this.#writing);
    writeSync(this.#mine.file, WRITING, 0, 1, 0);
    const { size } = fstatSync(this.#openings);
    if (size === this.#quietSize) return true;
    if (isClaimed(this.#opening)) {
      this.endWrite();
      return false;
    }
    this.#quietSize = size;
    return true;
  }

  endWrite(): void {
    if (this.#mine) writeSync(this.#mine.file, IDLE, 0, 1, 0);
  }

  close(): void {
    closeSync(this.#openings);
    if (this.#mine) {
      closeSync(this.#mine.file);
      rmSync(join(this.#writing, this.#mine.name), { force: true });
      own.delete(this.#mine.name);
    }
  }

  #busy(): BackendError {
    busy.add(this.#path);
    return new BackendError('The LMDB directory cannot be opened while another process writes into it');
  }
}

function makeFlag(directory: string): { name: string; file: number } {
  const name = claimName();
  own.add(name);
  return { name, file: openSync(join(directory, name), 'wx', 0o600) };
}

/** Whether another thread or process has a claim here. Those of ended processes are removed. */
function isClaimed(directory: string, counts: (path: string) => boolean = () => true): boolean {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (own.has(name)) continue;
    if (isGone(name)) rmSync(path, { force: true });
    else if (isRecent(path) && counts(path)) return true;
  }
  return false;
}

function isRecent(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) < CLAIM_MAX_MS;
}

function isSet(path: string): boolean {
  try {
    return readFileSync(path)[0] === WRITING[0];
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Number of the namespace in which process ids mean something; empty where there is one only. */
const namespace = readNamespace();

function readNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '';
  }
}

function claimName(): string {
  return [namespace, process.pid, startOf(process.pid), randomBytes(6).toString('hex')].join('.');
}

/** Whether the process that made the claim has surely ended. */
function isGone(name: string): boolean {
  const [where, pid, start] = name.split('.');
  return where === namespace && startOf(Number(pid)) !== start;
}

/** When a process was started, in the system's own measure and where it tells; `undefined` when there is none. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return undefined;
  }
  const [state, ...fields] = statusOf(pid);
  // One that has ended and that its parent has not looked after.
  return state === 'Z' || state === 'X' ? undefined : (fields[18] ?? '');
}

/** The fields behind the name of the program, which may hold anything. */
function statusOf(pid: number): string[] {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return status.slice(status.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function sleep(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

import { bufferOf, copyOf } from '../../util/bytes.js';
import type { Deadline } from '../../util/deadlines.js';
import { allowManyListeners } from '../../util/realms.js';
import { CACHE, type CheckedItem, READ_LATER_FROM } from '../arguments.js';
import type { BackendEntry, BackendGetOptions } from '../backend.js';
import { assertDone, type RedisCommands, setCommand, unexpected } from './commands.js';
import { isDemoted, redisError } from './error.js';
import { type Found, MAX_KEYS, readMany } from './read.js';
import { Sets, type SetTogether } from './sets.js';

/** One caller, answered once: by the server, by the clock or by its own signal. */
class Waiter<T> {
  settled = false;
  readonly #batch: RedisBatch;
  readonly #resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #abort: (() => void) | undefined;

  constructor(
    batch: RedisBatch,
    signal: AbortSignal | undefined,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#batch = batch;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    if (signal === undefined) return;
    this.#abort = () => this.reject(signal.reason);
    allowManyListeners(signal);
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  resolve(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(reason: unknown): void {
    if (this.#settle()) this.#reject(reason);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort);
    this.#batch.left();
    return true;
  }
}

interface Work {
  readonly run: (commands: RedisCommands) => Promise<unknown>;
  readonly waiter: Waiter<unknown>;
}

/** A set with nothing behind it. */
interface SetWork extends Work {
  readonly item: CheckedItem;
  readonly waiter: Waiter<unknown>;
}

interface Read {
  readonly waiter: Waiter<BackendEntry | undefined>;
  readonly options: BackendGetOptions | undefined;
  /** Another caller that asked for the same cache key. */
  readonly next: Read | undefined;
}

/** The operations of one tick: one connection, deadline and write. Gets become one command, sent last: a get sees earlier sets. */
export class RedisBatch {
  readonly #ended: (batch: RedisBatch) => void;
  readonly #demoted: (commands: RedisCommands) => void;
  readonly #together: SetTogether;
  #works: (Work | Sets)[] | undefined;
  /** The last work, where it is a set or several. */
  #set: SetWork | undefined;
  #sets: Sets | undefined;
  #reads: Map<string, Read> | undefined;
  /** Callers without an answer. */
  waiting = 0;
  #afterwards: (() => void)[] | undefined;
  /** The server has answered something. */
  answered = false;
  /** Begins when it is sent. */
  deadline: Deadline | undefined;
  /** A caller waits that does not keep the process alive itself. */
  holds = false;

  /**
   * @param ended called when all callers have been answered.
   * @param demoted called when the server behind these commands does not serve any more, or not yet.
   */
  constructor(ended: (batch: RedisBatch) => void, demoted: (commands: RedisCommands) => void, together: SetTogether) {
    this.#ended = ended;
    this.#demoted = demoted;
    this.#together = together;
  }

  get full(): boolean {
    return (this.#reads !== undefined && this.#reads.size >= MAX_KEYS) || this.#sets?.areMany === true;
  }

  add<T>(signal: AbortSignal | undefined, run: (commands: RedisCommands) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting++;
      const waiter = new Waiter<T>(this, signal, resolve, reject);
      this.#works ??= [];
      this.#works.push({ run, waiter: waiter as Waiter<unknown> });
      this.#set = this.#sets = undefined;
    });
  }

  set(item: CheckedItem, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting++;
      const waiter = new Waiter<void>(this, signal, resolve, reject) as Waiter<unknown>;
      this.#works ??= [];
      if (this.#sets !== undefined) this.#sets.add(item, waiter);
      else if (this.#set !== undefined) {
        this.#sets = new Sets(this.#set, { item, waiter });
        this.#works[this.#works.length - 1] = this.#sets;
      } else {
        this.#set = { item, waiter, run: (commands) => commands.send(setCommand(item)).then(assertDone) };
        this.#works.push(this.#set);
      }
    });
  }

  read(cacheKey: string, options: BackendGetOptions | undefined): Promise<BackendEntry | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting++;
      const waiter = new Waiter(this, options?.signal, resolve, reject);
      this.#reads ??= new Map();
      this.#reads.set(cacheKey, { waiter, options, next: this.#reads.get(cacheKey) });
    });
  }

  /** Resolves when all callers have been answered. */
  whenEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#afterwards ??= [];
      this.#afterwards.push(resolve);
    });
  }

  /** @internal A caller has been answered. */
  left(): void {
    if (--this.waiting > 0) return;
    this.#ended(this);
    for (const callback of this.#afterwards ?? []) callback();
  }

  fail(error: unknown): void {
    for (const work of this.#works ?? [])
      if (work instanceof Sets) work.reject(error);
      else work.waiter.reject(error);
    for (const first of this.#reads?.values() ?? []) reject(first, error);
  }

  /** Sends what callers still wait for. */
  send(commands: RedisCommands): void {
    if (this.#works === undefined) this.#sendEach(commands);
    else commands.together(() => this.#sendEach(commands));
  }

  #sendEach(commands: RedisCommands): void {
    const failure = (error: unknown) => this.#failure(commands, error);
    for (const work of this.#works ?? []) {
      if (work instanceof Sets) {
        work.send(commands, this.#together, this.#hasAnswered, failure);
        continue;
      }
      const { run, waiter } = work;
      if (waiter.settled) continue;
      run(commands).then(
        (value) => {
          this.answered = true;
          waiter.resolve(value);
        },
        (error) => waiter.reject(failure(error)),
      );
    }
    if (this.#reads !== undefined) this.#sendReads(commands, this.#reads);
  }

  #sendReads(commands: RedisCommands, reads: ReadonlyMap<string, Read>): void {
    const cacheKeys: string[] = [];
    const wanted: Read[] = [];
    const ttls: boolean[] = [];
    for (const [cacheKey, read] of reads) {
      if (!isWanted(read)) continue;
      cacheKeys.push(cacheKey);
      wanted.push(read);
      ttls.push(wantsTtl(read));
    }
    const [cacheKey, only] = [cacheKeys[0], wanted[0]];
    if (cacheKey === undefined || only === undefined) return;
    const ttl = ttls.includes(true);
    if (cacheKeys.length === 1 && !ttl) {
      commands.send(['get', cacheKey]).then(
        (bytes) => {
          this.answered = true;
          answer(only, bytes, undefined);
        },
        (error) => reject(only, this.#failure(commands, error)),
      );
      return;
    }
    readMany(commands, cacheKeys, ttl && ttls).then(
      (found) => {
        this.answered = true;
        for (const [i, read] of wanted.entries()) {
          const { bytes, ttl, error } = found[i] as Found;
          if (error === undefined) answer(read, bytes, ttl);
          else reject(read, this.#failure(commands, error));
        }
      },
      (error) => {
        for (const read of wanted) reject(read, this.#failure(commands, error));
      },
    );
  }

  readonly #hasAnswered = (): void => {
    this.answered = true;
  };

  #failure(commands: RedisCommands, error: unknown): unknown {
    if (isDemoted(error)) this.#demoted(commands);
    return redisError(error, commands.sharded);
  }
}

function isWanted(first: Read): boolean {
  for (let read: Read | undefined = first; read; read = read.next) if (!read.waiter.settled) return true;
  return false;
}

function wantsTtl(first: Read): boolean {
  for (let read: Read | undefined = first; read; read = read.next) if (read.options?.ttl) return true;
  return false;
}

function answer(first: Read, bytes: unknown, ttl: unknown): void {
  for (let read: Read | undefined = first; read; read = read.next) {
    try {
      const left = read.options?.ttl ? ttl : undefined;
      read.waiter.resolve(entryOf(bytes, left, read.options, first.next !== undefined));
    } catch (wrong) {
      read.waiter.reject(wrong);
    }
  }
}

function reject(first: Read, error: unknown): void {
  for (let read: Read | undefined = first; read; read = read.next) read.waiter.reject(error);
}

/** PTTL answers −1 for "never" and −2 for "no such key", which can only be of an instant before the value was set. */
export function entryOf(
  reply: unknown,
  ttl?: unknown,
  options?: BackendGetOptions,
  shared = false,
): BackendEntry | undefined {
  if (reply === null || reply === undefined) return undefined;
  if (!Buffer.isBuffer(reply)) throw unexpected();
  const bytes = ownFor(options, reply, shared);
  if (typeof ttl !== 'number' || ttl < -1) return { bytes };
  return { bytes, expiresInMs: ttl === -1 ? Number.POSITIVE_INFINITY : ttl };
}

/** What one caller may have of a reply: a copy, unless it only reads it, and no memory that another thread may be reading. */
function ownFor(options: BackendGetOptions | undefined, reply: Buffer, shared: boolean): Buffer {
  if (shared && !options?.readOnly) return copyOf(reply);
  const { byteLength } = bufferOf(reply);
  const alone = byteLength < READ_LATER_FROM || (!shared && byteLength === reply.length);
  return alone || (options !== undefined && CACHE in options) ? reply : copyOf(reply);
}

import { randomBytes } from 'node:crypto';
import type { InvalidationBus } from '../../backends/invalidation-bus.js';
import { BackendError } from '../../errors.js';
import { overWithin, withDeadline } from '../../util/deadlines.js';
import { clearTimeout, setTimeout } from '../../util/timers.js';
import { type Changes, changesOf, messageOf, type Sealing } from './bus-messages.js';

export interface BusLinkParts {
  readonly bus: InvalidationBus;
  /** What the caches share that tell each other without a bus. */
  readonly backend: object;
  /** undefined: cache keys may be read. */
  readonly sealing: Sealing | undefined;
  /** Told of a message that could not be sent. */
  readonly failed: (error: BackendError) => void;
}

/** What is told, in the terms of a cache. */
export interface BusListener {
  /** An entry has changed; undefined: perhaps any. */
  changed(cacheKey: string | undefined): void;
  tagsRemoved(tags: readonly string[]): void;
  state(told: boolean, error: unknown): void;
}

/** The longest that a bus may take for a message, and that closing waits for it. */
const SEND_MS = 5_000;
const CLOSE_MS = 1_000;
/** Before a message is sent again: at first, and at most. */
const RETRY_MS = { first: 250, most: 2_000 };
/** Of more changes that wait, no names are kept. */
const MAX_WAITING = 1_000;

const origins = new WeakMap<object, string>();

/** A cache at a bus. See docs/decisions/0039. */
export class BusLink {
  readonly #parts: BusLinkParts;
  readonly #origin: string;
  readonly #keys = new Set<string>();
  readonly #tags = new Set<string>();
  #all = false;
  #sending: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #closed = false;

  constructor(parts: BusLinkParts) {
    this.#parts = parts;
    const { backend } = parts;
    this.#origin = origins.get(backend) ?? randomBytes(8).toString('hex');
    origins.set(backend, this.#origin);
  }

  /** @returns what ends it. @throws TypeError when the bus does not return what ends it, and what the bus throws. */
  listen(listener: BusListener): () => void {
    const { bus, sealing } = this.#parts;
    const hear = (message: unknown) => {
      const changes = typeof message === 'string' ? changesOf(message, this.#origin, sealing) : undefined;
      if (message === undefined || changes?.all) listener.changed(undefined);
      else if (changes !== undefined) {
        for (const cacheKey of changes.keys) listener.changed(cacheKey);
        if (changes.tags.length > 0) listener.tagsRemoved(changes.tags);
      }
    };
    const end: unknown = bus.subscribe(hear, (told, error) => listener.state(told, error));
    if (typeof end !== 'function') throw new TypeError('subscribe of a bus must return a function that ends it');
    return () => end();
  }

  /** An entry was changed here, or perhaps was. It is told soon. */
  changed(cacheKey: string): void {
    this.#keys.add(cacheKey);
    this.#changed();
  }

  /** As {@link changed}, of all entries with one of the tags. */
  tagsRemoved(tags: readonly string[]): void {
    for (const tag of tags) this.#tags.add(tag);
    this.#changed();
  }

  /** Entries were removed of which not all are known: others may have copies of what the store had lost before. */
  everything(): void {
    this.#all = true;
    this.#changed();
  }

  /** Sends what waits, if that takes no longer than a second. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#waits()) this.#sending ??= this.#send();
    if (this.#sending !== undefined) await overWithin(CLOSE_MS, this.#sending, true);
  }

  #changed(): void {
    if (this.#keys.size + this.#tags.size > MAX_WAITING) this.#all = true;
    if (this.#all) this.#forget();
    if (this.#retry === undefined) this.#sending ??= this.#send();
  }

  /** One message after the other, so that what changes during one is gathered for the next. Never rejects. */
  async #send(): Promise<void> {
    // What changes in one go, as by `setMany`, is one message.
    await undefined;
    while (this.#waits()) {
      const changes = this.#taken();
      try {
        const message = messageOf(this.#origin, changes, this.#parts.sealing);
        await withDeadline('The bus', SEND_MS, undefined, async () => this.#parts.bus.publish(message));
        this.#retryMs = RETRY_MS.first;
      } catch (error) {
        this.#failed(changes, error);
        break;
      }
    }
    this.#sending = undefined;
  }

  /** What was not sent is sent later: until then other processes have stale copies. */
  #failed({ keys, tags, all }: Changes, error: unknown): void {
    for (const key of keys) this.#keys.add(key);
    for (const tag of tags) this.#tags.add(tag);
    this.#all ||= all || this.#keys.size + this.#tags.size > MAX_WAITING;
    if (this.#all) this.#forget();
    const reason = error instanceof BackendError ? `: ${error.message}` : '';
    const what =
      'The bus has not taken a message, so that other processes may have copies of entries that were changed here';
    if (this.#retryMs === RETRY_MS.first) this.#parts.failed(new BackendError(what + reason, { transient: true }));
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#sending ??= this.#send();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.most);
  }

  #waits(): boolean {
    return this.#all || this.#keys.size > 0 || this.#tags.size > 0;
  }

  #taken(): Changes {
    const changes = { keys: [...this.#keys], tags: [...this.#tags], all: this.#all };
    this.#forget();
    this.#all = false;
    return changes;
  }

  #forget(): void {
    this.#keys.clear();
    this.#tags.clear();
  }
}

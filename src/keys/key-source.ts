import { hasCode, isCacheKitError } from '../errors.js';
import { kindOf } from '../util/bytes.js';
import { elapsed } from '../util/clock.js';
import { assertOptionsObject, type Duration, durationMs, ownOptions } from '../util/options-object.js';
import { allowManyListeners, assertSignal } from '../util/realms.js';
import { clearTimeout, MAX_TIMER_MS, setTimeout } from '../util/timers.js';
import { type KeyEvent, keyEvents } from './key-events.js';
import { fetchMasterKeys, type KeyProvider, type ProvidedKeys } from './provider.js';

export interface KeyProviderOptions {
  /** Ends the wait for the first keys, and later the refresh. */
  signal?: AbortSignal | undefined;
  /** How long each call of the provider may take. Default `'10s'`. */
  timeout?: Duration | undefined;
  /** How long a provider that fails at the start is called again, with exponential back-off. Without it, it is called once. */
  startup?: Duration | undefined;
  /**
   * The longest time between two calls of the provider in the background; each is up to a fifth earlier, at random. The keyring
   * follows what it answers, and keeps its keys while it fails. Without it, the provider is not called again. `destroy()` ends it.
   */
  refresh?: Duration | undefined;
  /** Told of each failure after which the provider is called again. Without it, the first one of an outage is a process warning. */
  onError?: ((error: unknown) => void) | undefined;
}

const OPTIONS = ['signal', 'timeout', 'startup', 'refresh', 'onError'] as const satisfies (keyof KeyProviderOptions)[];
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 5_000;

/** Calls a provider until it has given keys, then again and again in the background. */
export class KeySource {
  /** undefined: it is not called again. */
  readonly refreshMs: number | undefined;
  readonly #provider: KeyProvider;
  readonly #timeoutMs: number;
  readonly #startupMs: number;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #ending = new AbortController();
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** In a row. */
  #failures = 0;
  #warned = false;

  /** @throws TypeError, RangeError or ConfigurationError for a provider or an option that is none. */
  constructor(provider: KeyProvider, options: KeyProviderOptions = {}) {
    if (typeof provider !== 'function') throw new TypeError(`provider must be a function, not ${kindOf(provider)}`);
    assertOptionsObject(options, OPTIONS);
    const { signal, timeout = '10s', startup, refresh, onError } = ownOptions(options);
    assertSignal(signal);
    if (onError !== undefined && typeof onError !== 'function') {
      throw new TypeError(`onError must be a function, not ${kindOf(onError)}`);
    }
    this.#provider = provider;
    this.#timeoutMs = Math.min(durationMs('timeout', timeout), MAX_TIMER_MS);
    this.#startupMs = startup === undefined ? 0 : durationMs('startup', startup);
    this.refreshMs = refresh === undefined ? undefined : Math.min(durationMs('refresh', refresh), MAX_TIMER_MS);
    this.#onError = onError;
    const abort = () => this.end(signal?.reason);
    this.#stopListening = () => signal?.removeEventListener('abort', abort);
    if (signal?.aborted) abort();
    else if (signal !== undefined) {
      allowManyListeners(signal);
      signal.addEventListener('abort', abort, { once: true });
    }
  }

  /**
   * What `make` makes of the first keys. What this package refuses is not asked for again, as it would be the same.
   *
   * @throws the last failure when the time is over, the signal's reason, and what `make` throws.
   */
  async first<T>(make: (keys: ProvidedKeys) => T): Promise<T> {
    try {
      const keys = await this.#firstAnswer(elapsed() + this.#startupMs);
      return used(keys, make);
    } catch (error) {
      this.end(error);
      throw error;
    }
  }

  /** Gives the keys to `take` every `refreshMs` from now on. What that throws is a failure like those of the provider. */
  repeat(take: (keys: ProvidedKeys) => void): void {
    this.#succeeded();
    if (this.refreshMs === undefined) this.end(undefined);
    else this.#callAfter(earlier(this.refreshMs), this.refreshMs, take);
  }

  /** No further call; one under way is aborted, and what it answers ignored. */
  end(reason: unknown): void {
    this.#stopListening();
    clearTimeout(this.#timer);
    this.#ending.abort(reason);
  }

  async #firstAnswer(until: number): Promise<Required<ProvidedKeys>> {
    for (let left = this.#startupMs; ; left = until - elapsed()) {
      try {
        return await this.#call(left > 0 ? Math.min(this.#timeoutMs, left) : this.#timeoutMs, true);
      } catch (error) {
        const wait = this.#nextPause(MOST_PAUSE_MS);
        const refused = hasCode(error, 'ERR_CONFIGURATION') || hasCode(error, 'ERR_KEY');
        if (refused || this.#ending.signal.aborted || elapsed() + wait >= until) throw error;
        this.#tell(error, true);
        await this.#pause(wait);
      }
    }
  }

  #call(timeoutMs: number, holds: boolean): Promise<Required<ProvidedKeys>> {
    return fetchMasterKeys(this.#provider, { signal: this.#ending.signal, timeoutMs, holds });
  }

  #callAfter(ms: number, refreshMs: number, take: (keys: ProvidedKeys) => void): void {
    if (this.#ending.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#refresh(take).then(
        () => {
          this.#succeeded();
          this.#callAfter(earlier(refreshMs), refreshMs, take);
        },
        (error) => {
          if (this.#ending.signal.aborted) return;
          const wait = this.#nextPause(refreshMs);
          this.#tell(error, false);
          this.#callAfter(wait, refreshMs, take);
        },
      );
    }, ms);
    this.#timer.unref();
  }

  async #refresh(take: (keys: ProvidedKeys) => void): Promise<void> {
    used(await this.#call(this.#timeoutMs, false), take);
  }

  /** Twice as long after each failure, and at random between half of it and all of it, so that a fleet does not come back together. */
  #nextPause(mostMs: number): number {
    const ms = Math.min(mostMs, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 30));
    return ms * (1 - Math.random() / 2);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#ending;
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener('abort', over, { once: true });
    });
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#warned = false;
  }

  #tell(error: unknown, starting: boolean): void {
    const code = isCacheKitError(error) ? error.code : undefined;
    const event: KeyEvent = { code, failures: this.#failures, starting };
    if (keyEvents.failed.hasSubscribers) keyEvents.failed.publish(event);
    if (this.#onError === undefined) this.#warn(error, starting);
    try {
      const told: unknown = this.#onError?.(error);
      if (told !== undefined) Promise.resolve(told).catch(() => {});
    } catch {
      // What a listener throws must not end the refresh.
    }
  }

  #warn(error: unknown, starting: boolean): void {
    if (this.#warned) return;
    this.#warned = true;
    // What others throw may quote a key.
    const reason = isCacheKitError(error) ? `: ${error.message}` : '';
    const consequence = starting ? 'is called again' : 'is called again; the last keys are kept';
    const message = `The key provider failed and ${consequence}${reason}`;
    process.emitWarning(message, { type: 'CacheKitWarning', code: 'CACHEKIT_KEYS_NOT_FETCHED' });
  }
}

/** Processes that were started together come apart. */
function earlier(ms: number): number {
  return ms * (1 - Math.random() / 5);
}

function used<T>(keys: Required<ProvidedKeys>, use: (keys: ProvidedKeys) => T): T {
  try {
    return use(keys);
  } finally {
    keys[Symbol.dispose]();
  }
}

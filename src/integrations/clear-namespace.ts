import { integerOption } from '../backends/arguments.js';
import type { KeyvStorageAdapter } from '../backends/keyv.js';
import { BackendError } from '../errors.js';
import { assertWellFormed } from '../util/bytes.js';
import { withDeadline } from '../util/deadlines.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { assertSignal, throwIfAborted } from '../util/realms.js';
import { MAX_TIMER_MS } from '../util/timers.js';
import type { Listed } from './stored-names.js';

/** How `clear` of an encryptedStore goes about it. Whatever stops it, what was removed stays removed, and another call goes on. */
export interface EncryptedStoreClearOptions {
  /** Removes the entries whose keys begin with it and a colon. Default: that of the Keyv 5 instances, otherwise all. */
  namespace?: string | undefined;
  /**
   * The longest that one step may take, in milliseconds: to list up to a thousand names, to remove them, or the inner
   * store's own `clear`. A store that scans past many entries of others needs long for one. Default: no limit.
   */
  timeoutMs?: number | undefined;
  /** Stops it, and rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** Called after each step with how many entries were removed so far; not where the inner store clears by itself. */
  onProgress?: ((report: { removed: number }) => void) | undefined;
}

const OPTIONS: readonly (keyof EncryptedStoreClearOptions)[] = ['namespace', 'timeoutMs', 'signal', 'onProgress'];
const PAGE = 1_000;

/** @throws TypeError and RangeError for options that are none, the reason of a signal that has fired. */
export function clearOptions(options: EncryptedStoreClearOptions = {}): EncryptedStoreClearOptions {
  assertOptionsObject(options, OPTIONS);
  const own = ownOptions(options);
  const { namespace, timeoutMs, signal, onProgress } = own;
  if (namespace !== undefined) assertWellFormed('namespace', namespace);
  if (namespace === '') throw new RangeError('namespace must not be empty');
  if (timeoutMs !== undefined) integerOption('timeoutMs', timeoutMs, MAX_TIMER_MS, 1, MAX_TIMER_MS);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError('onProgress must be a function');
  assertSignal(signal);
  throwIfAborted(signal);
  return own;
}

/**
 * Removes the listed names by pages. Stores that list by position skip entries while others are removed, and some report
 * failures
 * as events: the listing is repeated until it has less than a page, or no fewer than before.
 * @throws BackendError when entries remain that the store did not remove.
 */
export async function removeListed(
  store: KeyvStorageAdapter,
  list: () => AsyncGenerator<Listed, void>,
  options: EncryptedStoreClearOptions,
): Promise<void> {
  let removed = 0;
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const names = list();
    let found = 0;
    let kept = false;
    try {
      let page: string[];
      do {
        page = await step(options, () => nextPage(names));
        if (page.length === 0) break;
        found += page.length;
        const gone = await step(options, () => remove(store, page));
        kept ||= gone === 0;
        removed += gone;
        options.onProgress?.({ removed });
        // A Map answers without a turn of the event loop.
        await new Promise(setImmediate);
      } while (page.length === PAGE);
    } finally {
      // Not awaited: it waits for a step that was given up.
      names.return().catch(() => undefined);
    }
    if (found < PAGE && !kept) return;
    if (found >= before) {
      if (kept) throw new BackendError('The inner store did not remove the entries');
      return;
    }
    before = found;
  }
}

/** Runs one step within its limit. @throws TimeoutError, the signal's reason. */
export function step<T>({ timeoutMs, signal }: EncryptedStoreClearOptions, work: () => Promise<T>): Promise<T> {
  if (timeoutMs === undefined && signal === undefined) return work();
  return withDeadline('The inner backend', timeoutMs ?? MAX_TIMER_MS, signal, work);
}

async function nextPage(names: AsyncGenerator<Listed, void>): Promise<string[]> {
  const page: string[] = [];
  while (page.length < PAGE) {
    const { done, value } = await names.next();
    if (done) break;
    page.push(value[0]);
  }
  return page;
}

async function remove(store: KeyvStorageAdapter, names: string[]): Promise<number> {
  if (typeof store.deleteMany !== 'function') {
    return (await Promise.all(names.map((name) => store.delete(name)))).filter((one) => one !== false).length;
  }
  const answer: unknown = await store.deleteMany(names);
  if (Array.isArray(answer)) return answer.filter((one) => one !== false).length;
  return answer === false ? 0 : names.length;
}

import { elapsed } from '../../util/clock.js';
import { setImmediate } from '../../util/timers.js';
import type { BackendEntry, BackendOptions, BackendTagOptions } from '../backend.js';
import type { LmdbHandle } from './handle.js';
import { StoreRemovedError } from './open-guard.js';
import { type LmdbStore, lmdbError } from './store.js';

/** Entries that one transaction of `invalidateTags` removes. */
const REMOVALS_PER_STEP = 500;
/** Entries of one call that one transaction at least writes or removes. */
const WRITES_PER_PIECE = 64;
/** How long reads hold the event loop in one piece, looked at after so many of them. */
const READING_MS = 5;
const READS_PER_LOOK = 16;
const KEYS_PER_TURN = 256;

/** Reads entries in pieces that do not hold the event loop for long. */
export async function readMany(
  handle: LmdbHandle,
  cacheKeys: readonly string[],
  now: () => number,
  options: BackendOptions | undefined,
): Promise<(BackendEntry | undefined)[]> {
  // A copy, as the caller may change the list while this waits.
  const wanted = cacheKeys.length > READS_PER_LOOK ? [...cacheKeys] : cacheKeys;
  const found: (BackendEntry | undefined)[] = [];
  do {
    const store = handle.ready(options) ?? (await handle.open(options));
    readFor(READING_MS, store, wanted, found, now);
    if (found.length < wanted.length) await nextTurn();
  } while (found.length < wanted.length);
  return found;
}

function readFor(
  ms: number,
  store: LmdbStore,
  wanted: readonly string[],
  found: (BackendEntry | undefined)[],
  now: () => number,
): void {
  const end = elapsed() + ms;
  try {
    while (found.length < wanted.length) {
      found.push(store.entries.read(wanted[found.length] as string, now()));
      if (found.length % READS_PER_LOOK === 0 && elapsed() > end) return;
    }
  } catch (error) {
    throw lmdbError(error);
  }
}

/** Cache keys that begin with `prefix`. @throws StoreRemovedError when the directory is removed while it lists. */
export async function* cacheKeys(
  handle: LmdbHandle,
  prefix: string,
  options: BackendOptions | undefined,
): AsyncGenerator<string> {
  try {
    const store = handle.ready(options) ?? (await handle.open(options));
    let read = 0;
    for (const cacheKey of store.entries.cacheKeys(prefix)) {
      yield cacheKey;
      if (++read % KEYS_PER_TURN === 0) await nextTurn();
      if (handle.ready(options) !== store) throw new StoreRemovedError();
    }
  } catch (error) {
    throw lmdbError(error);
  }
}

/** Runs `work` for parts of the items, in their order; when one fails, the others are done all the same. */
export async function inPieces<T, R>(items: readonly T[], work: (piece: readonly T[]) => Promise<R>): Promise<R[]> {
  if (items.length <= WRITES_PER_PIECE) return [await work(items)];
  const pieces: Promise<R>[] = [];
  for (let i = 0; i < items.length; i += WRITES_PER_PIECE) pieces.push(work(items.slice(i, i + WRITES_PER_PIECE)));
  await Promise.allSettled(pieces);
  return Promise.all(pieces);
}

/** Removes what was last set with one of the tags, in transactions of some hundred entries; how many. */
export async function removeTagged(
  handle: LmdbHandle,
  tags: readonly string[],
  options: BackendTagOptions | undefined,
): Promise<number> {
  handle.ready(options);
  let total = 0;
  let marked = false;
  for (const tag of tags) {
    for (let more = true; more; ) {
      const step = await handle.write(options, 0, (store) => {
        // All of them before any entry is removed.
        if (!marked) store.marks.putTags(tags);
        return store.entries.removeTagged(tag, REMOVALS_PER_STEP);
      });
      marked = true;
      total += step.removed;
      options?.onProgress?.(total);
      more = step.more;
    }
  }
  return total;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

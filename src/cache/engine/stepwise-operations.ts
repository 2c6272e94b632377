import type { Backend, BackendTagOptions } from '../../backends/backend.js';
import { Deadline } from '../../util/deadlines.js';

type InvalidateTags = NonNullable<Backend['invalidateTags']>;

/**
 * `invalidateTags` with a time limit for each step, or for the whole where the backend reports no steps. A retry goes on with
 * what
 * is left: the count is of all attempts, which `run` makes.
 */
export async function invalidateInSteps(
  invalidate: InvalidateTags,
  timeoutMs: number,
  tags: readonly string[],
  options: BackendTagOptions | undefined,
  run: (attempt: () => Promise<number>) => Promise<number>,
): Promise<number> {
  let before = 0;
  let current = 0;
  const attempt = () => {
    before += current;
    current = 0;
    return withStepLimit(timeoutMs, options?.signal, (step) =>
      invalidate(tags, {
        ...options,
        onProgress: (removed) => {
          current = removed;
          step();
          options?.onProgress?.(before + removed);
        },
      }),
    );
  };
  const removed = await run(attempt);
  return before + removed;
}

/** Ends when `step` has not been called for `timeoutMs`, or the signal fires. */
function withStepLimit<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (step: () => void) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      over = true;
      deadline.end();
      signal?.removeEventListener('abort', abort);
    };
    const give = (reason: unknown) => {
      settle();
      reject(reason);
    };
    const abort = () => give(signal?.reason);
    const begin = () => new Deadline(timeoutMs, 'The backend', give);
    let over = false;
    let deadline = begin();
    const step = () => {
      if (over) return;
      deadline.end();
      deadline = begin();
    };
    signal?.addEventListener('abort', abort, { once: true });
    // Within a promise: a backend's method may throw before it returns one.
    new Promise<T>((done) => done(work(step))).finally(settle).then(resolve, reject);
  });
}

/** A listing each of whose steps is an operation of its own: the whole may take as long as there are entries. */
export async function* listInSteps(
  list: () => AsyncIterable<string> | undefined,
  run: <T>(step: () => Promise<T>) => Promise<T>,
): AsyncGenerator<string> {
  const cacheKeys = list()?.[Symbol.asyncIterator]();
  if (cacheKeys === undefined) return;
  let done: boolean | undefined = false;
  try {
    for (;;) {
      const step = await run(() => cacheKeys.next());
      done = step.done;
      if (done) return;
      yield step.value;
    }
  } finally {
    // Not waited for: one that does not answer would block a caller that has left the loop.
    if (!done) (async () => cacheKeys.return?.())().catch(() => {});
  }
}

/** Operations of one call that are under way at once, where a backend takes them one by one. */
const WINDOW = 256;

/** Runs `work` for each item, in order, a limited number at once: many would hold the event loop, or exceed `maxConcurrent`. */
export async function settleEach<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  if (items.length <= WINDOW) return Promise.allSettled(items.map(work));
  const settled: PromiseSettledResult<R>[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      const [result] = await Promise.allSettled([work(items[i] as T)]);
      settled[i] = result;
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, worker));
  return settled;
}

/** As {@link settleEach}. @throws the first failure. */
export async function runEach<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  if (items.length <= WINDOW) return Promise.all(items.map(work));
  return (await settleEach(items, work)).map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

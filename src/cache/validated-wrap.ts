import type { CachedFunction } from './cached-function.js';

/** As {@link CacheWrap}, of functions whose results are checked: what they resolve to is the schema's output. */
export type ValidatedWrap<K extends unknown[], T extends unknown[], V> = <
  This,
  A extends [...K, ...unknown[]] & [...T, ...unknown[]],
>(
  fn: (this: This, ...args: A) => unknown,
  context?: ClassMethodDecoratorContext<This, (this: This, ...args: A) => unknown>,
) => CachedFunction<This, A, V>;

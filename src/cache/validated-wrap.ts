import type { AnyFunction, CachedFunction, Fits, FitsMethod } from './cached-types.js';

/** The cached form of a function whose results are checked: what it resolves to is the schema's output. */
// biome-ignore lint/complexity/noBannedTypes: as of CacheWrap
type Validated<F extends Function, V> = F extends AnyFunction
  ? CachedFunction<ThisParameterType<F>, Parameters<F>, V>
  : CachedFunction<unknown, unknown[], V>;

/** As {@link CacheWrap}, of functions whose results are checked. */
export interface ValidatedWrap<K extends unknown[], T extends unknown[], V> {
  // biome-ignore lint/complexity/noBannedTypes: any other type would be a contextual type of the function's parameters
  <F extends Function>(
    fn: F & Fits<F, K, T>,
    // biome-ignore lint/suspicious/noExplicitAny: of whatever object and method
    context?: ClassMethodDecoratorContext<any, any>,
  ): Validated<F, V>;
  <F extends AnyFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<F> & FitsMethod<F, K, T>,
  ): TypedPropertyDescriptor<F>;
}

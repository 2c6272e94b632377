import type { Backend, BackendEntry, BackendOptions } from './backend.js';

/** What takes or answers with bytes. */
const NAMES = ['get', 'getMany', 'getNow', 'set', 'setMany', 'setIfUnchanged', 'delete', 'replace'] as const;

type Methods = Pick<Backend, (typeof NAMES)[number]>;
type Now = (cacheKey: string) => BackendEntry | undefined;

interface Marked {
  readonly methods: Methods;
  readonly lendNow: Now | undefined;
}

const marked = new WeakMap<Backend, Marked>();

/** What takes or answers with bytes in a class, as it is when the class is defined: somebody may put another method in its place later. */
export function methodsOf({ prototype }: { readonly prototype: Backend }): Methods {
  return Object.fromEntries(NAMES.map((name) => [name, prototype[name]])) as unknown as Methods;
}

/**
 * Says that what this backend answers with is memory that only its caller has, and that it only reads what it is given, as
 * long as these are its methods.
 *
 * @param lendNow as its `getNow`, for a cache, which moves no memory to where it is freed.
 */
export function markPrivate(backend: Backend, methods: Methods, lendNow?: Now): void {
  marked.set(backend, { methods, lendNow });
}

/**
 * Whether nobody else can take away or change what a backend answers with, or is given. For all others, what is opened by
 * another thread, or kept, has to be copied first: to read memory that was moved to a worker meanwhile ends the process.
 */
export function isPrivate(backend: Backend): boolean {
  const methods = marked.get(backend)?.methods;
  return methods !== undefined && NAMES.every((name) => backend[name] === methods[name]);
}

/**
 * Whether `setIfUnchanged` does what this backend's `set` and `get` do. One of this package's whose `set` somebody has replaced,
 * as a class that extends it, knows nothing of the other way to store.
 */
export function storesAlike(backend: Backend): boolean {
  const methods = marked.get(backend)?.methods;
  if (methods === undefined || backend.setIfUnchanged !== methods.setIfUnchanged) return true;
  return backend.set === methods.set && backend.get === methods.get;
}

/** How a cache reads from a store that need not wait. */
export function nowOf(backend: Backend): Now | undefined {
  return (isPrivate(backend) ? marked.get(backend)?.lendNow : undefined) ?? backend.getNow?.bind(backend);
}

/** In the options of a call that a cache makes: nobody else has it. */
const CACHE = Symbol('by a cache');

/** Put among the options of a call to a private backend. */
export const BY_CACHE: Readonly<BackendOptions> = Object.freeze({ [CACHE]: true } as object);

/** Whether a cache makes this call, which has a time limit of its own. */
export function isByCache(options: object | undefined): boolean {
  return options !== undefined && CACHE in options;
}

/** From here on, in bytes, another thread may be reading what a cache has. */
const READ_LATER_FROM = 1024 * 1024;

/** Whether memory of this length may be shared with whoever makes a call: anybody but a cache may move it to where it is freed. */
export function mayShare(length: number, options: object | undefined): boolean {
  return length < READ_LATER_FROM || isByCache(options);
}

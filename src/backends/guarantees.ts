import type { Backend, BackendEntry } from './backend.js';

/*
 * What a cache asks of a backend of this package, and cannot ask of others: as long as its methods are those of its class.
 */

/** What takes or answers with bytes. */
const WITH_BYTES = ['get', 'getMany', 'getNow', 'set', 'setMany', 'setIfUnchanged', 'delete', 'replace'] as const;
const WITHOUT_BYTES = ['deleteMany', 'has', 'expire', 'changedSince', 'lock'] as const;
const NAMES = [...WITH_BYTES, ...WITHOUT_BYTES];

type GuaranteedMethod = (typeof NAMES)[number];
type Methods = Pick<Backend, GuaranteedMethod>;
type Now = (cacheKey: string) => BackendEntry | undefined;

export interface Guarantees {
  /**
   * What the backend answers with is memory that only its caller has, and what it is given it only reads. For all others, what is
   * opened by another thread, or kept, has to be copied first: to read memory that was moved to a worker ends the process.
   */
  readonly private: boolean;
  /** The longest that a call of a method takes, in milliseconds; of one of `limited` where not of all. */
  readonly limitMs: number;
  readonly limited?: readonly GuaranteedMethod[];
  /**
   * Absent: to ask for entries one by one is as good as to ask for many at once. Otherwise it throws when a tick would not come,
   * at whose end what was asked during it is sent.
   */
  readonly beforeTick?: () => void;
  /** As its `getNow`, for a cache, which moves no memory to where it is freed. */
  readonly lendNow?: Now;
}

const guaranteed = new WeakMap<Backend, Guarantees & { readonly methods: Methods }>();

/** The methods of a class as they are when it is defined: another may be put in the place of one later. */
export function methodsOf({ prototype }: { readonly prototype: Backend }): Methods {
  return Object.fromEntries(NAMES.map((name) => [name, prototype[name]])) as unknown as Methods;
}

export function guarantee(backend: Backend, methods: Methods, guarantees: Guarantees): void {
  guaranteed.set(backend, { ...guarantees, methods });
}

export function isPrivate(backend: Backend): boolean {
  const given = guaranteed.get(backend);
  return given?.private === true && WITH_BYTES.every((name) => backend[name] === given.methods[name]);
}

/** Whether each call of a method ends within so many milliseconds without a time limit of its caller's. */
export function endsWithin(backend: Backend, name: keyof Backend, ms: number): boolean {
  const given = guaranteed.get(backend);
  if (given === undefined || given.limitMs > ms) return false;
  return (given.limited ?? NAMES).some((one) => one === name && backend[one] === given.methods[one]);
}

/**
 * Whether `setIfUnchanged` does what this backend's `set` and `get` do. One of this package's whose `set` was replaced, as by a
 * class that extends it, knows nothing of the other way to store.
 */
export function storesAlike(backend: Backend): boolean {
  const given = guaranteed.get(backend);
  if (!given?.private || backend.setIfUnchanged !== given.methods.setIfUnchanged) return true;
  return backend.set === given.methods.set && backend.get === given.methods.get;
}

/** What to call before reads are gathered until the end of a tick; undefined: they need not be. */
export function gatheringOf(backend: Backend): (() => void) | undefined {
  const given = guaranteed.get(backend);
  const { get, getMany } = backend;
  return get === given?.methods.get && getMany === given.methods.getMany ? given.beforeTick : undefined;
}

/** How a cache reads from a store that need not wait. */
export function nowOf(backend: Backend): Now | undefined {
  return (isPrivate(backend) ? guaranteed.get(backend)?.lendNow : undefined) ?? backend.getNow?.bind(backend);
}

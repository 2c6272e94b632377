import type { Backend } from './backend.js';

type Reads = Pick<Backend, 'get' | 'getMany' | 'getNow'>;

const reads = new WeakMap<Backend, Reads>();

/** What reads in a class, as it is when the class is defined: somebody may put another method in its place later. */
export function readsOf({ prototype: { get, getMany, getNow } }: { readonly prototype: Backend }): Reads {
  return { get, getMany, getNow };
}

/** Says that what this backend answers with is memory that only its caller has, as long as it reads with these methods. */
export function markPrivate(backend: Backend, methods: Reads): void {
  reads.set(backend, methods);
}

/**
 * Whether nobody else can take away or change what a backend answers with. Of all others, what is opened by another thread,
 * or kept, has to be copied first: to read memory that was moved to a worker meanwhile ends the process.
 */
export function answersPrivately(backend: Backend): boolean {
  const methods = reads.get(backend);
  return (
    methods !== undefined &&
    backend.get === methods.get &&
    backend.getMany === methods.getMany &&
    backend.getNow === methods.getNow
  );
}

import { types } from 'node:util';
import type { Backend, BackendLock, BackendTagOptions } from '../../backends/backend.js';
import { endsWithin, isPrivate, storesAlike } from '../../backends/guarantees.js';
import { copyOf, isDetached, kindOf } from '../../util/bytes.js';
import { LruMap } from '../../util/lru-map.js';
import { Guard, type GuardSettings } from './guard.js';
import { invalidateInSteps, listInSteps } from './stepwise-operations.js';

const { isUint8Array } = types;

/** Time limits and retries of functions and calls, of which this is kept. */
const MOST_VARIANTS = 100;

/** What may be done twice without harm. */
const REPEATABLE = [
  'get',
  'set',
  'delete',
  'getMany',
  'setMany',
  'deleteMany',
  'has',
  'expire',
  'changedSince',
  'isTagged',
  // The answer to the first attempt may be lost: the second then finds the entry changed, by the first.
  'setIfUnchanged',
] as const;

/**
 * A backend whose operations end in time, are retried, and are refused while the store fails. Backends of others get copies of
 * memory, which they may change. @throws BackendError, TimeoutError, the signal's reason, or what the backend throws.
 */
export function guarded(backend: Backend, settings: GuardSettings): Backend {
  return guardedBy(new Guard(settings), backend, settings);
}

/** The same backend under several time limits and numbers of retries, with one circuit breaker for all. */
export class GuardedBackends {
  readonly own: Backend;
  readonly #backend: Backend;
  readonly #settings: GuardSettings;
  readonly #guard: Guard;
  readonly #others = new LruMap<Backend>(MOST_VARIANTS);

  constructor(backend: Backend, settings: GuardSettings) {
    this.#backend = backend;
    this.#settings = settings;
    this.#guard = new Guard(settings);
    this.own = guardedBy(this.#guard, backend, settings);
  }

  with(own: Pick<GuardSettings, 'timeoutMs' | 'retries'>): Backend {
    const name = `${own.timeoutMs} ${own.retries}`;
    let other = this.#others.get(name);
    if (other === undefined) {
      const settings = { ...this.#settings, ...own };
      other = guardedBy(new Guard(settings, this.#guard), this.#backend, settings);
      this.#others.set(name, other);
    }
    return other;
  }
}

function guardedBy(guard: Guard, backend: Backend, settings: GuardSettings): Backend {
  const methods: Record<string, unknown> = {};
  // In each attempt: what was given in the one before may be changed, or gone.
  const given = isPrivate(backend) ? (args: unknown[]) => args : ownArguments;
  /** A backend that ends a call in time itself is timed once. */
  const isTimed = (name: keyof Backend) => !endsWithin(backend, name, settings.timeoutMs);
  for (const name of [...REPEATABLE, 'replace'] as const) {
    const method = backend[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (method === undefined || (name === 'setIfUnchanged' && !storesAlike(backend))) continue;
    const timed = isTimed(name);
    methods[name] = (...args: unknown[]) =>
      guard.run(() => method.apply(backend, given(args)), name !== 'replace', timed);
  }
  const { lock } = backend;
  if (lock !== undefined) {
    const timed = isTimed('lock');
    methods.lock = async (...args: Parameters<typeof lock>) => {
      const taken = await guard.run(() => lock.apply(backend, given(args) as typeof args), false, timed);
      return taken ? guardedLock(taken, guard) : undefined;
    };
  }
  const { invalidateTags } = backend;
  if (invalidateTags !== undefined) {
    const own = (...args: Parameters<typeof invalidateTags>) =>
      invalidateTags.apply(backend, given(args) as typeof args);
    methods.invalidateTags = (tags: readonly string[], options?: BackendTagOptions) =>
      invalidateInSteps(own, settings.timeoutMs, tags, options, (attempt) => guard.run(attempt, true, false));
  }
  if (backend.remembersMs !== undefined) methods.remembersMs = checkedMs(backend.remembersMs);
  if (backend.keys !== undefined) {
    methods.keys = (...args: Parameters<NonNullable<Backend['keys']>>) =>
      listInSteps(
        () => backend.keys?.(...args),
        (step) => guard.run(step, false),
      );
  }
  return methods as unknown as Backend;
}

/** @throws TypeError, RangeError for what is no time to be remembered. */
function checkedMs(remembersMs: unknown): number {
  if (typeof remembersMs !== 'number') {
    throw new TypeError(`remembersMs of the backend must be a number, not ${kindOf(remembersMs)}`);
  }
  if (!(remembersMs > 0)) throw new RangeError('remembersMs of the backend must be over 0');
  return remembersMs;
}

function guardedLock(lock: BackendLock, guard: Guard): BackendLock {
  return {
    extend: (leaseMs) => guard.run(() => lock.extend(leaseMs), false),
    release: () => lock.release(),
    ...(lock.held && { held: () => guard.run(async () => lock.held?.() ?? false, false) }),
  };
}

/** Arguments with which a backend of others can do what it likes. */
function ownArguments(args: readonly unknown[]): unknown[] {
  return args.map(ownArgument);
}

function ownArgument(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  // Bytes that the backend has answered with may be detached by now; it compares them with what it has.
  if (isUint8Array(argument)) return isDetached(argument) ? argument : copyOf(argument);
  if (Array.isArray(argument)) return argument.map(ownArgument);
  // A signal is what it is.
  if (Object.getPrototypeOf(argument) !== Object.prototype) return argument;
  const own = {};
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(argument))) {
    // A getter, as of a time, answers for when it is asked.
    Object.defineProperty(
      own,
      name,
      'value' in property ? { ...property, value: ownArgument(property.value) } : property,
    );
  }
  return own;
}

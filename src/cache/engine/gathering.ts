import { append } from '../../util/own-property.js';
import type { EntryRef } from './entry-ref.js';
import type { Found } from './found.js';
import type { Invalidations } from './invalidations.js';
import type { Watch } from './single-flight.js';

/** The answer of a read that found nothing fresh while the entry was changed: it says nothing of what is stored now. */
export const UNSURE: unique symbol = Symbol('unsure');

/** An entry that does not open is one without a value. */
export type Answer = Found | undefined | typeof UNSURE;

/** What becomes of an answer. */
export type Take<R> = (answer: Answer, ref: EntryRef) => R | Promise<R>;

/** What is asked for in one tick, of one tenant. Each entry is asked for once. */
export class Gathering {
  readonly tenantId: string | undefined;
  readonly #byKey = new Map<string, Caller[]>();
  #callers: readonly Caller[][] = [];
  /** Of what was sent and has no answer. */
  #open: { readonly watch: Watch; readonly tick: number } | undefined;

  constructor(tenantId: string | undefined) {
    this.tenantId = tenantId;
  }

  get size(): number {
    return this.#byKey.size;
  }

  has({ cacheKey, tenantId }: EntryRef): boolean {
    return tenantId === this.tenantId && this.#byKey.has(cacheKey);
  }

  add<R>(ref: EntryRef, take: Take<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      const caller: Caller = { ref, take, resolve: resolve as Caller['resolve'], reject };
      const callers = this.#byKey.get(ref.cacheKey);
      if (callers === undefined) this.#byKey.set(ref.cacheKey, [caller]);
      else append(callers, caller);
    });
  }

  /** What to ask for. No more entries are added from now on, but callers still are. */
  begin(watch: Watch, tick: number): readonly EntryRef[] {
    this.#open = { watch, tick };
    this.#callers = Array.from(this.#byKey.values());
    return this.#callers.map(([first]) => (first as Caller).ref);
  }

  /** Whether an entry is being read, and neither has it changed nor any tag been invalidated since that began. */
  answers(ref: EntryRef, { tick }: Invalidations): boolean {
    const open = this.#open;
    return open !== undefined && open.tick === tick && this.has(ref) && !open.watch.has(ref.cacheKey);
  }

  readonly answer = (i: number, _ref: EntryRef, answer: Answer | Promise<Answer>): void => {
    this.#open = undefined;
    for (const { ref, take, resolve, reject } of this.#callers[i] as Caller[]) {
      try {
        resolve(answer instanceof Promise ? answer.then((found) => take(found, ref)) : take(answer, ref));
      } catch (error) {
        reject(error);
      }
    }
  };

  readonly fail = (error: unknown): void => {
    this.#open = undefined;
    for (const callers of this.#callers) for (const { reject } of callers) reject(error);
  };
}

interface Caller {
  readonly ref: EntryRef;
  readonly take: Take<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

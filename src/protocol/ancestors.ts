import { MAX_CONTAINERS, MAX_DEPTH } from './limits.js';
import { Refusal, tooLarge } from './refusal.js';

/** The depth from which on {@link Ancestors.enter} is called: most values have few levels, and pay nothing. */
export const NOTED_FROM = 3;

/** Every so many levels a container is compared with all around it, elsewhere with a few: short cycles are the usual ones. */
const LEVELS = 16;
const NEAREST = 4;

/**
 * The containers around what is being written, which tell a cycle long before its depth would. A container is noted when another
 * in it is met, from the second level on, because noting costs as much as writing some fields.
 */
export class Ancestors {
  /** By depth, which begins at 1. */
  private readonly around: (object | undefined)[] = [undefined, undefined];
  /** How many were entered: most documents have none, and need no {@link clear}. */
  entered = 0;

  /** @param deepest the depth of the deepest container: less than the limit where what is written lies in another. */
  constructor(private readonly deepest = MAX_DEPTH) {}

  /**
   * Before the content of `container`, which lies in `parent`, at least at {@link NOTED_FROM}, is written.
   *
   * @throws Refusal when it is inside itself, lies too deep, or is one too many. A cycle of more than four containers may
   *   have been followed for sixteen levels by then.
   */
  enter(container: object, depth: number, parent: object | undefined): void {
    if (++this.entered > MAX_CONTAINERS) throw tooLarge(`A value is limited to ${MAX_CONTAINERS} arrays and objects`);
    const { around } = this;
    if (around[depth - 1] !== parent) around[depth - 1] = parent;
    const last = depth % LEVELS === 0 || depth <= NEAREST ? 2 : depth - NEAREST;
    for (let i = depth - 1; i >= last; i--) if (around[i] === container) throw new Refusal('a cyclic value');
    if (depth > this.deepest) throw new Refusal(`a value nested deeper than ${MAX_DEPTH} levels`);
  }

  /** After a document in which something was entered: values are not kept longer than it takes to write them. */
  clear(): void {
    this.entered = 0;
    const { around } = this;
    for (let i = 2; around[i] !== undefined; i++) around[i] = undefined;
  }
}

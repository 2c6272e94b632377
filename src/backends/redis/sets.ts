import type { CheckedItem } from '../arguments.js';
import { assertDone, type RedisCommands, setCommand } from './commands.js';

/** So many sets are sent without waiting for the tick's end: the server stores them while the next ones are sealed. */
const MAX_SETS = 32;

/** Stores many in one step: whether it did; undefined where that is of no use. */
export type SetTogether = (commands: RedisCommands, items: readonly CheckedItem[]) => Promise<boolean> | undefined;

/** A caller's set. */
export interface WaitingSet {
  readonly item: CheckedItem;
  readonly waiter: {
    readonly settled: boolean;
    resolve(value: undefined): void;
    reject(reason: unknown): void;
  };
}

/** Sets of one tick with nothing between them. Each has an answer of its own. */
export class Sets {
  readonly #all: WaitingSet[];

  constructor(...all: WaitingSet[]) {
    this.#all = all;
  }

  get areMany(): boolean {
    return this.#all.length >= MAX_SETS;
  }

  add(item: CheckedItem, waiter: WaitingSet['waiter']): void {
    this.#all.push({ item, waiter });
  }

  /** @param answered called when the server has answered. @param failure what to reject with. */
  send(
    commands: RedisCommands,
    together: SetTogether,
    answered: () => void,
    failure: (error: unknown) => unknown,
  ): void {
    const wanted = this.#all.filter(({ waiter }) => !waiter.settled);
    const each = () => sendEach(commands, wanted, answered, failure);
    const stored = together(
      commands,
      wanted.map(({ item }) => item),
    );
    if (stored === undefined) {
      each();
      return;
    }
    stored.then(
      (done) => {
        answered();
        if (done) for (const { waiter } of wanted) waiter.resolve(undefined);
        else each();
      },
      (error) => {
        for (const { waiter } of wanted) waiter.reject(failure(error));
      },
    );
  }

  reject(reason: unknown): void {
    for (const { waiter } of this.#all) waiter.reject(reason);
  }
}

function sendEach(
  commands: RedisCommands,
  sets: readonly WaitingSet[],
  answered: () => void,
  failure: (error: unknown) => unknown,
): void {
  commands.together(() => {
    for (const { item, waiter } of sets) {
      commands
        .send(setCommand(item))
        .then((reply) => {
          answered();
          assertDone(reply);
          waiter.resolve(undefined);
        })
        .catch((error) => waiter.reject(failure(error)));
    }
  });
}

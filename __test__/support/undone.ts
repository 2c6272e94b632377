import { once } from 'node:events';

/** A function that waits: `begun` resolves when it runs, and it ends with what `end` is called with. */
export function held<V>(): {
  readonly begun: Promise<void>;
  readonly end: (value: V) => void;
  readonly run: () => Promise<V>;
} {
  const events = new EventTarget();
  const begun = once(events as never, 'begun').then(() => undefined);
  let end: (value: V) => void = () => undefined;
  const ended = new Promise<V>((resolve) => {
    end = resolve;
  });
  return {
    begun,
    end,
    run: () => {
      events.dispatchEvent(new Event('begun'));
      return ended;
    },
  };
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { TimeoutError } from '../../errors.js';
import { allowManyListeners } from '../../util/realms.js';
import { clearTimeout, setTimeout } from '../../util/timers.js';

/** The signal of one run, made when the function asks for it. */
class RunSignal {
  #controller: AbortController | undefined;
  #reason: TimeoutError | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      allowManyListeners(this.#controller.signal);
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  fire(reason: TimeoutError): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

const running = new AsyncLocalStorage<RunSignal | undefined>();

/** The signal of the run that this is called in; undefined outside of one, and where `timeout.signal` is off. */
export function currentSignal(): AbortSignal | undefined {
  return running.getStore()?.signal;
}

/** Runs `load`, and `began` first. @throws TimeoutError after `ms`: then its signal fires, and what `load` returns is ignored. */
export async function withSignal<T>(ms: number, began: () => void, load: () => Promise<T>): Promise<T> {
  const own = new RunSignal();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    // Callers that wait have timers that keep the process alive; a background run need not.
    timer = setTimeout(() => {
      const error = new TimeoutError(`The function took longer than ${ms} ms`);
      reject(error);
      // Its listeners belong to the run, and may ask for the signal too.
      running.run(own, () => own.fire(error));
    }, ms).unref();
  });
  began();
  try {
    return await Promise.race([running.run(own, load), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `load`, which has no signal, even where the function around it has one. */
export function withoutSignal<T>(load: () => T): T {
  return running.getStore() === undefined ? load() : running.run(undefined, load);
}

/** What emits `error` events: a store for Keyv, or a Keyv instance. */
interface Emitter {
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
}

type Listener = (error: unknown) => void;

interface Relay {
  readonly listeners: Set<Listener>;
  readonly relay: Listener;
}

// One listener for each emitter, however many want to hear of its errors: Node warns of a leak at the eleventh.
const relays = new WeakMap<Emitter, Relay>();

/** Calls `listener` with each error that `emitter` reports as an event; nothing for what emits none. */
export function listenToErrors(emitter: Emitter, listener: Listener): void {
  if (typeof emitter.on !== 'function') return;
  let relay = relays.get(emitter);
  if (relay === undefined) {
    relay = relayTo(new Set());
    relays.set(emitter, relay);
    emitter.on('error', relay.relay);
  }
  relay.listeners.add(listener);
}

/** Undoes {@link listenToErrors}. The last one that leaves takes the listener of the emitter along. */
export function ignoreErrors(emitter: Emitter, listener: Listener): void {
  const relay = relays.get(emitter);
  if (!relay?.listeners.delete(listener) || relay.listeners.size > 0) return;
  if (typeof emitter.off !== 'function') return;
  relays.delete(emitter);
  emitter.off('error', relay.relay);
}

/** A listener that throws, as Keyv does without listeners, takes the event from none of the others. */
function relayTo(listeners: Set<Listener>): Relay {
  const relay = (error: unknown): void => {
    const thrown: unknown[] = [];
    for (const listener of [...listeners]) {
      try {
        listener(error);
      } catch (reason) {
        thrown.push(reason);
      }
    }
    if (thrown.length > 0) throw thrown[0];
  };
  return { listeners, relay };
}

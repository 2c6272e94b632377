/**
 * Carries messages between processes that share a store, so that copies in memory end when another process changes an entry.
 * `redisBus` makes one of a Redis client; any system that reaches every process will do.
 *
 * A message is text of at most 1 MiB. It names cache keys and tags, unless the cache has `privateKeys`: then it is sealed. Its form
 * is no part of the public API. Whoever can send messages can end copies, and nothing else.
 */
export interface InvalidationBus {
  /** Sends a message to the listeners of every process; those of this one may get it or not. Rejects when it may not have been sent. */
  publish(message: string): Promise<unknown>;
  /**
   * Calls `listener` with each message, in whatever order and however often, and with `undefined` when messages may have been missed.
   * Returns what ends it.
   *
   * `state` is called with `false`, and with the error once it is known, while messages do not arrive, and with `true` when they do
   * again. Without any call they do.
   */
  subscribe(
    listener: (message: string | undefined) => void,
    state?: (told: boolean, error?: unknown) => void,
  ): () => void;
}

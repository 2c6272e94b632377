import { clearInterval, setImmediate, setInterval } from '../../util/timers.js';

/** Between two questions, and the longest that one may stay without an answer. */
const PING_MS = 2_000;

/**
 * Asks again and again whether a connection is alive on which nothing else is sent. A firewall may drop it without telling
 * either side.
 *
 * @param lost called once, when an answer is missing: at most `2 * PING_MS` after the connection died.
 * @returns what ends it.
 */
export function keepAsking(ping: () => Promise<unknown>, lost: () => void): () => void {
  let waiting = false;
  const fail = () => {
    stop();
    lost();
  };
  const ask = () => {
    if (waiting) {
      // An answer that has arrived while the event loop was held up is read first.
      setImmediate(() => waiting && fail());
      return;
    }
    waiting = true;
    ping().then(() => {
      waiting = false;
    }, fail);
  };
  const timer = setInterval(ask, PING_MS).unref();
  const stop = () => {
    waiting = false;
    clearInterval(timer);
  };
  return stop;
}

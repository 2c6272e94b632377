import { KeyError } from '../errors.js';
import { latest, now } from '../util/clock.js';
import { type HeldKey, MAX_OPEN_ONLY } from './held-key.js';

export function tooMany(): KeyError {
  return new KeyError(`At most ${MAX_OPEN_ONLY} keys are held besides the current one`);
}

export function repeated(name: string): KeyError {
  return new KeyError(`${name} is held already`);
}

/** Wipes a key that will not be held, on the way to throwing `error`. */
export function discard(key: HeldKey, error: KeyError): KeyError {
  key.destroy();
  return error;
}

/** @throws KeyError when one of the keys was used within `window` milliseconds, or a keyring that begun later cannot know. */
export function assertUnused(keys: readonly HeldKey[], window: number, begun: number): void {
  if (window === 0) return;
  const since = now() - window;
  if (keys.some((key) => latest(key.lastUsed) >= since)) {
    throw new KeyError('A previous key was still in use within that time');
  }
  if (begun > since) {
    throw new KeyError('This keyring is younger than that time, and does not know whether a previous key was in use');
  }
}

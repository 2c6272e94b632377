import { KeyError } from '../errors.js';
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

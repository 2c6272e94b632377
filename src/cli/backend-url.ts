import { UsageError } from './usage-error.js';

export const BACKEND_USAGE = `
  backend        its URL: redis://host:6379/0, rediss://…, redis+cluster://…, redis+sentinel://…/name,
                 unix:/path, lmdb:dir, file:dir
                 (default: CACHEKIT_BACKEND, which a URL with a password must come from)
`.slice(1, -1);

export const KEYS_USAGE = `
CACHEKIT_MASTER_KEY holds the current key, CACHEKIT_PREVIOUS_MASTER_KEYS those before it, newest
first, separated by commas.
`.trim();

/** The URL of a backend, of the command line or else of the environment. @throws UsageError for none, and for a password that others can see. */
export function backendUrl(given: string | undefined): string {
  if (given !== undefined) {
    // Arguments are in the list of processes for every user of the machine.
    if (hasPassword(given)) throw new UsageError('a URL with a password must be in CACHEKIT_BACKEND, not an argument');
    return given;
  }
  const fromEnvironment = process.env.CACHEKIT_BACKEND;
  if (fromEnvironment === undefined || fromEnvironment === '') {
    throw new UsageError('the backend is missing: pass its URL, or set CACHEKIT_BACKEND');
  }
  return fromEnvironment;
}

/** As {@link backendUrl} of a command's only argument; undefined: there is none. @throws UsageError. */
export function optionalBackendUrl([given, ...others]: readonly string[]): string | undefined {
  if (others.length > 0) throw new UsageError('too many arguments');
  return given === undefined && !process.env.CACHEKIT_BACKEND ? undefined : backendUrl(given);
}

function hasPassword(url: string): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1] ?? '';
  return /:[^@]+@/.test(authority) || /[?&]sentinelPassword=/i.test(url);
}

import { join } from 'node:path';

/**
 * Where this package keeps what is no entry: its guards, and what was deleted when. The SDK for Python leaves alone what
 * begins with a dot.
 */
export function stateDirectory(directory: string): string {
  return join(directory, '.cachekit');
}

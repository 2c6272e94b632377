import type { Backend } from '../../backends/backend.js';
import { ConfigurationError } from '../../errors.js';

/** @throws ConfigurationError for tags that the backend would forget. */
export function assertCanTag(backend: Pick<Backend, 'invalidateTags'> | undefined, tags: unknown): void {
  if (tags !== undefined && backend !== undefined && backend.invalidateTags === undefined) {
    throw new ConfigurationError('This backend has no tags: it has no invalidateTags');
  }
}

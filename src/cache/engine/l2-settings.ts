import type { Backend, BackendOptions } from '../../backends/backend.js';
import type { Failures } from './failure-policy.js';
import type { PrivateNames } from './private-keys.js';
import type { Registry } from './registry.js';

export interface L2Settings {
  readonly backend: Backend;
  /** Whether what it answers with is memory of the caller's own. */
  readonly private: boolean;
  /** How the backend answers at once, if it can. */
  readonly getNow: Backend['getNow'];
  /** What to call before reads are gathered until the end of a tick; undefined: they are not. */
  readonly beforeTick: (() => void) | undefined;
  readonly options: BackendOptions;
  /** What stands for cache keys and tags in the backend; undefined: they themselves. */
  readonly names: PrivateNames | undefined;
  readonly registry: Registry | undefined;
  readonly failures: Failures;
}

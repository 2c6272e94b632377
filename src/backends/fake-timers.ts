import { ConfigurationError } from '../errors.js';

/** What a library waits for before it sends, connects or commits. */
const NEEDED = {
  ioredis: 'process.nextTick',
  redis: 'setImmediate',
  lmdb: 'setImmediate',
  'node:http': 'process.nextTick',
} as const;

/**
 * Fake timers may hold what a library needs, and then every operation would wait for its time limit.
 *
 * @throws ConfigurationError that names it: the store is not at fault.
 */
export function assertNotHeld(library: keyof typeof NEEDED): void {
  const needed = NEEDED[library];
  if (!isFake(needed === 'setImmediate' ? globalThis.setImmediate : process.nextTick)) return;
  throw new ConfigurationError(`Fake timers hold ${needed}, which ${library} needs: leave it out of what they fake`);
}

/** Those of sinon, Jest and Vitest have a property `clock`, that of node:test is a private method. */
function isFake(method: ((...args: never[]) => unknown) & { clock?: unknown }): boolean {
  return method.clock !== undefined || method.name === 'bound #setImmediate';
}

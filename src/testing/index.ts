export type { BackendTraits } from './behaviour.js';
export { type BackendConformanceOptions, backendConformance, type ConformanceCase } from './conformance.js';
export { type FakeClock, fakeClock } from './fake-clock.js';
export { TEST_MASTER_KEY } from './master-key.js';
export { type CacheServer, type CacheServerOptions, startCacheServer } from './server.js';

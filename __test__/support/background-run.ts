import { cache } from '../../index.js';
import { fakeClock } from '../../src/testing/fake-clock.js';

/* A function that never returns runs in the background: the process must end by itself (3), not by the last timer (4). */
const clock = fakeClock();
let runs = 0;
const load = cache({ ttl: '1s', swr: '1h', timeout: { load: '1h', signal: true } })(() =>
  runs++ ? new Promise<number>(() => {}) : 1,
);
await load();
clock.advance(1_001);
await load();
process.once('beforeExit', () => process.exit(runs === 2 ? 3 : 5));
setTimeout(() => process.exit(4), 10_000).unref();

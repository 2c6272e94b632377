import { createRequire } from 'node:module';
import type { Keyv as Keyv6 } from 'keyv';

const require = createRequire(import.meta.url);
// The version that cacheable and cache-manager bring along.
const { Keyv } = createRequire(require.resolve('cacheable'))('keyv');

export const Keyv5: new (options?: object) => Keyv6 = Keyv;

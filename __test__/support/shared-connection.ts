import { cache, createCache } from '../../index.js';

/* Caches and functions on one URL, closed as far as they can be: the process must end by itself. Prints what was read. */
const [url] = process.argv.slice(2) as [string];
const caches = Array.from({ length: 3 }, (_, i) => createCache({ namespace: `n${i}`, backend: url }));
const double = cache({ namespace: 'f', operation: 'double', backend: url })(async (n: number) => 2 * n);
for (const [i, each] of caches.entries()) await each.set('k', i);
const read = await Promise.all([...caches.map((each) => each.get('k')), double(2)]);
for (const each of caches) await each.close();
console.log(read.join(), await double(2));

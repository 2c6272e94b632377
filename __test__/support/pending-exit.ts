import { Sealer } from '../../index.js';

/* Ends while a hundred seals are on the pool or wait for it. */
const sealer = new Sealer(Buffer.alloc(32, 1), 't');
const plaintext = Buffer.alloc(1 << 20);
for (let i = 0; i < 100; i++) void sealer.sealAsync(plaintext, Buffer.alloc(0));
setTimeout(() => process.exit(7), 5);

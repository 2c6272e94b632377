import { EncryptionWrapper, Sealer } from '../../index.js';
import { ByteStorage, createAad } from '../../src/protocol/index.js';

/* Reads envelopes that claim far more than they hold, and says how much the process has grown by it. */

const checksum = '9800000000000000ff'.replace('ff', '00');
const claims = ['ce20000000', 'ce1fffffff', 'ceffffffff', 'cf0000000100000000'];
const bombs = claims.flatMap((size) => [
  Buffer.from(`94c40cb068656c6c6f20776f726c64${checksum}${size}a76d73677061636b`, 'hex'),
  // A bin32 and an array32 that declare 4 GiB.
  Buffer.from(`94c6ffffffffb068656c6c6f${checksum}${size}a0`, 'hex'),
  Buffer.from(`94ddffffffffb068656c6c6f${checksum}${size}a0`, 'hex'),
]);

const masterKey = Buffer.alloc(32, 5);
const sealer = new Sealer(masterKey, 'default');
const wrapper = new EncryptionWrapper({ masterKey });
const aad = createAad({ tenantId: 'default', cacheKey: 'k', format: 'msgpack', compressed: true });
const sealed = bombs.map((bomb) => sealer.seal(bomb, aad));

let refused = 0;
const refuses = (read: () => unknown) => {
  try {
    read();
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_ENVELOPE') refused++;
  }
};
const readAll = () => {
  for (const bomb of bombs) refuses(() => ByteStorage.retrieve(bomb));
  for (const bytes of sealed) refuses(() => wrapper.deserialize(bytes, { cacheKey: 'k' }));
};

// What JavaScript needs for so many errors is there before anything is measured.
for (let round = 0; round < 100; round++) readAll();
refused = 0;
const before = process.resourceUsage().maxRSS;
for (let round = 0; round < 5; round++) readAll();
console.log(JSON.stringify({ grownKiB: process.resourceUsage().maxRSS - before, refused }));

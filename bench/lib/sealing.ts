import { randomBytes, randomFillSync } from 'node:crypto';
import type { Case } from './measure.js';
import { NodeCryptoSealer } from './node-crypto.js';
import { createAad, EncryptionWrapper, Sealer } from './product.js';
import { ringCase } from './ring.js';

const KiB = 1024;
const MiB = 1024 * KiB;
/** Those of the targets. */
export const SIZES = [64, 256, KiB, 16 * KiB, 256 * KiB, 4 * MiB, 64 * MiB] as const;

const OVERHEAD = 28;
const NONCE_LEN = 12;

/** Names of the candidates: figures are looked up by them. */
export const NAMES = {
  ring: 'ring alone, in place',
  ncSeal: 'node:crypto seal',
  ncOpen: 'node:crypto open',
  seal: 'seal',
  sealInto: 'sealInto',
  sealInPlace: 'sealInPlace',
  sealAsync: 'sealAsync',
  sealBatch: 'batch seal',
  open: 'open',
  openInto: 'openInto',
  thereAndBack: 'sealInPlace and openInPlace',
  openAsync: 'openAsync',
  openBatch: 'batch open',
} as const;

const aad = createAad({ tenantId: 'default', cacheKey: 'users:42:profile', format: 'msgpack', compressed: true });

/** Sealing and opening `size` bytes, everything with the same AAD, by every way there is. */
export function sealingCases(size: number): Case[] {
  const masterKey = randomBytes(32);
  const sealer = new Sealer(masterKey, 'default');
  const node = new NodeCryptoSealer(randomBytes(32));
  const plaintext = randomFillSync(Buffer.alloc(size));
  const out = Buffer.alloc(size + OVERHEAD);
  const inPlace = Buffer.alloc(size + OVERHEAD);
  plaintext.copy(inPlace, NONCE_LEN);
  const opened = Buffer.alloc(size);
  const sealed = sealer.seal(plaintext, aad);
  const sealedByNode = node.seal(plaintext, aad);
  return [
    ringCase(NAMES.ring, Buffer.from(plaintext), aad),
    { name: NAMES.ncSeal, run: () => node.seal(plaintext, aad) },
    { name: NAMES.ncOpen, run: () => node.open(sealedByNode, aad) },
    { name: NAMES.seal, run: () => sealer.seal(plaintext, aad) },
    { name: NAMES.sealInto, run: () => sealer.sealInto(out, plaintext, aad) },
    { name: NAMES.sealInPlace, run: () => sealer.sealInPlace(inPlace, size, aad) },
    { name: NAMES.open, run: () => sealer.open(sealed, aad) },
    { name: NAMES.openInto, run: () => sealer.openInto(opened, sealed, aad) },
  ];
}

/** What only the table of sizes shows. */
export function furtherCases(size: number): Case[] {
  const masterKey = randomBytes(32);
  const sealer = new Sealer(masterKey, 'default');
  const plaintext = randomFillSync(Buffer.alloc(size));
  const inPlace = Buffer.alloc(size + OVERHEAD);
  const sealed = sealer.seal(plaintext, aad);
  return [
    {
      name: NAMES.thereAndBack,
      run: () => {
        sealer.sealInPlace(inPlace, size, aad);
        return sealer.openInPlace(inPlace, aad);
      },
    },
    { name: NAMES.sealAsync, run: () => sealer.sealAsync(plaintext, aad), isAsync: true },
    { name: NAMES.openAsync, run: () => sealer.openAsync(sealed, aad), isAsync: true },
    ...batchCases(masterKey, plaintext),
  ];
}

const BATCH = 64;
const LARGEST_IN_BATCH = 256 * KiB;

/** A batch is the wrapper's; its serializer hands bytes through, so that sealing is all there is to do. */
function batchCases(masterKey: Uint8Array, plaintext: Buffer): Case[] {
  if (plaintext.length > LARGEST_IN_BATCH) return [];
  const bytes = {
    format: 'bytes',
    container: 'none' as const,
    serialize: (value: Uint8Array) => value,
    deserialize: (payload: Uint8Array) => payload,
  };
  const wrapper = new EncryptionWrapper({ masterKey, serializer: bytes });
  const values = Array.from({ length: BATCH }, (_, i) => ({ value: plaintext, cacheKey: `users:${i}:profile` }));
  const sealed = wrapper.serializeMany(values).map((item, i) => ({ sealed: item, cacheKey: `users:${i}:profile` }));
  const each = (name: string, run: () => unknown): Case => ({
    name,
    batch(count) {
      const batches = Math.ceil(count / BATCH);
      const start = process.hrtime.bigint();
      for (let i = 0; i < batches; i++) run();
      return (Number(process.hrtime.bigint() - start) * count) / (batches * BATCH);
    },
  });
  return [
    each(NAMES.sealBatch, () => wrapper.serializeMany(values)),
    each(NAMES.openBatch, () => wrapper.deserializeMany(sealed)),
  ];
}

/** Rounds and turns for a size: enough of them for a steady median, few enough to end. */
export function measureOptions(size: number, quick: boolean) {
  const rounds = size >= 64 * MiB ? 11 : size >= 4 * MiB ? 41 : 401;
  return { rounds: quick ? 5 : rounds, warmUpMs: quick || size >= 64 * MiB ? 20 : 60 };
}

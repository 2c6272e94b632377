import { EncryptionWrapper, Sealer, type Serializer } from '../../../index.js';
import { type AadParts, createAad, deriveTenantKeys } from '../../../src/protocol/index.js';
import { oracleDomainKey, oracleHeader, oracleOpen } from '../oracle.js';
import { assertBytesEqual, assertRefused, type Via } from './section.js';

/** A sealed value, what it is bound to, and what must come out. */
export interface Opening {
  masterKey: Uint8Array;
  tenantId: string;
  aad: Uint8Array;
  sealed: Uint8Array;
}

type Entry = [name: string, open: () => Promise<Uint8Array> | Uint8Array];

/** Every entry point that takes an AAD. */
function sealerEntries({ masterKey, tenantId, aad, sealed }: Opening): Entry[] {
  const withSealer = async <T>(work: (sealer: Sealer) => T | Promise<T>): Promise<T> => {
    using sealer = new Sealer(masterKey, tenantId);
    return await work(sealer);
  };
  return [
    ['oracle', () => oracleOpen(oracleDomainKey(masterKey, 'encryption', tenantId), sealed, aad)],
    ['oracle with deriveTenantKeys', () => oracleOpen(deriveTenantKeys(masterKey, tenantId).encryption, sealed, aad)],
    ['Sealer.open', () => withSealer((sealer) => sealer.open(sealed, aad))],
    ['Sealer.openAsync', () => withSealer((sealer) => sealer.openAsync(sealed, aad))],
    [
      'Sealer.openInto',
      () =>
        withSealer((sealer) => {
          const out = new Uint8Array(Math.max(0, sealed.length - 28) + 7).fill(0xee);
          return out.subarray(0, sealer.openInto(out, sealed, aad));
        }),
    ],
    ['Sealer.openInPlace', () => withSealer((sealer) => sealer.openInPlace(new Uint8Array(sealed), aad))],
  ];
}

/** A serializer whose payload is the value, bound as the row says. */
export function bytesSerializer(
  parts: Pick<AadParts, 'format' | 'compressed' | 'originalType'>,
  container: 'none' | 'envelope' | 'checksum' = 'none',
): Serializer<Uint8Array> {
  const { format, compressed, originalType } = parts;
  return {
    format,
    compressed,
    container,
    ...(originalType ? { originalType } : {}),
    serialize: (value) => value,
    deserialize: (payload) => new Uint8Array(payload),
  };
}

/** Every entry point of a wrapper, with and without a rotation header in front. */
export function wrapperEntries<T>(
  opening: Omit<Opening, 'aad'> & { cacheKey: string },
  serializer: Serializer<T>,
): [name: string, open: () => Promise<T> | T][] {
  const { masterKey, tenantId, cacheKey, sealed } = opening;
  const withWrapper = async (work: (wrapper: EncryptionWrapper<T>) => T | Promise<T>): Promise<T> => {
    using wrapper = new EncryptionWrapper<T>({ serializer, masterKey, tenantId });
    return await work(wrapper);
  };
  const header = oracleHeader(oracleDomainKey(masterKey, 'encryption', tenantId), tenantId, 0);
  const headed = Buffer.concat([header, sealed]);
  return [
    ['deserialize', () => withWrapper((wrapper) => wrapper.deserialize(sealed, { cacheKey }))],
    ['deserialize, header', () => withWrapper((wrapper) => wrapper.deserialize(headed, { cacheKey }))],
    ['deserializeAsync', () => withWrapper((wrapper) => wrapper.deserializeAsync(sealed, { cacheKey }))],
    ['deserializeAsync, header', () => withWrapper((wrapper) => wrapper.deserializeAsync(headed, { cacheKey }))],
    [
      'deserializeMany',
      () =>
        withWrapper((wrapper) => {
          const results = wrapper.deserializeMany([
            { sealed, cacheKey },
            { sealed: headed, cacheKey },
          ]);
          for (const result of results) if (!result.ok) throw result.error;
          const [first] = results;
          return (first as { ok: true; value: T }).value;
        }),
    ],
  ];
}

export async function opens(opening: Opening, plaintext: Uint8Array, via: Via): Promise<void> {
  for (const [name, open] of sealerEntries(opening)) {
    await via(name, async () => assertBytesEqual(await open(), plaintext));
  }
}

export async function opensFor(
  opening: Omit<Opening, 'aad'> & { cacheKey: string },
  parts: Pick<AadParts, 'format' | 'compressed' | 'originalType'>,
  plaintext: Uint8Array,
  via: Via,
): Promise<void> {
  const aad = createAad({ tenantId: opening.tenantId, cacheKey: opening.cacheKey, ...parts });
  await opens({ ...opening, aad }, plaintext, via);
  for (const [name, open] of wrapperEntries(opening, bytesSerializer(parts))) {
    await via(name, async () => assertBytesEqual(await open(), plaintext));
  }
}

export async function refusesFor(
  opening: Omit<Opening, 'aad'> & { cacheKey: string },
  parts: Pick<AadParts, 'format' | 'compressed' | 'originalType'>,
  via: Via,
): Promise<void> {
  const aad = createAad({ tenantId: opening.tenantId, cacheKey: opening.cacheKey, ...parts });
  for (const [name, open] of sealerEntries({ ...opening, aad })) {
    // The oracle throws node:crypto's error; it has to throw, whatever it says.
    const codes = name.startsWith('oracle') ? ['ERR_CRYPTO_INVALID_STATE', Error as never] : ['ERR_AUTHENTICATION'];
    await via(name, () => assertRefused(open, ...codes));
  }
  for (const [name, open] of wrapperEntries(opening, bytesSerializer(parts))) {
    await via(name, () => assertRefused(open, 'ERR_AUTHENTICATION'));
  }
}

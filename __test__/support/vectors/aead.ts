import assert from 'node:assert/strict';
import { EncryptionWrapper, Keyring } from '../../../index.js';
import { type AadParts, createAad } from '../../../src/protocol/index.js';
import { withEnvironment } from '../environment.js';
import { oracleAad, oracleOpen, oracleSeal } from '../oracle.js';
import { bytesSerializer, opens, opensFor, refusesFor } from './opening.js';
import { assertBytesEqual, hex, section, type Via, vectorFile } from './section.js';

interface PartsRow {
  cache_key: string;
  format: string;
  compressed: boolean;
  original_type?: string | null;
  aad_hex: string;
}
interface SealedRow extends PartsRow {
  ciphertext_hex: string;
  plaintext_hex: string;
}
interface GcmRow {
  master_key_hex: string;
  tenant_id: string;
  key_hex: string;
  plaintext_hex: string;
  aad_hex?: string;
  aad_repeat?: { utf8: string; times: number };
  ciphertext_hex: string;
}
interface CavpRow {
  id: string;
  key: string;
  iv: string;
  aad: string;
  pt: string;
  ct: string;
  tag: string;
  result: 'valid' | 'invalid';
}
interface EncryptionFile {
  master_key_hex: string;
  tenant_id: string;
  keyring: { tenant_id: string; entries: { id: string; master_key_hex: string }[] };
}

const peer = 'cachekit-peer.json';
const encryption = 'protocol/encryption.json';
const interop = 'protocol/interop-mode.json';
const main = vectorFile<EncryptionFile>(encryption);

const partsOf = ({ format, compressed, original_type }: PartsRow) => ({
  format,
  compressed,
  originalType: original_type,
});

async function aadMatches(row: PartsRow, tenantId: string, via: Via): Promise<void> {
  const parts: AadParts = { tenantId, cacheKey: row.cache_key, ...partsOf(row) };
  await via('oracle AAD', () => assertBytesEqual(oracleAad(parts), hex(row.aad_hex)));
  await via('createAad', () => assertBytesEqual(createAad(parts), hex(row.aad_hex)));
}

async function sealedRowOpens(row: SealedRow, masterKey: string, tenantId: string, via: Via): Promise<void> {
  await aadMatches(row, tenantId, via);
  const opening = { masterKey: hex(masterKey), tenantId, cacheKey: row.cache_key, sealed: hex(row.ciphertext_hex) };
  await opensFor(opening, partsOf(row), hex(row.plaintext_hex), via);
}

export const aeadSections = [
  section<CavpRow>('cavp_aes256_gcm_iv96_tag128.json', 'tests', 750, (row, via) =>
    // No public API takes an AES key or a nonce: the addon runs these in cargo test, here they vouch for the oracle.
    via('oracle', () => {
      const key = hex(row.key);
      const sealed = Buffer.concat([hex(row.iv), hex(row.ct), hex(row.tag)]);
      if (row.result === 'invalid') return assert.throws(() => oracleOpen(key, sealed, hex(row.aad)));
      assertBytesEqual(oracleSeal(key, hex(row.iv), hex(row.pt), hex(row.aad)), sealed);
      assertBytesEqual(oracleOpen(key, sealed, hex(row.aad)), hex(row.pt));
    }),
  ),

  section<PartsRow & { tenant_id: string }>(peer, 'aad', 26, (row, via) => aadMatches(row, row.tenant_id, via)),

  section<PartsRow & { tenant_id: string }>(interop, 'aad_vectors', 2, (row, via) =>
    aadMatches(row, row.tenant_id, via),
  ),

  section<GcmRow>(peer, 'aes_gcm', 49, async (row, via) => {
    const { aad_repeat: repeat } = row;
    const aad = repeat ? Buffer.from(repeat.utf8.repeat(repeat.times)) : hex(row.aad_hex as string);
    const sealed = hex(row.ciphertext_hex);
    await via('oracle seals the same bytes', () => {
      assertBytesEqual(oracleSeal(hex(row.key_hex), sealed.subarray(0, 12), hex(row.plaintext_hex), aad), sealed);
    });
    await opens(
      { masterKey: hex(row.master_key_hex), tenantId: row.tenant_id, aad, sealed },
      hex(row.plaintext_hex),
      via,
    );
  }),

  section<SealedRow>(encryption, 'vectors', 117, (row, via) =>
    sealedRowOpens(row, main.master_key_hex, main.tenant_id, via),
  ),

  section<PartsRow & { ciphertext_hex: string }>(encryption, 'aad_reject_vectors', 130, async (row, via) => {
    await aadMatches(row, main.tenant_id, via);
    const opening = {
      masterKey: hex(main.master_key_hex),
      tenantId: main.tenant_id,
      cacheKey: row.cache_key,
      sealed: hex(row.ciphertext_hex),
    };
    await refusesFor(opening, partsOf(row), via);
  }),

  section<SealedRow & { encrypted_with: string }>(encryption, 'keyring.vectors', 32, async (row, via) => {
    const { tenant_id: tenantId, entries } = main.keyring;
    const keyOf = (id: string) => entries.find((entry) => entry.id === id)?.master_key_hex as string;
    await sealedRowOpens(row, keyOf(row.encrypted_with), tenantId, via);
    for (const [masterKey, previousMasterKey] of [
      [keyOf('k1'), keyOf('k2')],
      [keyOf('k2'), keyOf('k1')],
    ] as [string, string][]) {
      await via('a keyring of both keys', () => {
        using keyring = new Keyring({ masterKey, previousMasterKeys: [previousMasterKey] });
        const wrapper = new EncryptionWrapper({ keyring, tenantId, serializer: bytesSerializer(partsOf(row)) });
        assertBytesEqual(
          wrapper.deserialize(hex(row.ciphertext_hex), { cacheKey: row.cache_key }),
          hex(row.plaintext_hex),
        );
      });
    }
    await via('environment', () =>
      withEnvironment({ CACHEKIT_MASTER_KEY: keyOf('k1'), CACHEKIT_PREVIOUS_MASTER_KEYS: keyOf('k2') }, () => {
        using wrapper = new EncryptionWrapper({ tenantId, serializer: bytesSerializer(partsOf(row)) });
        assertBytesEqual(
          wrapper.deserialize(hex(row.ciphertext_hex), { cacheKey: row.cache_key }),
          hex(row.plaintext_hex),
        );
      }),
    );
  }),

  section<SealedRow>(encryption, 'default_tenant.vectors', 14, async (row, via) => {
    await sealedRowOpens(row, main.master_key_hex, 'default', via);
    await via('no tenant given', () => {
      using wrapper = new EncryptionWrapper({ masterKey: main.master_key_hex, wire: 'interop' });
      assert.deepEqual(wrapper.deserialize(hex(row.ciphertext_hex), { cacheKey: row.cache_key }), {
        name: 'alice',
        age: 30,
      });
    });
  }),

  section<SealedRow & { master_key_hex: string; derived_key_fingerprint_hex: string }>(
    encryption,
    'master_key_input.accept_vectors',
    28,
    async (row, via) => {
      await sealedRowOpens(row, row.master_key_hex, 'default', via);
      await via('the hex string', () =>
        withEnvironment({ CACHEKIT_MASTER_KEY: row.master_key_hex, CACHEKIT_PREVIOUS_MASTER_KEYS: undefined }, () => {
          const serializer = bytesSerializer(partsOf(row));
          using wrapper = new EncryptionWrapper({ serializer, masterKey: row.master_key_hex });
          using fromEnvironment = new EncryptionWrapper({ serializer });
          for (const w of [wrapper, fromEnvironment]) {
            assertBytesEqual(
              w.deserialize(hex(row.ciphertext_hex), { cacheKey: row.cache_key }),
              hex(row.plaintext_hex),
            );
          }
        }),
      );
    },
  ),
];

import assert from 'node:assert/strict';
import { hkdfSync } from 'node:crypto';
import { EncryptionWrapper, Keyring, Sealer } from '../../../index.js';
import { deriveDomainKey, deriveTenantKeys, keyFingerprint } from '../../../src/protocol/index.js';
import { withEnvironment } from '../environment.js';
import { oracleDomainKey, oracleFingerprint } from '../oracle.js';
import { assertBytesEqual, assertRefused, hex, section } from './section.js';

interface DomainKeyRow {
  master_key_hex: string;
  domain: string;
  tenant_id?: string;
  tenant_hex?: string;
  key_hex: string;
}

interface TenantKeysRow {
  master_key_hex: string;
  tenant_id: string;
  encryption_fingerprint_hex: string;
  authentication_fingerprint_hex: string;
  encryption_key_hex: string;
  authentication_key_hex: string;
  cache_key_salt_hex: string;
}

interface KeyringRow {
  current_master_key_hex: string;
  decrypt_only_master_keys_hex: string[];
  verdict: 'accept' | 'reject';
}

const peer = 'cachekit-peer.json';
const encryption = 'protocol/encryption.json';

/** Every way in which a master key reaches the package. */
function keyEntryPoints(masterKey: string | Uint8Array): [string, () => Disposable][] {
  return [
    ['Sealer', () => new Sealer(masterKey, 'default')],
    ['Keyring', () => new Keyring({ masterKey })],
    ['Keyring, previous', () => new Keyring({ masterKey: '5a'.repeat(32), previousMasterKeys: [masterKey] })],
    ['EncryptionWrapper', () => new EncryptionWrapper({ masterKey })],
  ];
}

const fromEnvironment = (current: string, previous?: string) =>
  withEnvironment({ CACHEKIT_MASTER_KEY: current, CACHEKIT_PREVIOUS_MASTER_KEYS: previous }, () =>
    new Keyring().destroy(),
  );

export const keySections = [
  section<{ IKM: string; salt: string; info: string; L: string; OKM: string }>(
    'rfc5869_hkdf_sha256.json',
    'tests',
    3,
    // No public API takes a salt: the addon's HKDF runs these in cargo test, here they vouch for the oracle's.
    (row, via) =>
      via('node:crypto', () => {
        const { IKM, salt, info, L, OKM } = row;
        assertBytesEqual(Buffer.from(hkdfSync('sha256', hex(IKM), hex(salt), hex(info), Number(L))), hex(OKM));
      }),
  ),

  section<DomainKeyRow>(peer, 'derive_domain_key', 195, async (row, via) => {
    const masterKey = hex(row.master_key_hex);
    const tenant = row.tenant_hex === undefined ? Buffer.from(row.tenant_id as string) : hex(row.tenant_hex);
    const key = hex(row.key_hex);
    await via('oracle', () => assertBytesEqual(oracleDomainKey(masterKey, row.domain, tenant), key));
    await via('deriveDomainKey', () => assertBytesEqual(deriveDomainKey(masterKey, row.domain, tenant), key));
    const tenantId = row.tenant_id;
    if (tenantId === undefined) return;
    await via('deriveDomainKey, text', () => assertBytesEqual(deriveDomainKey(masterKey, row.domain, tenantId), key));
    const domains = { encryption: 'encryption', authentication: 'authentication', cache_keys: 'cacheKeys' } as const;
    const domain = domains[row.domain as keyof typeof domains];
    if (domain !== undefined) {
      await via('deriveTenantKeys', () => assertBytesEqual(deriveTenantKeys(masterKey, tenantId)[domain], key));
    }
    if (domain === 'encryption') {
      await via('Sealer', () => {
        using sealer = new Sealer(masterKey, tenantId);
        assert.equal(sealer.fingerprint, oracleFingerprint(key).toString('hex'));
      });
    }
  }),

  section<TenantKeysRow>(peer, 'tenant_keys', 16, async (row, via) => {
    const keys = () => deriveTenantKeys(hex(row.master_key_hex), row.tenant_id);
    await via('deriveTenantKeys', () => {
      assertBytesEqual(keys().encryption, hex(row.encryption_key_hex));
      assertBytesEqual(keys().authentication, hex(row.authentication_key_hex));
      assertBytesEqual(keys().cacheKeys, hex(row.cache_key_salt_hex));
    });
    await via('keyFingerprint', () => {
      assertBytesEqual(keyFingerprint(keys().encryption), hex(row.encryption_fingerprint_hex));
      assertBytesEqual(keyFingerprint(keys().authentication), hex(row.authentication_fingerprint_hex));
    });
  }),

  section(peer, 'cache_key', 0, () => assert.fail('every row is an exception')),

  section<{ key_hex: string; fingerprint_hex: string }>(peer, 'key_fingerprint', 10, async (row, via) => {
    await via('oracle', () => assertBytesEqual(oracleFingerprint(hex(row.key_hex)), hex(row.fingerprint_hex)));
    await via('keyFingerprint', () => assertBytesEqual(keyFingerprint(hex(row.key_hex)), hex(row.fingerprint_hex)));
  }),

  section<{ id: string; master_key_hex: string; derived_key_fingerprint_hex: string }>(
    encryption,
    'keyring.entries',
    2,
    (row, via) =>
      via('Sealer', () => {
        using sealer = new Sealer(row.master_key_hex, 'keyring-conformance');
        assert.equal(sealer.fingerprint, row.derived_key_fingerprint_hex);
      }),
  ),

  section<KeyringRow>(encryption, 'keyring.configuration.vectors', 16, async (row, via) => {
    const { current_master_key_hex: masterKey, decrypt_only_master_keys_hex: previousMasterKeys, verdict } = row;
    const judge = (construct: () => void) => (verdict === 'accept' ? construct() : assertRefused(construct, 'ERR_KEY'));
    await via('Keyring', () => judge(() => new Keyring({ masterKey, previousMasterKeys }).destroy()));
    await via('Keyring, bytes', () => {
      const bytes = (text: string) => Buffer.from(text, 'hex');
      judge(() =>
        new Keyring({ masterKey: bytes(masterKey), previousMasterKeys: previousMasterKeys.map(bytes) }).destroy(),
      );
    });
    await via('environment', () => judge(() => fromEnvironment(masterKey, previousMasterKeys.join(','))));
    await via('Keyring.stage', () =>
      judge(() => {
        using keyring = new Keyring({ masterKey });
        for (const key of previousMasterKeys) keyring.stage(key);
      }),
    );
  }),

  section<{ master_key_hex: string }>(encryption, 'master_key_input.reject_vectors', 66, async (row, via) => {
    for (const [name, construct] of keyEntryPoints(row.master_key_hex)) {
      await via(name, () => assertRefused(construct, 'ERR_KEY'));
    }
    await via('environment', () => assertRefused(() => fromEnvironment(row.master_key_hex), 'ERR_KEY'));
    await via('environment, previous', () =>
      assertRefused(() => fromEnvironment('5a'.repeat(32), row.master_key_hex), 'ERR_KEY'),
    );
  }),

  section<{ raw_key_hex: string }>(encryption, 'master_key_input.raw_reject_vectors', 4, async (row, via) => {
    for (const [name, construct] of keyEntryPoints(hex(row.raw_key_hex))) {
      await via(name, () => assertRefused(construct, 'ERR_KEY'));
    }
  }),
];

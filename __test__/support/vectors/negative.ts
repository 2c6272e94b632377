import assert from 'node:assert/strict';
import { EncryptionWrapper, HttpBackend, InteropSerializer, Sealer } from '../../../index.js';
import { encodeCacheKey } from '../../../src/backends/http/headers.js';
import { deriveDomainKey, deriveTenantKeys, encodeInteropArgs, interopKey } from '../../../src/protocol/index.js';
import { withEnvironment } from '../environment.js';
import { fromTagged, type Tagged } from '../tagged.js';
import { refusesEnvelope } from './envelope.js';
import { frameOf, readings } from './frames.js';
import { argumentReaders } from './interop.js';
import { assertRefused, hex, section, type Via } from './section.js';

/** What a request to the peer was made of; which of it there is depends on the operation. */
interface Request {
  master_key_hex: string;
  tenant_id: string;
  cache_key: string;
  metadata: Record<string, unknown>;
  data_hex: string;
  envelope_hex: string;
  stored_hex: string;
  key_prefix?: string;
  domain: string;
  tenant_utf8: string;
  namespace: string;
  operation: string;
  args: Tagged[];
  key: string;
  url: string;
}
interface NegativeRow {
  name: string;
  op: string;
  request: Request;
}
type Run = (request: Request, via: Via, name: string) => unknown;

/** Refusals of sealed values that are other than a failed authentication, by row. */
const wrapperRefusals: Record<string, string | typeof RangeError> = {
  claims_plaintext: 'ERR_SEALED_FORMAT',
  empty_cache_key: RangeError,
  // The header names a key that this reader does not hold.
  wrong_master_key: 'ERR_UNKNOWN_KEY',
  wrong_tenant_metadata_forged: 'ERR_UNKNOWN_KEY',
  fingerprint_mismatch_fail_closed: 'ERR_UNKNOWN_KEY',
};
const storedRefusals: Record<string, string> = {
  stored_tenant_forged: 'ERR_AUTHENTICATION',
  stored_prefix_mismatch: 'ERR_AUTHENTICATION',
};

const refusesKey = async (masterKey: string | Uint8Array, via: Via) => {
  await via('EncryptionWrapper', () => assertRefused(() => new EncryptionWrapper({ masterKey }), 'ERR_KEY'));
  await via('Sealer', () => assertRefused(() => new Sealer(masterKey, 't'), 'ERR_KEY'));
};

const runs: Record<string, Run> = {
  wrapper_deserialize: async ({ master_key_hex, tenant_id, cache_key, metadata, data_hex }, via, name) => {
    const reader = {
      masterKey: hex(master_key_hex),
      tenantId: tenant_id,
      cacheKey: cache_key,
      wire: 'python',
    } as const;
    const frame = frameOf({ s: 'default', m: metadata, v: '2.0' }, hex(data_hex));
    for (const [entry, read] of readings(reader, frame)) {
      await via(entry, () => assertRefused(read, wrapperRefusals[name] ?? 'ERR_AUTHENTICATION'));
    }
  },

  wrapper_serialize: async ({ master_key_hex, tenant_id, cache_key }, via) => {
    const masterKey = hex(master_key_hex);
    const options = { masterKey, tenantId: tenant_id };
    const refuse = (write: (wrapper: EncryptionWrapper) => unknown) =>
      assertRefused(() => write(new EncryptionWrapper(options)), 'ERR_KEY', RangeError);
    await via('serialize', () => refuse((wrapper) => wrapper.serialize(1, { cacheKey: cache_key })));
    await via('serializeAsync', () => refuse((wrapper) => wrapper.serializeAsync(1, { cacheKey: cache_key })));
    await via('serializeMany', () => refuse((wrapper) => wrapper.serializeMany([{ value: 1, cacheKey: cache_key }])));
  },

  handler_serialize: async ({ master_key_hex }, via) => {
    await refusesKey(master_key_hex, via);
    await via('environment', () =>
      withEnvironment({ CACHEKIT_MASTER_KEY: master_key_hex }, () =>
        assertRefused(() => new EncryptionWrapper(), 'ERR_KEY'),
      ),
    );
  },

  handler_deserialize: async ({ master_key_hex, cache_key, stored_hex, key_prefix = '' }, via, name) => {
    const reader = {
      masterKey: master_key_hex,
      tenantId: 'default',
      cacheKey: `${key_prefix}${cache_key}`,
      wire: 'python',
    } as const;
    for (const [entry, read] of readings(reader, hex(stored_hex))) {
      await via(entry, () => assertRefused(read, storedRefusals[name] ?? 'ERR_SEALED_FORMAT'));
    }
  },

  envelope_retrieve: ({ envelope_hex }, via) => refusesEnvelope(hex(envelope_hex), via),

  derive: async ({ master_key_hex, domain, tenant_utf8 }, via) => {
    const masterKey = hex(master_key_hex);
    const refuse = (derive: () => unknown) => assertRefused(derive, 'ERR_KEY', RangeError);
    await via('deriveDomainKey', () => refuse(() => deriveDomainKey(masterKey, domain, tenant_utf8)));
    await via('deriveDomainKey, bytes', () =>
      refuse(() => deriveDomainKey(masterKey, domain, Buffer.from(tenant_utf8))),
    );
    if (domain === 'd' && masterKey.length < 16) await via('Sealer', () => refuse(() => new Sealer(masterKey, 't')));
    if (tenant_utf8 !== 't') {
      await via('deriveTenantKeys', () => refuse(() => deriveTenantKeys(masterKey, tenant_utf8)));
      await via('Sealer', () => refuse(() => new Sealer(masterKey, tenant_utf8)));
      await via('wrapper', () => refuse(() => new EncryptionWrapper({ masterKey, tenantId: tenant_utf8 })));
    }
  },

  interop_decode: async ({ data_hex }, via) => {
    await via('InteropSerializer', () =>
      assertRefused(() => new InteropSerializer().deserialize(hex(data_hex)), 'ERR_SERIALIZATION'),
    );
  },

  interop_key: async ({ namespace, operation, args }, via, name) => {
    const make = () => args.map((arg) => fromTagged(arg, argumentReaders));
    await via('interopKey', () => assertRefused(() => interopKey(namespace, operation, make()), TypeError, RangeError));
    if (name.startsWith('interop_args')) {
      await via('encodeInteropArgs', () => assertRefused(() => encodeInteropArgs(make()), TypeError, RangeError));
    }
  },

  io_path: async ({ key }, via) => {
    await via('encodeCacheKey', () => assertRefused(() => encodeCacheKey(key), RangeError));
    await via('HttpBackend', () => {
      const backend = new HttpBackend({ url: 'https://cache.example', apiKey: 'ck_live_x', fetch: noFetch });
      return assertRefused(() => backend.get(key), RangeError);
    });
  },

  io_validate_url: async ({ url }, via) => {
    const construct = (options: object) => () => new HttpBackend({ apiKey: 'ck_live_x', fetch: noFetch, ...options });
    await via('CACHEKIT_API_URL', () =>
      withEnvironment({ CACHEKIT_API_URL: url, CACHEKIT_ALLOW_CUSTOM_HOST: undefined }, () =>
        assertRefused(construct({}), 'ERR_CONFIGURATION'),
      ),
    );
    // A public host that code names is allowed: the allowlist is for the environment.
    if (url === 'https://evil.example') return;
    await via('HttpBackend', () => assertRefused(construct({ url }), 'ERR_CONFIGURATION'));
  },
};

function noFetch(): never {
  assert.fail('a request was made');
}

export const negativeSections = [
  section<NegativeRow>('cachekit-peer.json', 'negative', 372, ({ name, op, request }, via) => {
    const run = runs[op];
    assert.ok(run, `no runner for ${op}`);
    return run(request, via, name);
  }),
];

import { codecOf, EncryptionWrapper } from '../codec/encryption-wrapper.js';
import type { InspectedValue } from '../codec/inspect.js';
import { isCacheKitError } from '../errors.js';
import { type KeyFingerprints, Keyring } from '../keys/keyring.js';
import { ArrowSerializer } from '../serializers/arrow.js';
import { JsonSerializer } from '../serializers/json.js';
import type { Serializer } from '../serializers/serializer.js';

/** What is bound into a value besides its cache key and tenant: undefined, the wire's own. */
const SERIALIZERS: readonly (() => Serializer | undefined)[] = [
  () => undefined,
  () => new JsonSerializer(),
  () => new ArrowSerializer() as Serializer,
];

export interface OpeningKey extends Pick<KeyFingerprints, 'position' | 'fingerprint' | 'tenantFingerprint'> {
  /** Whether it has opened the value, or is only what the value's header names. */
  by: 'opened' | 'header';
}

/**
 * Which key of the environment a value is sealed with.
 *
 * @param cacheKey undefined: only the header is looked at.
 * @returns undefined: nothing tells; null: none of its keys.
 */
export function openedBy(
  stored: Buffer,
  shown: InspectedValue,
  tenantId: string,
  cacheKey: string | undefined,
): OpeningKey | null | undefined {
  const keyring = new Keyring();
  try {
    return openingKeyOf(keyring, stored, shown, tenantId, cacheKey);
  } finally {
    keyring.destroy();
  }
}

function openingKeyOf(
  keyring: Keyring,
  stored: Buffer,
  shown: InspectedValue,
  tenantId: string,
  cacheKey: string | undefined,
): OpeningKey | null | undefined {
  const keys = keyring.fingerprints({ tenantId });
  const found = (key: KeyFingerprints | undefined, by: OpeningKey['by']): OpeningKey | null => {
    if (key === undefined) return null;
    const { position, fingerprint, tenantFingerprint } = key;
    return { position, fingerprint, tenantFingerprint, by };
  };
  if (cacheKey !== undefined) {
    const opened = openingKey(keyring, stored, shown, tenantId, cacheKey);
    return found(
      keys.find(({ fingerprint }) => fingerprint === opened),
      'opened',
    );
  }
  const named = shown.header?.keyFingerprint ?? shown.frame?.keyFingerprint;
  if (named === undefined) return undefined;
  return found(
    keys.find(({ tenantFingerprint }) => tenantFingerprint === named),
    'header',
  );
}

/** Fingerprint of the master key that opens a value. */
function openingKey(
  keyring: Keyring,
  stored: Buffer,
  { wire }: InspectedValue,
  tenantId: string,
  cacheKey: string,
): string | undefined {
  for (const make of SERIALIZERS) {
    try {
      const wrapper = new EncryptionWrapper({ keyring, tenantId, wire, serializer: make() });
      return codecOf(wrapper).rewrapSync(stored, { cacheKey }, true).fingerprint;
    } catch (error) {
      // Not of this serializer, or not of these keys.
      if (!isCacheKitError(error)) throw error;
    }
  }
  return undefined;
}

import type { SealingCodec } from '../../codec/sealing-codec.js';
import type { Target } from './entry-target.js';
import type { PrivateNames } from './l2.js';

/**
 * Names for a backend that is not to learn cache keys: `{namespace}:p:{HMAC}`, and `{namespace}:pt:{HMAC}` for tags, which
 * are the whole cache's even where a function has a namespace of its own.
 */
export function privateEntries(codec: SealingCodec, cacheNamespace: string | undefined): PrivateNames {
  const entry = ({ namespace }: Target, name: string) => `${namespace}:p:${name}`;
  const tagged = (name: string) => `${cacheNamespace}:pt:${name}`;
  return {
    current: (target) => entry(target, codec.privateName('entry', target.cacheKey, target.tenantId)),
    all: (target) => codec.privateNames('entry', target.cacheKey, target.tenantId).map((name) => entry(target, name)),
    currentTag: (target, tag) => tagged(codec.privateName('tag', tag, target.tenantId)),
    allTags: (target, tag) => codec.privateNames('tag', tag, target.tenantId).map(tagged),
  };
}

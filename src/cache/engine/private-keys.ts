import type { SealingCodec } from '../../codec/sealing-codec.js';
import type { EntryRef } from './entry-ref.js';

/** Names that hide cache keys and tags from a backend. */
export type PrivateNames = ReturnType<typeof privateNames>;

/** `{namespace}:p:{HMAC}`, and `{namespace}:pt:{HMAC}` for tags, which always have the namespace of the cache. */
export function privateNames(codec: SealingCodec, cacheNamespace: string | undefined) {
  const entry = ({ namespace }: EntryRef, name: string) => `${namespace}:p:${name}`;
  const tagged = (name: string) => `${cacheNamespace}:pt:${name}`;
  return {
    current: (ref: EntryRef) => entry(ref, codec.privateName('entry', ref.cacheKey, ref.tenantId)),
    /** With the previous keys too, the current one first. */
    all: (ref: EntryRef) => codec.privateNames('entry', ref.cacheKey, ref.tenantId).map((name) => entry(ref, name)),
    currentTag: (ref: EntryRef, tag: string) => tagged(codec.privateName('tag', tag, ref.tenantId)),
    allTags: (ref: EntryRef, tag: string) => codec.privateNames('tag', tag, ref.tenantId).map(tagged),
  };
}

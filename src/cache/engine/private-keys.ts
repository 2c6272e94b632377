import type { SealingCodec } from '../../codec/sealing-codec.js';
import type { EntryRef } from './entry-ref.js';

/** Names that hide cache keys and tags from a backend. */
export interface PrivateNames {
  /** What an entry is stored under, with the current key. */
  current(ref: EntryRef): string;
  /** With the previous keys too, the current one first. */
  all(ref: EntryRef): readonly string[];
  currentTag(ref: EntryRef, tag: string): string;
  allTags(ref: EntryRef, tag: string): readonly string[];
}

/**
 * Names of the form `{namespace}:p:{HMAC}`, and `{namespace}:pt:{HMAC}` for tags, which belong to the whole cache even where a
 * function has a namespace of its own.
 */
export function privateNames(codec: SealingCodec, cacheNamespace: string | undefined): PrivateNames {
  const entry = ({ namespace }: EntryRef, name: string) => `${namespace}:p:${name}`;
  const tagged = (name: string) => `${cacheNamespace}:pt:${name}`;
  return {
    current: (ref) => entry(ref, codec.privateName('entry', ref.cacheKey, ref.tenantId)),
    all: (ref) => codec.privateNames('entry', ref.cacheKey, ref.tenantId).map((name) => entry(ref, name)),
    currentTag: (ref, tag) => tagged(codec.privateName('tag', tag, ref.tenantId)),
    allTags: (ref, tag) => codec.privateNames('tag', tag, ref.tenantId).map(tagged),
  };
}

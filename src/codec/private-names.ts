import type { TenantKey } from '../keys/held-key.js';
import { NAME_KIND, native } from '../native/addon.js';
import { checkedText } from '../native/result.js';
import { writeUtf8 } from '../protocol/utf8.js';
import { allocate } from '../util/bytes.js';
import type { TenantContext } from './tenant-context.js';

/*
 * Names for a store that must not learn cache keys or tags: HMAC-SHA256 with the tenant's `cache_keys` key, which never
 * leaves Rust, as 64 hex digits.
 *
 * | of | input | in the store |
 * |---|---|---|
 * | an entry | the cache key, UTF-8 | `{namespace}:p:{name}` |
 * | a tag | `ff`, then the tag, UTF-8 | `{namespace}:pt:{name}` |
 *
 * No UTF-8 has the byte `ff`, so that a tag never has the name of an entry, whatever the two are.
 */

export type NameKind = keyof typeof NAME_KIND;

/** A scratch buffer that a long text has made longer than this is given up at the next shorter one. */
const LARGEST_KEPT = 4096;
const USUAL_LEN = 1024;
let scratch = allocate(USUAL_LEN);

/** The name that is written: under the tenant's current key. @param text well-formed. */
export function currentName(tenant: TenantContext, kind: NameKind, text: string): string {
  const { current } = tenant.snapshot();
  return nameOf(current, tenant.tenantId, kind, write(text));
}

/** The names that readers try: under the current key, the previous ones, newest first, and the staged ones. */
export function allNames(tenant: TenantContext, kind: NameKind, text: string): readonly string[] {
  const { keys } = tenant.snapshot();
  const length = write(text);
  return keys.map((key) => nameOf(key, tenant.tenantId, kind, length));
}

function nameOf(key: TenantKey, tenantId: string, kind: NameKind, length: number): string {
  if (!key.names) key.master.deriveNameKey(key, tenantId);
  return checkedText(native.privateName(key.sealer.handle, scratch, length, NAME_KIND[kind]));
}

/** @returns the length of the text's UTF-8, which begins the scratch buffer. */
function write(text: string): number {
  const most = text.length * 3;
  if (most > scratch.length || (scratch.length > LARGEST_KEPT && most <= LARGEST_KEPT)) {
    scratch = allocate(Math.max(most, USUAL_LEN));
  }
  return writeUtf8(scratch, text, 0, most);
}

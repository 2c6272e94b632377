import type { SealingCodec } from '../../codec/sealing-codec.js';

/** What has changed. */
export interface Changes {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Perhaps any entry. */
  readonly all: boolean;
}

/** Of caches whose cache keys nobody may learn. */
export interface Sealing {
  readonly codec: SealingCodec<string>;
  readonly namespace: string;
}

/*
 * A message is JSON. Those of another version, or too long to have been sent by this package, end everything: they may say anything.
 *
 * | | |
 * |---|---|
 * | `v` | 1 |
 * | `from` | 16 hex digits, of those who tell each other in another way |
 * | `keys`, `tags`, `all` | what has changed; each may be absent |
 * | `scope`, `sealed` | in their stead: a namespace, and the JSON of them, sealed, in base64 |
 */
const VERSION = 1;
const MAX_LENGTH = 1024 * 1024;
const EVERYTHING: Changes = { keys: [], tags: [], all: true };
/** All caches of a namespace open it, whatever tenant they are of. */
const TENANT = 'default';

/** @param sealing undefined: cache keys may be read. */
export function messageOf(from: string, changes: Changes, sealing: Sealing | undefined): string {
  const text = encoded(from, changes, sealing);
  return text.length <= MAX_LENGTH ? text : encoded(from, EVERYTHING, sealing);
}

function encoded(from: string, { keys, tags, all }: Changes, sealing: Sealing | undefined): string {
  const changes = all ? { all } : { ...(keys.length > 0 && { keys }), ...(tags.length > 0 && { tags }) };
  if (sealing === undefined) return JSON.stringify({ v: VERSION, from, ...changes });
  const { codec, namespace: scope } = sealing;
  let sealed: string;
  try {
    sealed = codec.serializeSync(JSON.stringify(changes), contextOf(scope)).toString('base64');
  } catch {
    // Without a key that seals, nothing is said of what it was.
    return JSON.stringify({ v: VERSION, from, scope, all: true });
  }
  return JSON.stringify({ v: VERSION, from, scope, sealed });
}

/** What a message says; undefined: nothing, to this cache. It may come from anybody. Never throws. */
export function changesOf(text: string, own: string, sealing: Sealing | undefined): Changes | undefined {
  if (text.length > MAX_LENGTH) return EVERYTHING;
  const message = parsed(text);
  const { v, from, scope, sealed } = message;
  if (typeof v !== 'number' || from === own) return undefined;
  if (v !== VERSION) return EVERYTHING;
  const foreign = scope !== undefined && scope !== sealing?.namespace;
  if (typeof sealed !== 'string') return foreign ? undefined : listed(message);
  if (sealing === undefined || typeof scope !== 'string') return undefined;
  try {
    return listed(parsed(sealing.codec.deserializeSync(Buffer.from(sealed, 'base64'), contextOf(scope))));
  } catch {
    // Of one who is ahead in a rotation, say.
    return foreign ? undefined : EVERYTHING;
  }
}

function contextOf(namespace: string): { cacheKey: string; tenantId: string } {
  return { cacheKey: `ns:${namespace}:bus`, tenantId: TENANT };
}

type Message = Partial<Record<'v' | 'from' | 'scope' | 'sealed' | 'keys' | 'tags' | 'all', unknown>>;

function parsed(text: string): Message {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

function listed({ keys, tags, all }: Message): Changes {
  return { keys: texts(keys), tags: texts(tags), all: all === true };
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string' && one.isWellFormed()) : [];
}

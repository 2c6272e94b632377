import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { type InspectedValue, inspectStored } from '../codec/inspect.js';
import { BackendError, SealedFormatError } from '../errors.js';
import { tenantIdHash } from '../protocol/rotation-header.js';
import type { Wire } from '../protocol/wire.js';
import { backendUrl, KEYS_USAGE } from './backend-url.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import type { OpeningKey } from './opened-by.js';
import { print } from './print.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native inspect [options] <file | backend>

Show the header and the sizes of a sealed value, as JSON, and which key of the environment opens it.
Nothing of the value is shown. What is certainly no sealed value is an error.

Arguments:
  file             the stored bytes, or - for the standard input
  backend          redis://host[:port][/database]/key, with the key percent-encoded where it must be; or
                   the URL of any backend, or none for CACHEKIT_BACKEND, together with --key

Options:
  --key <key>      the cache key: what to look up, or what a file's bytes were stored under
  --tenant <id>    the tenant that the value was sealed for (default: default)
  --wire <wire>    how the value was written: protocol, interop, interop-v2 or python
                   (default: as its first bytes tell, protocol or python)
  -h, --help       show this text

${KEYS_USAGE}
Without a cache key, only what a value's header names is compared.

${EXIT_CODES} (no key of the environment opens it)

Examples:
  redis-cli --raw get ns:app:key:a | head -c -1 | npx cachekit-native inspect -
  npx cachekit-native inspect redis://localhost/ns:app:key:a
  npx cachekit-native inspect --tenant acme --key t:8f4b27a3c9d1e5f0:ns:app:key:a lmdb:./cache
`.trim();

export async function inspect(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      key: { type: 'string' },
      tenant: { type: 'string', default: 'default' },
      wire: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return print(usage);
  const [place, ...others] = positionals;
  if (place === undefined && values.key === undefined) throw new UsageError('the file is missing');
  if (others.length > 0) throw new UsageError('too many arguments');
  const wire = values.wire === undefined ? undefined : wireOption(values.wire);
  const { stored, cacheKey } = await read(place, values.key);
  const shown = inspectStored(stored, wire ?? (beginsFrame(stored) ? 'python' : 'protocol'));
  if (isForeign(stored, shown)) throw new SealedFormatError('This is not a sealed value');
  const key = await openedByHeld(stored, shown, values.tenant, cacheKey);
  if (key === null) process.exitCode = EXIT.left;
  const all = {
    ...shown,
    ...(key !== undefined && { key }),
    ...(key === null && { why: whyNot(shown, values.tenant) }),
  };
  await print(JSON.stringify(all, (_, value) => (typeof value === 'bigint' ? value.toString() : value), 2));
}

/** The native addon is loaded only where there are keys, so that headers are shown without it. */
async function openedByHeld(
  ...args: [stored: Buffer, shown: InspectedValue, tenantId: string, cacheKey: string | undefined]
): Promise<OpeningKey | null | undefined> {
  if (!process.env.CACHEKIT_MASTER_KEY) return undefined;
  const { openedBy } = await import('./opened-by.js');
  return openedBy(...args);
}

/** Why no key of the environment opens a value, as far as its header tells. */
function whyNot({ header, frame }: InspectedValue, tenantId: string): string {
  if (header !== undefined && header.tenantIdHash !== Buffer.from(tenantIdHash(tenantId)).toString('hex')) {
    return 'it is of another tenant: pass --tenant';
  }
  if (frame?.tenantId !== undefined && frame.tenantId !== tenantId) return 'it is of another tenant: pass --tenant';
  if (header !== undefined || frame?.keyFingerprint !== undefined)
    return 'the key that it names is not held, or it is altered';
  return 'its key is not held, it is of another tenant or cache key, or it is altered';
}

async function read(
  place: string | undefined,
  key: string | undefined,
): Promise<{ stored: Buffer; cacheKey: string | undefined }> {
  if (place === '-') return { stored: await buffer(process.stdin), cacheKey: key };
  // One letter and a colon begin a path on Windows.
  if (place !== undefined && !/^[a-z][a-z0-9+.-]+:/i.test(place)) {
    return { stored: await readFile(place), cacheKey: key };
  }
  const [url, cacheKey] = key === undefined ? splitUrl(backendUrl(place)) : [backendUrl(place), key];
  const { backendFrom } = await import('../backends/from-url.js');
  const backend = backendFrom(url);
  try {
    const entry = await backend.get(cacheKey);
    if (entry === undefined) throw new BackendError('Nothing is stored under this key');
    return { stored: Buffer.from(entry.bytes), cacheKey };
  } finally {
    await backend.close?.();
  }
}

/** The URL of a Redis server, and the key that stands behind it. */
function splitUrl(url: string): [url: string, cacheKey: string] {
  const [, server, database = '', key] = /^(rediss?:\/\/[^/]+)(\/\d{1,5})?\/(.+)$/i.exec(url) ?? [];
  if (server === undefined || key === undefined) throw new UsageError('the key is missing: pass --key');
  try {
    return [server + database, decodeURIComponent(key)];
  } catch {
    throw new UsageError('the key must be percent-encoded');
  }
}

function wireOption(text: string): Wire {
  if (text === 'protocol' || text === 'interop' || text === 'interop-v2' || text === 'python') return text;
  throw new UsageError('--wire must be protocol, interop, interop-v2 or python');
}

/** Without a key, text and what is too short can be told from sealed bytes, and nothing else. */
function isForeign(stored: Buffer, { header, frame, instanceId }: InspectedValue): boolean {
  if (instanceId === undefined) return true;
  // Random bytes, which a sealed value has at least 24 of, are text once in 10^10.
  return header === undefined && frame === undefined && isUtf8(stored) && !hasControls(stored);
}

function hasControls(bytes: Buffer): boolean {
  return bytes.some((byte) => byte === 0x7f || (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d));
}

/** `CK`, version 3: what Python writes around every value. */
function beginsFrame(stored: Buffer): boolean {
  return stored.length >= 3 && stored.readUIntBE(0, 3) === 0x434b03;
}

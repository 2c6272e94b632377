import { parseArgs } from 'node:util';
import { Keyring } from '../keys/keyring.js';
import { tenantPrefix } from '../protocol/cache-key.js';
import { KEYS_USAGE } from './backend-url.js';
import { EXIT, EXIT_CODES } from './exit-codes.js';
import { print } from './print.js';
import { UsageError } from './usage-error.js';

const usage = `
Usage: cachekit-native fingerprint [options]

Show the keys of the environment by their fingerprints. Metrics, usage() and reports name a master
key; errors, rotation headers and inspect name the key that is derived from it for a tenant.

Options:
  --tenant <id>         the tenant (repeatable; default: default)
  --find <fingerprint>  only keys whose fingerprint, of either kind, begins so (8 digits or more)
  --json                as JSON
  -h, --help            show this text

${KEYS_USAGE}

${EXIT_CODES} (no key has the fingerprint)

Examples:
  npx cachekit-native fingerprint --tenant acme
  npx cachekit-native fingerprint --tenant acme --find 6b0f11c2
`.trim();

export async function fingerprint(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      tenant: { type: 'string', multiple: true },
      find: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return print(usage);
  const { tenant = ['default'], find } = values;
  if (find !== undefined && !/^[0-9a-f]{8,32}$/i.test(find)) throw new UsageError('--find must be 8 to 32 hex digits');
  const keyring = new Keyring();
  const all = tenant.flatMap((tenantId) => keyring.fingerprints({ tenantId }));
  keyring.destroy();
  const wanted = find?.toLowerCase();
  const found = all
    .filter(
      (key) => wanted === undefined || [key.fingerprint, key.tenantFingerprint].some((name) => name.startsWith(wanted)),
    )
    .map((key) => ({ ...key, tenantHash: tenantPrefix(key.tenantId).slice(2, -1) }));
  if (found.length === 0) process.exitCode = EXIT.left;
  if (values.json) return print(JSON.stringify(found, undefined, 2));
  if (found.length === 0) return print('no key of the environment has this fingerprint');
  const lines = found.map(
    (key) =>
      `${key.position.padEnd(8)}  ${key.fingerprint}  ${key.tenantFingerprint}  ${key.tenantHash}  ${key.tenantId}`,
  );
  const head = `${'position'.padEnd(8)}  ${'master key'.padEnd(32)}  ${"tenant's key".padEnd(32)}  ${'in cache keys'.padEnd(16)}  tenant`;
  return print([head, ...lines].join('\n'));
}

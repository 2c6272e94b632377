import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { createCache } from '../cache/create.js';
import type { Cache } from '../cache/create-cache.js';
import type { KeyReportOptions } from '../cache/rewrap/options.js';
import type { KeyReport } from '../cache/rewrap/report.js';
import { Keyring } from '../keys/keyring.js';
import { assertTenantId } from '../protocol/derive.js';
import type { Wire } from '../protocol/wire.js';
import { backendUrl } from './backend-url.js';
import { UsageError } from './usage-error.js';

/* What `report` and `rewrap` have in common: which entries, and how fast. */

export const ENTRIES_OPTIONS = {
  namespace: { type: 'string' },
  wire: { type: 'string' },
  tenant: { type: 'string', multiple: true },
  'tenants-from': { type: 'string' },
  match: { type: 'string' },
  rate: { type: 'string' },
  concurrency: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

export const ENTRIES_USAGE = `
  --namespace <name>     the cache's namespace; without one, everything in the store is looked at
  --tenant <id>          a tenant that the namespace's registry may not have (repeatable); in other wires
                         than protocol, and without a namespace, also the tenantId of a cache
  --tenants-from <file>  their ids, one a line; - for the standard input
  --match <pattern>      only cache keys like this, without the tenant's part: * any characters, ? one
  --rate <n>             entries a second at most
  --concurrency <n>      entries under way at once (default: 100)
  --wire <wire>          how values are written: protocol, interop, interop-v2 or python (default: protocol)
  --json                 the report as JSON
  -h, --help             show this text
`.slice(1, -1);

type Values = Partial<Record<string, string | boolean | (string | boolean)[]>>;

export interface EntriesCommand {
  readonly values: Values;
  readonly cache: Cache;
  readonly options: KeyReportOptions;
}

/** @returns undefined when help was asked for. @throws UsageError, and what createCache throws. */
export function entriesCommand(args: string[], own: ParseArgsConfig['options'] = {}): EntriesCommand | undefined {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { ...ENTRIES_OPTIONS, ...own } });
  if (values.help) return undefined;
  const [url, ...others] = positionals;
  if (others.length > 0) throw new UsageError('too many arguments');
  const tenants = [...((values.tenant as string[] | undefined) ?? []), ...listed(values['tenants-from'])];
  const options: KeyReportOptions = {
    tenants,
    ...(values.match !== undefined && { match: values.match as string }),
    ...(values.rate !== undefined && { rate: whole('--rate', values.rate) }),
    ...(values.concurrency !== undefined && { concurrency: whole('--concurrency', values.concurrency) }),
  };
  const backend = backendUrl(url);
  const cache = asWrongUse(() =>
    createCache({
      backend,
      keyring: new Keyring(),
      l1: false,
      ...(values.namespace !== undefined && { namespace: values.namespace as string }),
      ...(values.wire !== undefined && { wire: values.wire as Wire }),
    }),
  );
  asWrongUse(() => {
    for (const tenantId of tenants) assertTenantId(tenantId);
  });
  return { values, cache, options };
}

/** What the library says of an argument is said of the command's. */
function asWrongUse<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function listed(path: unknown): string[] {
  if (path === undefined) return [];
  const text = readFileSync(path === '-' ? 0 : (path as string), 'utf8');
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.replace(/\r$/, '')]));
}

function whole(name: string, text: unknown): number {
  const value = /^\d{1,9}$/.test(text as string) ? Number(text) : 0;
  if (value >= 1) return value;
  throw new UsageError(`${name} must be a whole number from 1 on`);
}

/** The report in lines for people. */
export function reportLines(report: KeyReport): string {
  const { keys, notHeld, unnamedTenants, cannotKnow } = report;
  const rows = [
    ...keys.map(({ position, fingerprint, values }) => [`${position} key`, fingerprint, values] as const),
    ...notHeld.map(
      ({ tenantFingerprint, values }) => ['not held', `${tenantFingerprint} (a tenant's)`, values] as const,
    ),
    ...unnamedTenants.slice(0, 20).map(({ hash, values }) => ['unnamed tenant', hash, values] as const),
  ];
  const others = report.unopened - notHeld.reduce((sum, { values }) => sum + values, 0);
  const lines = rows.map(([what, name, values]) => `${what.padEnd(15)} ${name.padEnd(48)} ${thousands(values)}`);
  if (unnamedTenants.length > 20) lines.push(`… and ${thousands(unnamedTenants.length - 20)} more tenants`);
  if (others > 0)
    lines.push(`${'not opened'.padEnd(15)} ${'altered, of other keys, or not sealed'.padEnd(48)} ${thousands(others)}`);
  if (report.changed > 0)
    lines.push(
      `${'changed'.padEnd(15)} ${'by their writers, during the work'.padEnd(48)} ${thousands(report.changed)}`,
    );
  lines.push(`${'in all'.padEnd(64)} ${thousands(report.seen)}`);
  if (report.seen === 0)
    lines.push('nothing was found: are the backend, the namespace and the wire those of the cache?');
  for (const reason of cannotKnow) lines.push(`cannot know: ${REASONS[reason]}`);
  return lines.join('\n');
}

const REASONS = {
  'unnamed-tenants': 'values of tenants whose ids are not known; name them with --tenant or --tenants-from',
  'private-keys': 'the cache has private keys, which tell neither tenant nor cache key',
  'no-listing': 'this backend cannot list its entries',
  unregistered: 'the cache has no registry that opens: tenants and functions with a key of their own may have more',
  match: 'only entries that match were looked at',
} as const;

function thousands(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * Whether values need, or may need, a key other than the current one: those too that no key of the environment opens. Where nothing
 * was found, the name of the namespace may be a wrong one, of which it must not be said that all is done.
 */
export function isLeft({ seen, left, unnamed, unopened, cannotKnow }: KeyReport): boolean {
  return seen === 0 || left + unnamed + unopened > 0 || cannotKnow.length > 0;
}

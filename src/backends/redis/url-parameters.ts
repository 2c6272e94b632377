import { ConfigurationError } from '../../errors.js';

export type Kind = 'server' | 'cluster' | 'sentinel' | 'unix';

const TCP = ['db', 'family', 'tls', 'ca', 'cert', 'key'] as const;
const SENTINEL = ['sentinelUsername', 'sentinelPassword'] as const;
const KNOWN = {
  server: TCP,
  cluster: TCP,
  sentinel: [...TCP, ...SENTINEL],
  unix: ['db'],
} as const satisfies Record<Kind, readonly string[]>;

export type Parameters = Partial<Record<(typeof TCP)[number] | (typeof SENTINEL)[number], string>>;

/** What follows the question mark, each name once. @throws ConfigurationError with the names there are; of the URL it repeats nothing. */
export function parametersOf({ search, hash }: URL, kind: Kind): Parameters {
  const known: readonly string[] = KNOWN[kind];
  const names = known.join(', ');
  // Of a password that is not encoded the end may be here.
  if (hash !== '' || search.includes('@')) throw malformed();
  const parameters: Record<string, string> = Object.create(null);
  for (const part of search.slice(1).split('&')) {
    if (part === '') continue;
    const [name = '', ...values] = part.split('=');
    if (!known.includes(name)) {
      throw new ConfigurationError(`A Redis URL has an unknown parameter. Known here: ${names}`);
    }
    if (name in parameters) throw new ConfigurationError(`A Redis URL has ${name} twice`);
    try {
      // Not as in forms: a plus sign is one.
      parameters[name] = decodeURIComponent(values.join('='));
    } catch {
      throw malformed();
    }
    if (parameters[name] === '') throw new ConfigurationError(`In a Redis URL, ${name} has no value`);
  }
  return parameters;
}

export function malformed(): ConfigurationError {
  return new ConfigurationError(
    'The Redis URL is malformed. Of user names and passwords, all but letters, digits and -._~ is percent-encoded',
  );
}

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigurationError } from '../../errors.js';
import { codeOf } from '../cause.js';
import type { Parameters } from './url-parameters.js';

/** PEM texts. */
export interface RedisTls {
  /** The only authorities whose certificates are good; undefined: those that Node knows. */
  ca?: Buffer | undefined;
  /** The client's own certificate and its key, where the server asks for one. */
  cert?: Buffer | undefined;
  key?: Buffer | undefined;
}

/** @param secure whether the URL's scheme says so. @throws ConfigurationError for a contradiction, and for a file that cannot be read. */
export function tlsOf(secure: boolean, { tls, ca, cert, key }: Parameters): RedisTls | undefined {
  if (tls !== undefined && tls !== 'true' && tls !== 'false') {
    throw new ConfigurationError(
      'tls must be true or false. A certificate is always verified: ca names the file of the authority that signed it',
    );
  }
  if (secure && tls === 'false') throw new ConfigurationError('rediss:// is TLS, and tls=false says otherwise');
  if (!secure && tls !== 'true') {
    if ((ca ?? cert ?? key) === undefined) return undefined;
    throw new ConfigurationError('ca, cert and key are for TLS: write rediss:// in the place of redis://');
  }
  if ((cert === undefined) !== (key === undefined)) throw new ConfigurationError('cert and key go together');
  return { ca: fileOf('ca', ca), cert: fileOf('cert', cert), key: fileOf('key', key) };
}

function fileOf(name: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigurationError(`The file that ${name} names cannot be read: ${codeOf(error)}`);
  }
}

/** The options of a connection. Whatever `NODE_TLS_REJECT_UNAUTHORIZED` says, certificates are verified. */
export function tlsTo(host: string, tls: RedisTls): object {
  return { ...tls, ...serverName(host), rejectUnauthorized: true };
}

/** TLS has no server name that is an address. */
function serverName(host: string): { servername?: string } {
  return isIP(host) ? {} : { servername: host };
}

import type { LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';
import { BackendError, ConfigurationError } from '../../errors.js';
import { kindOf } from '../../util/bytes.js';

/** Addresses that nothing here ever talks to: unspecified, link-local (cloud metadata), multicast, reserved, tunnels. */
const NEVER = new BlockList();
/** Loopback and private networks: only with `allowPrivateHosts`. */
const PRIVATE = new BlockList();
const LOOPBACK = new BlockList();

for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NEVER.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NEVER.addSubnet(network, prefix, 'ipv6');
}
for (const list of [LOOPBACK, PRIVATE]) {
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
}
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('100.64.0.0', 10, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/** Global unicast, and the prefix of NAT64 whose last 32 bits are an IPv4 address. */
const GLOBAL = new BlockList();
GLOBAL.addSubnet('2000::', 3, 'ipv6');
const NAT64 = new BlockList();
NAT64.addSubnet('64:ff9b::', 96, 'ipv6');
const MAPPED = new BlockList();
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6');

export interface AddressRules {
  /** Private and loopback addresses may be reached. */
  readonly allowPrivate: boolean;
  /** Nothing but loopback: the rule for `http:`. */
  readonly loopbackOnly: boolean;
}

/** Whether a literal IP address may be connected to. */
export function isAllowedAddress(address: string, { allowPrivate, loopbackOnly }: AddressRules): boolean {
  // A zone id belongs to link-local addresses alone.
  if (isIP(address) === 0 || address.includes('%')) return false;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  // Before any other check: BlockList reads a mapped address as the IPv4 address inside.
  if (family === 'ipv6' && MAPPED.check(address, 'ipv6')) return false;
  if (loopbackOnly) return allowPrivate && LOOPBACK.check(address, family);
  if (PRIVATE.check(address, family)) return allowPrivate;
  if (NEVER.check(address, family)) return false;
  if (family === 'ipv4' || GLOBAL.check(address, 'ipv6')) return true;
  return (
    NAT64.check(address, 'ipv6') && isAllowedAddress(lastFourBytes(address), { allowPrivate: false, loopbackOnly })
  );
}

/** The IPv4 address in the last 32 bits of an IPv6 address. */
function lastFourBytes(address: string): string {
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1);
  // The URL parser writes all eight groups' values in their shortest form, with one `::`.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = tail === undefined ? head.split(':') : tail.split(':');
  const [high, low] = ['0', '0', ...groups.filter(Boolean)].slice(-2).map((group) => Number.parseInt(group, 16)) as [
    number,
    number,
  ];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

export interface ServerUrl {
  readonly protocol: 'https:' | 'http:';
  /** As written in a request: an IPv6 address in brackets. */
  readonly hostname: string;
  readonly port: string;
  /** Begins with a slash unless empty, never ends with one. */
  readonly path: string;
  readonly rules: AddressRules;
}

/**
 * The base URL of a cache server. Names are resolved, and checked again, when a connection is made.
 *
 * Protocol: docs/protocol.md, "SSRF rules".
 * @throws TypeError, ConfigurationError; neither carries the URL, which may hold a password.
 */
export function parseServerUrl(value: unknown, allowPrivate: boolean): ServerUrl {
  if (typeof value !== 'string') throw new TypeError(`url must be a string, not ${kindOf(value)}`);
  // The parser drops white space and control characters and reads a backslash as a slash.
  if (!/^[!-[\]-~]+$/.test(value)) {
    throw new ConfigurationError('The URL has a backslash, white space or a character outside ASCII');
  }
  const authority = /^[a-z]+:\/\/([^/?#]+)/i.exec(value)?.[1];
  if (authority === undefined || !URL.canParse(value)) throw new ConfigurationError('The URL is malformed');
  if (authority.includes('@')) throw new ConfigurationError('The URL must not hold a user name or password');
  const { protocol, hostname, port, pathname, search, hash } = new URL(value);
  if (search !== '' || hash !== '' || /[?#]/.test(value)) {
    throw new ConfigurationError('The URL must not have a query or a fragment');
  }
  const address = hostname.replace(/^\[|\]$/g, '');
  const literal = isIP(address) !== 0;
  const local = literal ? LOOPBACK.check(address, isIPv4(address) ? 'ipv4' : 'ipv6') : isLocalName(address);
  const loopbackOnly = protocol === 'http:';
  if (protocol !== 'https:' && !(loopbackOnly && allowPrivate && local)) {
    throw new ConfigurationError(
      'The URL must begin with https://; http:// is for this machine, with new HttpBackend({ allowPrivateHosts: true }) of cachekit-native/http',
    );
  }
  const rules = { allowPrivate, loopbackOnly };
  if (literal ? !isAllowedAddress(address, rules) : local && !allowPrivate) {
    throw new ConfigurationError(
      'The host is a private, loopback or reserved address; private and loopback ones need new HttpBackend({ allowPrivateHosts: true }) of cachekit-native/http',
    );
  }
  return {
    protocol: loopbackOnly ? 'http:' : 'https:',
    hostname,
    port,
    path: pathname.replace(/\/+$/, ''),
    rules,
  };
}

function isLocalName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost');
}

/** A `lookup` for `connect` that answers only with addresses that are allowed; one that is not refuses the whole name. */
export function checkedLookup(server: ServerUrl, lookup: LookupFunction | undefined): LookupFunction {
  return (hostname, options, callback) => {
    const resolve = async () => {
      const lookUp = lookup ?? ((await import('node:dns')).lookup as LookupFunction);
      const found = await new Promise<{ answer: unknown }>((resolve, reject) => {
        const pending: unknown = lookUp(hostname, { ...options, all: true }, (error, answer) => {
          if (error) reject(error);
          else resolve({ answer });
        });
        // A function of the user's may be async, and reject.
        Promise.resolve(pending).catch(reject);
      });
      const addresses = addressesIn(found.answer);
      if (addresses.length === 0 || !addresses.every(({ address }) => isAllowedAddress(address, server.rules))) {
        throw new BackendError('The name of the cache server resolves to a private, loopback or reserved address');
      }
      return addresses;
    };
    resolve().then(
      (addresses) => {
        if (options.all) callback(null, addresses);
        else callback(null, (addresses[0] as LookupAddress).address, addresses[0]?.family);
      },
      (error) => callback(error, '', 0),
    );
  };
}

/** Read once: what is checked is what is connected to, whatever a getter answers the second time. */
function addressesIn(answer: unknown): LookupAddress[] {
  return Array.from(Array.isArray(answer) ? answer : [{ address: answer }], ({ address }: LookupAddress) => {
    const text = `${address}`;
    return { address: text, family: isIP(text) };
  });
}

import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { BackendError } from '../../errors.js';
import { isAllowedAddress, type ServerUrl } from './ssrf-guard.js';

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

/**
 * Read once: what is checked is what is connected to, whatever a getter answers the second time. Not in the callback, whose
 * caller would get what a getter throws.
 */
function addressesIn(answer: unknown): LookupAddress[] {
  return Array.from(Array.isArray(answer) ? answer : [{ address: answer }], ({ address }: LookupAddress) => {
    const text = `${address}`;
    return { address: text, family: isIP(text) };
  });
}

import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { BackendError } from '../errors.js';
import { isAllowedAddress, type ServerUrl } from './http-address.js';

/** A `lookup` for `connect` that answers only with addresses that are allowed; one that is not refuses the whole name. */
export function checkedLookup(server: ServerUrl, lookup: LookupFunction | undefined): LookupFunction {
  return (hostname, options, callback) => {
    const resolve = async () => {
      const lookUp = lookup ?? ((await import('node:dns')).lookup as LookupFunction);
      const addresses = await new Promise<LookupAddress[]>((resolve, reject) => {
        // What is wrong with the answer must not throw where the user's code called back: nobody could catch it there.
        const answered = (error: unknown, found: unknown, family: unknown) => {
          try {
            if (error) throw error;
            resolve(Array.isArray(found) ? Array.from(found, copyOf) : [copyOf({ address: found, family })]);
          } catch (reason) {
            reject(reason);
          }
        };
        const returned: unknown = lookUp(hostname, { ...options, all: true }, answered);
        // An async function returns a promise, of which nobody else would hear.
        Promise.resolve(returned).catch(reject);
      });
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
function copyOf({ address, family }: { address: unknown; family: unknown }): LookupAddress {
  return { address: `${address}`, family: Number(family ?? 0) };
}

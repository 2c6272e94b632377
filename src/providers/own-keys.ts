import type { ProvidedKeys } from '../keys/provider.js';

/**
 * All keys, or none: those that came beside one that did not are overwritten.
 *
 * @param keys arrays of ours, the current key's first; undefined for a previous key that there is not.
 * @returns keys that are overwritten when they are disposed of.
 * @throws what the first key that did not come was rejected with.
 */
export async function ownKeys(keys: readonly Promise<Uint8Array | undefined>[]): Promise<ProvidedKeys> {
  const settled = await Promise.allSettled(keys);
  const held = settled.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  const overwrite = () => {
    for (const key of held) key.fill(0);
  };
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    overwrite();
    throw failed.reason;
  }
  const [masterKey, ...previousMasterKeys] = held as [Uint8Array, ...Uint8Array[]];
  return { masterKey, previousMasterKeys, [Symbol.dispose]: overwrite };
}

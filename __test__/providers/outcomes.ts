import { inspect } from 'node:util';
import { type KeyProvider, Keyring } from '../../index.js';
import { oracleFingerprint } from '../support/oracle.js';
import { forms, shownIn } from '../support/secret-forms.js';

/** Master keys of these tests, as bytes. */
export const KEYS = [0x31, 0x42, 0x53, 0x64].map((seed) =>
  Buffer.from(Array.from({ length: 32 }, (_, i) => seed ^ (i * 37))),
);
export const [A, B, C, D] = KEYS as [Buffer, Buffer, Buffer, Buffer];

export const nameOf = (key: Uint8Array): string => oracleFingerprint(key).toString('hex');

/** The fingerprints of a keyring's keys, the current one's first. */
export const heldBy = (keyring: Keyring): string[] => keyring.usage().map(({ fingerprint }) => fingerprint);

/** What a keyring of this provider holds. */
export async function heldOf(provider: KeyProvider): Promise<string[]> {
  using keyring = await Keyring.fromProvider(provider);
  return heldBy(keyring);
}

/** The error of a provider, as everything that a log may show of it. */
export async function failureOf(provider: KeyProvider): Promise<{ code: unknown; message: string; shown: string }> {
  try {
    await heldOf(provider);
  } catch (error) {
    const { code, message, stack } = error as Error & { code: unknown };
    const shown = `${message}\n${stack}\n${inspect(error, { showHidden: true, depth: 20 })}\n${JSON.stringify(error)}`;
    return { code, message, shown };
  }
  throw new Error('the provider gave keys');
}

/** The forms of these tests' keys that a text shows. */
export const keysIn = (text: string): string[] => KEYS.flatMap((key) => shownIn(text, forms(key)));

/** Waits, as long as the test may take. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

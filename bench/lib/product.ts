/**
 * The built package, as a user's program runs it. By path, because this folder is a package of its own in which the name
 * `cachekit-native` means nothing; types come from the sources, so that checking them needs no build.
 */
import type * as Internal from '../../src/plain-wrapper.js';
import type * as Public from '../../index.js';

const dist = (file: string) => new URL(`../../dist/${file}`, import.meta.url).href;

export const { createAad, EncryptionWrapper, hardwareAcceleration, Keyring, Sealer }: typeof Public = await import(
  dist('index.js')
);

/** The codec of a cache without encryption: a serializer with its envelope. Not public: what encryption is compared with. */
export const { PlainWrapper }: typeof Internal = await import(dist('src/plain-wrapper.js'));

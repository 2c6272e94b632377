/**
 * The built package, as a user's program runs it. By path, because this folder is a package of its own in which the name
 * `cachekit-native` means nothing; types come from the sources, so that checking them needs no build.
 */
import type * as Public from '../../index.js';
import type * as Native from '../../src/native.js';
import type * as Plain from '../../src/plain-wrapper.js';

const dist = (file: string) => new URL(`../../dist/${file}`, import.meta.url).href;

export const {
  ArrowSerializer,
  cache,
  createAad,
  createCache,
  EncryptionWrapper,
  hardwareAcceleration,
  Keyring,
  MemoryBackend,
  Sealer,
  StandardSerializer,
}: typeof Public = await import(dist('index.js'));

// Not public: what a cache without encryption does, as that is what encryption is compared with.
export const { PlainWrapper }: typeof Plain = await import(dist('src/plain-wrapper.js'));
export const { CONTAINER, MODE_CHECK_MSGPACK, MODE_FORMAT_SHIFT, native }: typeof Native = await import(
  dist('src/native.js')
);

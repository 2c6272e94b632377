/**
 * The built package, as a user's program runs it. By path, because this folder is a package of its own in which the name
 * `cachekit-native` means nothing; types come from the sources, so that checking them needs no build.
 */
import type * as Public from '../../index.js';
import type * as Protocol from '../../src/protocol/index.js';

const dist = (file: string): string => new URL(`../../dist/${file}`, import.meta.url).href;

export const {
  ArrowSerializer,
  cache,
  createCache,
  EncryptionWrapper,
  hardwareAcceleration,
  Keyring,
  MemoryBackend,
  Sealer,
  StandardSerializer,
}: typeof Public = await import(dist('index.js'));
export const { createAad }: typeof Protocol = await import(dist('protocol.js'));

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CacheKitError, ConfigurationError, KeyProviderError } from '../errors.js';
import type { KeyProvider } from '../keys/provider.js';
import { kindOf } from '../util/bytes.js';
import { assertOptionsObject, ownOptions } from '../util/options-object.js';
import { keyBytes, withoutLineEnd } from './key-bytes.js';
import { ownKeys } from './own-keys.js';
import { reasonOf } from './reasons.js';

export interface FileProviderOptions {
  /** The file of the current key: 32 bytes, or 64 hex digits with or without a line end. */
  masterKey: string | URL;
  /** Files of previous keys, newest first, at most 3. One that is empty stands for no key. */
  previousMasterKeys?: readonly (string | URL)[] | undefined;
  /** Refuses files that anyone but their owner may read or write. */
  ownerOnly?: boolean | undefined;
}

const OPTIONS = ['masterKey', 'previousMasterKeys', 'ownerOnly'] as const satisfies (keyof FileProviderOptions)[];
const NAME = 'The key file';
const MAX_PREVIOUS = 3;
/** One byte more than the longest key, 64 hex digits and a line end, so that longer files show. */
const READ_LEN = 67;
const OTHERS_WRITE = 0o002;
const OTHERS_ANYTHING = 0o077;

/**
 * Keys in files, as Kubernetes, Docker and systemd mount secrets. They are read at each call. A file that every user may write is
 * refused, as who writes it decides on the key; Windows has no such bits, and there nothing is.
 *
 * @throws TypeError, ConfigurationError for an option that is missing, unknown or malformed.
 */
export function fileProvider(options: FileProviderOptions): KeyProvider {
  assertOptionsObject(options, OPTIONS);
  const { masterKey, previousMasterKeys = [], ownerOnly = false } = ownOptions(options);
  if (!Array.isArray(previousMasterKeys)) {
    throw new TypeError(`previousMasterKeys must be an array, not ${kindOf(previousMasterKeys)}`);
  }
  if (previousMasterKeys.length > MAX_PREVIOUS) {
    throw new ConfigurationError(`previousMasterKeys has more than ${MAX_PREVIOUS} files`);
  }
  if (typeof ownerOnly !== 'boolean') throw new TypeError('ownerOnly must be true or false');
  const forbidden = ownerOnly ? OTHERS_ANYTHING : OTHERS_WRITE;
  const named = previousMasterKeys.map((path, at) => ({ key: `previousMasterKeys[${at}]`, path }));
  const files = [{ key: 'masterKey', path: masterKey }, ...named];
  for (const { key, path } of files) assertPath(key, path);
  return () => ownKeys(files.map((file) => readKey(file, forbidden)));
}

interface KeyFile {
  readonly key: string;
  readonly path: string | URL;
}

function assertPath(name: string, path: unknown): void {
  if (!(path instanceof URL) && (typeof path !== 'string' || path === '' || !path.isWellFormed())) {
    throw new TypeError(`${name} must be the path of a file, not ${kindOf(path)}`);
  }
}

/** undefined for a previous key that there is not. No message has the path: somebody may have passed the key itself. */
async function readKey({ key, path }: KeyFile, forbidden: number): Promise<Uint8Array | undefined> {
  const bytes = Buffer.alloc(READ_LEN);
  let file: FileHandle | undefined;
  try {
    // Without waiting, as a pipe without a writer would.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await file.stat();
    if (!stats.isFile()) throw new ConfigurationError(`The file of ${key} is not a file`);
    if (process.platform !== 'win32' && (stats.mode & forbidden) !== 0) {
      const whom = forbidden === OTHERS_WRITE ? 'every user may write it' : 'others than its owner may use it';
      throw new ConfigurationError(`The file of ${key} is refused, as ${whom}`);
    }
    const length = await readUpTo(file, bytes);
    const content = bytes.subarray(0, length);
    if (key !== 'masterKey' && withoutLineEnd(content).length === 0) return undefined;
    return keyBytes(`The file of ${key}`, content);
  } catch (error) {
    if (error instanceof CacheKitError) throw error;
    throw new KeyProviderError(`The file of ${key} cannot be read${reasonOf(error)}`, NAME, key);
  } finally {
    bytes.fill(0);
    await file?.close();
  }
}

async function readUpTo(file: FileHandle, bytes: Buffer): Promise<number> {
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) return length;
  }
}

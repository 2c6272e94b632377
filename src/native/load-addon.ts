import { dirname, join } from 'node:path';
import { NativeLoadError } from '../errors.js';
import { origins, ownRequire, requireFrom } from '../util/own-require.js';
import { type Attempt, adviceFor, isThere } from './load-advice.js';
import { platformName } from './platform.js';
import { VERSION } from './version.js';

/** By platform. In `dist/cjs/traced.cjs` the names stand once more, for tools that copy what a program needs. */
const packagesFrom = (require: NodeJS.Require): Record<string, () => unknown> => ({
  'linux-x64-gnu': () => require('cachekit-native-linux-x64-gnu'),
  'linux-x64-musl': () => require('cachekit-native-linux-x64-musl'),
  'linux-arm64-gnu': () => require('cachekit-native-linux-arm64-gnu'),
  'linux-arm64-musl': () => require('cachekit-native-linux-arm64-musl'),
  'darwin-x64': () => require('cachekit-native-darwin-x64'),
  'darwin-arm64': () => require('cachekit-native-darwin-arm64'),
  'win32-x64-msvc': () => require('cachekit-native-win32-x64-msvc'),
  'win32-arm64-msvc': () => require('cachekit-native-win32-arm64-msvc'),
});

/**
 * The addon of this process's platform: the file that `NAPI_RS_NATIVE_LIBRARY_PATH` names and no other; else one beside this
 * code or in the two folders above it (a clone, a bundle); else that of the platform's package.
 *
 * @throws NativeLoadError saying what was tried and what mends it.
 */
export function loadAddon(): unknown {
  const platform = platformName();
  const attempts: Attempt[] = [];
  const attempt = (what: string, load: () => unknown): unknown => {
    try {
      const addon = load() as { version?: () => unknown };
      const version = addon.version?.();
      if (version === VERSION) return addon;
      throw new Error(`it is of version ${version ?? 'unknown'}, not ${VERSION}`);
    } catch (error) {
      attempts.push({ what, reason: String((error as Error)?.message ?? error).split('\n')[0] ?? '' });
      return undefined;
    }
  };
  const found = origins();
  const named = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  const addon = named
    ? attempt(`NAPI_RS_NATIVE_LIBRARY_PATH (${named})`, () => ownRequire(named))
    : (besideOneOf(found) ?? packaged());
  if (addon !== undefined) return addon;
  throw new NativeLoadError(adviceFor(platform, attempts, found));

  function besideOneOf(files: string[]): unknown {
    const above = (file: string) => [dirname(file), dirname(dirname(file)), dirname(dirname(dirname(file)))];
    for (const folder of new Set(files.flatMap(above))) {
      const file = join(folder, `cachekit-native.${platform}.node`);
      const loaded = isThere(file) ? attempt(file, () => ownRequire(file)) : undefined;
      if (loaded !== undefined) return loaded;
    }
    return undefined;
  }

  function packaged(): unknown {
    for (const file of found) {
      const load = packagesFrom(requireFrom(file))[platform];
      const loaded = load && attempt(`the package cachekit-native-${platform}, from ${file}`, load);
      if (loaded !== undefined) return loaded;
    }
    return undefined;
  }
}

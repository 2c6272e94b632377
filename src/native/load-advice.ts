import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { requireFrom } from '../util/own-require.js';
import { PREBUILT } from './platform.js';

/** Where an addon was looked for, and why it was not the one. */
export interface Attempt {
  what: string;
  reason: string;
}

/** The message of a load that failed: at most ten lines, the last of which says what to do in this situation. */
export function adviceFor(platform: string, attempts: readonly Attempt[], files: readonly string[]): string {
  const tried = attempts.slice(0, 6).map(({ what, reason }) => `  ${what}: ${reason}`);
  const looked = files[0] === undefined ? [] : [`  cachekit-native.${platform}.node beside ${files.join(' and ')}`];
  const where = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ? [] : looked;
  return [`No native addon for ${platform}. Tried:`, ...where, ...tried, mend(platform, attempts, files)].join('\n');
}

function mend(platform: string, attempts: readonly Attempt[], files: readonly string[]): string {
  const addon = `cachekit-native.${platform}.node`;
  const name = `cachekit-native-${platform}`;
  const reasons = attempts.map(({ reason }) => reason).join('\n');
  const glibc = /GLIBC_([\d.]+)' not found/.exec(reasons)?.[1];
  if (process.env.NAPI_RS_NATIVE_LIBRARY_PATH) {
    return `Let NAPI_RS_NATIVE_LIBRARY_PATH name a ${addon} of this version, or unset it.`;
  }
  if (glibc !== undefined) {
    return `This file was built for glibc ${glibc} or newer: install the published ${name}, which needs 2.17, or build in the image that runs it.`;
  }
  if (reasons.includes('it is of version')) {
    return 'The addon must be of the same version: remove node_modules and install again, or copy the file that belongs to this one.';
  }
  if (!(PREBUILT as readonly string[]).includes(platform)) {
    return `There is no prebuilt addon for it: with Rust installed, "npm run build" in a clone makes ${addon}; name it in NAPI_RS_NATIVE_LIBRARY_PATH.`;
  }
  const others = installedFrom(files).filter((other) => other !== platform);
  if (others.length > 0) {
    const other = `cachekit-native-${others[0]} is installed instead`;
    return platform.endsWith('-musl')
      ? `${other}, and this Node is built on musl (Alpine): install in the image that runs it, without the node_modules of another one.`
      : `${other}: node_modules or the lockfile were made on another platform. Remove both and install here.`;
  }
  if (files[0] !== undefined && isBundled(files[0])) {
    return `This code runs in a bundle: tell the bundler that cachekit-native is external, or copy ${addon} from ${name} beside the bundle, or name it in NAPI_RS_NATIVE_LIBRARY_PATH.`;
  }
  return `Install it with --include=optional (npm leaves it out with --omit=optional), and delete a lockfile that was made on another platform.`;
}

/** The platforms whose packages are there. */
function installedFrom(files: readonly string[]): string[] {
  const isThere = (file: string, platform: string) => {
    try {
      return requireFrom(file).resolve(`cachekit-native-${platform}/package.json`) !== '';
    } catch {
      return false;
    }
  };
  return PREBUILT.filter((platform) => files.some((file) => isThere(file, platform)));
}

/** Published code lies in the package's dist/, and a clone's in src/native/ or dist/. */
function isBundled(file: string): boolean {
  if (!isThere(file)) return true;
  const folders = [dirname(dirname(file)), dirname(dirname(dirname(file)))];
  return !folders.some((folder) => basename(folder) === 'cachekit-native' || isThere(`${folder}/src-rs`));
}

/** `node --permission` may refuse to say. */
export function isThere(file: string): boolean {
  try {
    return existsSync(file);
  } catch {
    return false;
  }
}

import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Public from '../../index.js';

/** The entries of a build that are compared. */
export type Product = typeof Public;

/** @throws when there is no build of this project in the folder. */
export function assertBuild(folder: string): void {
  const missing = ['package.json', 'dist/index.js'].find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined) {
    throw new Error(
      `${folder} has no ${missing}: --with names another clone of this project in which "npm run build" was run`,
    );
  }
}

export const loadBuild = async (folder: string): Promise<Product> =>
  import(pathToFileURL(join(resolve(folder), 'dist', 'index.js')).href);

/**
 * A second copy of a build, which the engine takes for another program: its own modules, compiled code and addon. What it
 * differs by from the first is noise.
 */
export function copyOfBuild(folder: string): { folder: string; remove(): void } {
  const copy = mkdtempSync(join(tmpdir(), 'cachekit-compare-'));
  // Builds before 0.2.0 have a loader beside the addon.
  const addons = readdirSync(folder).filter((name) => name.endsWith('.node') || name === 'native.cjs');
  for (const name of ['package.json', 'dist', ...addons]) {
    cpSync(join(folder, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(resolve(folder), 'node_modules'), join(copy, 'node_modules'));
  return { folder: copy, remove: () => rmSync(copy, { recursive: true, force: true }) };
}

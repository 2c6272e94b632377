import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Files from whose places packages are looked up: this code's, which is a bundle's where it is in one, and the program's. A bundle in
 * CommonJS has no `import.meta.url`, and some bundlers put a path of the building machine there.
 */
export function origins(): string[] {
  const url: string | undefined = import.meta.url;
  const files = [url?.startsWith('file:') ? fileURLToPath(url) : undefined, process.argv[1]];
  return [...new Set(files.filter((file) => file !== undefined && isAbsolute(file)))] as string[];
}

export const requireFrom = (file: string): NodeJS.Require => createRequire(pathToFileURL(file));

/** `require` for what is loaded only when it is needed. */
export const ownRequire: NodeJS.Require = requireFrom(origins()[0] ?? process.execPath);

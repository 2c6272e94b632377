import module from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Files from whose places packages are looked up: this code's, which is a bundle's where it is in one, and the program's. Some
 * bundlers put a path of the building machine, or nothing, in the place of `import.meta.url`; the engine knows the file.
 */
export function origins(): string[] {
  const files = [runningFile(), import.meta.url, process.argv[1]].map(pathOf);
  return [...new Set(files.filter((file) => file !== undefined))];
}

function pathOf(file: string | null | undefined): string | undefined {
  if (file?.startsWith('file:')) return fileURLToPath(file);
  return file && isAbsolute(file) ? file : undefined;
}

/** The file whose code this is, as the engine has it. */
function runningFile(): string | null | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, [site]) => site?.getFileName();
    return new Error().stack;
  } catch {
    // The properties of Error are frozen.
    return undefined;
  } finally {
    restore(prepareStackTrace, stackTraceLimit);
  }
}

function restore(prepareStackTrace: typeof Error.prepareStackTrace, stackTraceLimit: number): void {
  try {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  } catch {
    // They were never changed.
  }
}

// Not by the name of `createRequire`: webpack puts a require of its own, or nothing, in the place of what it finds by that name.
export const requireFrom = (file: string): NodeJS.Require => module.createRequire(pathToFileURL(file));

/** `require` for what is loaded only when it is needed. */
export const ownRequire: NodeJS.Require = requireFrom(origins()[0] ?? process.execPath);

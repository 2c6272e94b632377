import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { LmdbBackend } from '../../index.js';

export function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cachekit-lmdb-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function backendIn(t: ExecutionContext, directory: string, options: object = {}): LmdbBackend {
  const backend = new LmdbBackend({ directory, ...options });
  t.teardown(() => backend.close());
  return backend;
}

/** Below the directory, in one for the time since the machine was started where that has a name. */
export function dataFile(directory: string): string {
  const below = readdirSync(directory).find((name) => name.startsWith('boot-'));
  return join(directory, below ?? '', 'data.mdb');
}

export async function allKeys(backend: LmdbBackend, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const cacheKey of backend.keys({ prefix })) found.push(cacheKey);
  return found.sort();
}

export const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

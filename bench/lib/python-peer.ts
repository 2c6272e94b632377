import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const python =
  process.platform === 'win32' ? join(root, '.venv', 'Scripts', 'python.exe') : join(root, '.venv', 'bin', 'python');

/** Nanoseconds that encryption adds in Python's cachekit, for each value; undefined where it is not installed. */
export function pythonOverhead(values: unknown[], seconds: number): { write: number; read: number }[] | undefined {
  if (!existsSync(python)) return undefined;
  const { status, stdout, stderr } = spawnSync(python, [join(root, 'bench', 'peer.py')], {
    input: JSON.stringify({ values, seconds }),
    encoding: 'utf8',
  });
  if (status === 0) return JSON.parse(stdout);
  process.stderr.write(`The Python peer could not be measured:\n${stderr}\n`);
  return undefined;
}

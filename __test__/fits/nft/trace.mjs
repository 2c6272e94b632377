// As serverless platforms and `output: 'standalone'` of Next.js do: copy the files that a program's code names, and run it there.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';

for (const [file, printed] of [
  ['example.mjs', 'Ada Lovelace'],
  ['example-cjs.mjs', 'Ada Lovelace'],
  ['alone.mjs', 'alone 5 2 16 16'],
]) {
  const { fileList } = await nodeFileTrace([file]);
  const copy = mkdtempSync(join(tmpdir(), 'cachekit-native-trace-'));
  try {
    for (const path of fileList) cpSync(path, join(copy, path), { dereference: true });
    renameSync('node_modules', 'elsewhere');
    const { stdout, stderr } = spawnSync(process.execPath, [file], { cwd: copy, encoding: 'utf8' });
    if (!stdout.includes(printed) || stderr !== '') throw new Error(`${file}: ${stdout}${stderr}`);
  } finally {
    renameSync('elsewhere', 'node_modules');
    rmSync(copy, { recursive: true });
  }
}

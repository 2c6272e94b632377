import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DIST = new URL('../../dist/index.js', import.meta.url).href;
const tell =
  "import { writeSync } from 'node:fs';\nconst { user, system } = process.cpuUsage();\nwriteSync(1, String(user + system));\n";

/**
 * What an import of the package adds to a process that imports nothing else, as a part of that process's start: processor time of
 * whole processes, in turns, the median of each.
 */
export function importPart(rounds: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-native-import-'));
  try {
    const programs = { bare: tell, imported: `import '${DIST}';\n${tell}` };
    const times: Record<string, number[]> = {};
    for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, `${name}.mjs`), text);
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.keys(programs)) {
        const { stdout, stderr } = spawnSync(process.execPath, [join(folder, `${name}.mjs`)], { encoding: 'utf8' });
        if (stderr !== '') throw new Error(stderr);
        times[name] = [...(times[name] ?? []), Number(stdout)];
      }
    }
    const median = (name: string) => (times[name] ?? []).sort((a, b) => a - b)[rounds >> 1] as number;
    return median('imported') / median('bare') - 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

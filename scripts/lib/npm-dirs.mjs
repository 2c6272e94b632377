import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageJson, runQuietly, Stop, tool } from './project.mjs';

/**
 * Writes npm/ below a folder that has the project's package.json: a package for each platform. What @napi-rs/cli makes has no
 * homepage, and could be published by hand, without the addon: `private` keeps npm from it until it is packed.
 */
export function writeNpmDirs(folder) {
  const cli = tool('@napi-rs/cli/dist/cli.js');
  const { code, output } = runQuietly(process.execPath, [cli, 'create-npm-dirs', '--cwd', folder], { cwd: folder });
  if (code !== 0) throw new Stop(`${output}\nnapi create-npm-dirs failed.`);
  const { homepage } = packageJson();
  for (const name of readdirSync(join(folder, 'npm'))) {
    const file = join(folder, 'npm', name, 'package.json');
    const { name: packageName, version, private: _, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
    const manifest = { name: packageName, version, private: true, homepage, ...rest };
    writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
}

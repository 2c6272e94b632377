import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { platformName } from '../../src/native/platform.js';

const source = new URL('../../src/', import.meta.url);
const modules = ['', 'util/', 'native/', 'serializers/', 'serializers/arrow/'].flatMap((folder) =>
  readdirSync(new URL(folder, source))
    .filter((name) => (folder === '' ? name === 'errors.ts' : folder !== 'serializers/' || name === 'arrow.ts'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => folder + name),
);

/** Runs a module beside ours, compiled as they are published, in a Node process that has only some of our packages. */
export async function runPublished(main: string, packages: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'arrow-'));
  try {
    const compilerOptions = {
      module: ts.ModuleKind.ES2022,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    };
    for (const module of modules) {
      const text = readFileSync(new URL(module, source), 'utf8');
      const path = join(folder, module.replace('.ts', '.js'));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, ts.transpileModule(text, { compilerOptions }).outputText);
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const addon = `cachekit-native.${platformName()}.node`;
    symlinkSync(fileURLToPath(new URL(`../../${addon}`, import.meta.url)), join(folder, addon));
    writeFileSync(join(folder, 'main.js'), main);
    for (const name of packages) {
      const target = join(folder, 'node_modules', name);
      mkdirSync(dirname(target), { recursive: true });
      symlinkSync(fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url)), target, 'junction');
    }
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', join(folder, 'main.js')], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    return stdout.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface PackageJson {
  name: string;
  version: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  engines?: Record<string, string>;
  license?: string;
  exports?: Record<string, unknown>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export const readPackageJson = (folder: string): PackageJson =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

export interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

const npmCli = (): string => {
  const running = process.env.npm_execpath;
  if (running?.endsWith('npm-cli.js')) return running;
  const nodeFolder = dirname(realpathSync(process.execPath));
  return process.platform === 'win32'
    ? join(nodeFolder, 'node_modules/npm/bin/npm-cli.js')
    : join(nodeFolder, '../lib/node_modules/npm/bin/npm-cli.js');
};

/** The packed packages, installed into an empty project on a machine that has Node and nothing else on PATH. */
export class PackedProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'cachekit-native-'));
  readonly project = join(this.folder, 'project');
  readonly path = join(this.folder, 'bin');
  readonly mainTarball: string;
  readonly platformPackage: string;

  constructor() {
    mkdirSync(this.project);
    mkdirSync(this.path);
    symlinkSync(process.execPath, join(this.path, basename(process.execPath)));
    const tarballs = this.#pack();
    this.mainTarball = tarballs[0] ?? '';
    const platformTarball = tarballs[1] ?? '';
    this.platformPackage = basename(platformTarball).replace(/-\d+\.\d+\.\d+.*\.tgz$/, '');
    this.#install(platformTarball);
  }

  #pack(): string[] {
    const script = join(root, 'scripts/pack.mjs');
    const packed = spawnSync(process.execPath, [script, '--out', this.folder], { cwd: root, encoding: 'utf8' });
    if (packed.status !== 0) throw new Error(packed.stderr);
    return packed.stdout.trim().split('\n');
  }

  /**
   * Installs the main tarball only; npm itself picks the platform package among its optional dependencies. They are
   * not on a registry, so each is overridden: ours by its tarball, the others by their folders in npm/, without addon.
   */
  #install(platformTarball: string): void {
    const overrides: Record<string, string> = {};
    for (const platform of readdirSync(join(root, 'npm'))) {
      const { name } = readPackageJson(join(root, 'npm', platform));
      overrides[name] = `file:${name === this.platformPackage ? platformTarball : join(root, 'npm', platform)}`;
    }
    const dependencies = { 'cachekit-native': `file:${this.mainTarball}` };
    writeFileSync(join(this.project, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }));
    const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    const installed = this.run(npmCli(), 'install', ...options);
    if (installed.code !== 0) throw new Error(installed.stdout + installed.stderr);
  }

  /** Runs Node in the project with an otherwise empty PATH. */
  run(...args: string[]): Output {
    return this.runWith({}, ...args);
  }

  /** As `run`, with variables of the environment. */
  runWith(variables: Record<string, string>, ...args: string[]): Output {
    const env = { ...process.env, PATH: this.path, NODE_OPTIONS: '', NODE_PATH: '', ...variables };
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: this.project,
      env,
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  }

  /** Writes a file into the project and answers its path. */
  write(name: string, text: string): string {
    const file = join(this.project, name);
    writeFileSync(file, text);
    return file;
  }

  installed(...parts: string[]): string {
    return join(this.project, 'node_modules', ...parts);
  }
}

/** Every file below a folder, as paths relative to it, in a fixed order. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pack, platforms } from './pack.mjs';
import { at, Stop } from './project.mjs';

/** What of the tests asks most of the addon and needs no process of its own, which an emulator could not start. */
const TEST_FILES = [
  'vectors.test.ts',
  'protocol/*.test.ts',
  'codec/{seal,batch,encryption-wrapper,rewrap,private-names}.test.ts',
  'keys/{keyring,master-key,sealer}.test.ts',
  'native/{abort,result}.test.ts',
];

const npmCli = () => join(dirname(realpathSync(process.execPath)), '../lib/node_modules/npm/bin/npm-cli.js');

/** The sources and tests as JavaScript, so that the Node of a platform needs no compiler of its platform. */
export async function compiledTests() {
  const { build } = await import('esbuild');
  const folder = at('.build', 'platforms', 'tests');
  rmSync(folder, { recursive: true, force: true });
  const sources = ['src', '__test__'].flatMap((name) =>
    readdirSync(at(name), { recursive: true })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
      .map((file) => at(name, file)),
  );
  const options = {
    outdir: folder,
    outbase: at(),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  };
  await build({ entryPoints: [at('index.ts'), ...sources], ...options });
  cpSync(at('__test__', 'vectors'), join(folder, '__test__', 'vectors'), { recursive: true });
  symlinkSync(at('node_modules'), join(folder, 'node_modules'), 'junction');
  writeFileSync(join(folder, 'package.json'), '{"name":"tests","private":true,"type":"module"}\n');
  const files = TEST_FILES.map((file) => `__test__/${file.replace(/\.ts$/, '.js')}`);
  // Worker threads: a process that an emulated Node starts is not emulated.
  writeFileSync(
    join(folder, 'ava.config.js'),
    `export default ${JSON.stringify({ files, workerThreads: true, concurrency: 2, timeout: '20m' })};\n`,
  );
  return folder;
}

/** Runs the compiled tests with an addon: how many passed, and what failed. */
export function runTests(node, folder, addon) {
  const [command, ...args] = node.command;
  const { stdout, stderr, error } = spawnSync(command, [...args, 'node_modules/ava/entrypoints/cli.mjs', '--tap'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...cleanEnvironment(), NAPI_RS_NATIVE_LIBRARY_PATH: addon },
  });
  if (error) throw new Stop(`${command} could not be started: ${error.message}`);
  const lines = stdout.split('\n');
  const passed = lines.filter((line) => /^ok \d/.test(line) && !/# (?:SKIP|TODO)/.test(line)).length;
  const failed = lines.filter((line) => line.startsWith('not ok'));
  return { passed, failed, output: `${stdout.slice(-4_000)}${stderr.slice(-4_000)}` };
}

const cleanEnvironment = () => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  TMPDIR: process.env.TMPDIR ?? tmpdir(),
});

/** All packages, packed with the addons of npm/: the tarballs by the package's name. */
export function packedPackages(names, { gathered = true } = {}) {
  const out = at('.build', 'platforms', 'packages');
  rmSync(out, { recursive: true, force: true });
  const [main, ...tarballs] = pack(out, names, { gathered });
  return { main, byPlatform: Object.fromEntries(names.map((name, i) => [name, tarballs[i]])) };
}

/**
 * An empty project in which the Node of a platform has installed the main package with its own npm, that is: has chosen among
 * the platform packages by itself. Those without an addon here are their folders in npm/.
 */
export function installedProject(node, { main, byPlatform }) {
  const folder = mkdtempSync(join(tmpdir(), 'cachekit-native-platform-'));
  const overrides = Object.fromEntries(
    platforms().map((name) => [`cachekit-native-${name}`, `file:${byPlatform[name] ?? at('npm', name)}`]),
  );
  const { ioredis } = JSON.parse(readFileSync(at('package.json'), 'utf8')).devDependencies;
  const dependencies = { 'cachekit-native': `file:${main}`, ioredis };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies, overrides }),
  );
  const options = ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const installed = runIn(folder, node, [npmCli(), ...options]);
  if (installed.status !== 0) throw new Stop(`npm install under ${node.name}: ${installed.stdout}${installed.stderr}`);
  const chosen = readdirSync(join(folder, 'node_modules')).filter((name) => name.startsWith('cachekit-native-'));
  return { folder, chosen, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs a program of a project by the Node of a platform, with nothing on PATH: no compiler, no other Node. */
export function runIn(folder, node, args, env = {}) {
  const [command, ...first] = node.command;
  const path = join(folder, 'empty');
  mkdirSync(path, { recursive: true });
  return spawnSync(command, [...first, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { HOME: process.env.HOME, TMPDIR: tmpdir(), PATH: path, ...env },
  });
}

/** A Redis server of its own on a free port. */
export async function startRedis() {
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await new Promise((resolve, reject) => {
    child.once('error', () => reject(new Stop('redis-server is needed (apt-get install redis-server).')));
    child.once('exit', () => reject(new Stop('redis-server did not start.')));
    child.stdout.on('data', (text) => /Ready to accept/.test(text) && resolve());
  });
  return { url: `redis://127.0.0.1:${port}`, stop: () => child.kill() };
}

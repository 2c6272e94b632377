import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path inside the project. */
export const at = (...parts) => join(root, ...parts);

export const packageJson = () => JSON.parse(readFileSync(at('package.json'), 'utf8'));

/** Progress goes to stderr, so that what a command prints on stdout is its result. */
export function say(message) {
  process.stderr.write(`${message}\n`);
}

/** A failure that the user can mend: printed without a stack. */
export class Stop extends Error {}

/** Runs a script's body; a `Stop` becomes one line and exit code 1. */
export async function main(body) {
  try {
    requireNode();
    process.exitCode = (await body(process.argv.slice(2))) ?? 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(`\n${error.message}`);
    process.exitCode = 1;
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Stop(`Node >= 20.19 is needed; this is ${process.version}.`);
}

/** Prints the usage and answers true when the arguments ask for it. */
export function asksForHelp(args, usage) {
  if (!args.includes('--help') && !args.includes('-h')) return false;
  process.stdout.write(`${usage.trim()}\n`);
  return true;
}

/** The JavaScript of an installed command line tool, to be run by this very Node. */
export const tool = (path) => at('node_modules', ...path.split('/'));

/** Whether a program is on PATH. */
export function onPath(program) {
  const extensions = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) =>
    extensions.some((extension) => folder && existsSync(join(folder, program + extension))),
  );
}

/** Runs a command with its output passed through, and answers its exit code. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** Runs a command whose output only matters when it fails. */
export function runQuietly(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.error) throw new Stop(`${command} could not be started: ${result.error.message}`);
  return { code: result.status ?? 1, stdout: result.stdout, output: `${result.stdout}${result.stderr}` };
}

/** npm as it was found by the running script, else from PATH. */
export function npm(args, options) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js') && existsSync(script)) return runQuietly(process.execPath, [script, ...args], options);
  return process.platform === 'win32'
    ? runQuietly('npm.cmd', args, { shell: true, ...options })
    : runQuietly('npm', args, options);
}

/** Seconds since `start` (a `performance.now()`), as people read them. */
export const seconds = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

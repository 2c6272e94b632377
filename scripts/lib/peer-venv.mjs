import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { at, onPath, runQuietly, Stop, say, seconds } from './project.mjs';

const requirements = at('__test__', 'peer', 'requirements.txt');
/** A copy of the requirements that the environment was made from; the last file written, so it also marks completeness. */
const installed = at('.venv', 'requirements.txt');

const python = () =>
  process.platform === 'win32' ? at('.venv', 'Scripts', 'python.exe') : at('.venv', 'bin', 'python');

const isFresh = () =>
  existsSync(python()) &&
  existsSync(installed) &&
  readFileSync(installed, 'utf8') === readFileSync(requirements, 'utf8');

/** Makes the peer's virtual environment when it is stale. Without Python: a message, or in CI a failure. */
export function ensurePeerVenv() {
  if (!existsSync(requirements) || isFresh()) return;
  const start = performance.now();
  say('installing the Python peer of the compatibility tests into .venv (about a minute) …');
  try {
    make();
  } catch (error) {
    if (!(error instanceof Stop) || process.env.CI === 'true') throw error;
    say(`${error.message}\nThe tests against the Python peer will be skipped.`);
    return;
  }
  say(`installed the Python peer in ${seconds(start)}`);
}

function make() {
  const command = ['python3', 'python'].find(onPath);
  if (!command) throw new Stop('Python 3 is not on PATH.');
  check(runQuietly(command, ['-m', 'venv', '--clear', at('.venv')]), 'python3 -m venv failed');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  check(runQuietly(python(), pip), 'pip install failed');
  copyFileSync(requirements, installed);
}

function check({ code, output }, message) {
  if (code !== 0) throw new Stop(`${output.trim().split('\n').slice(-5).join('\n')}\n${message}.`);
}

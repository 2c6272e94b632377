import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, root, Stop, say } from './project.mjs';

const stateDir = at('.build');
const stampFile = (step) => join(stateDir, `${step}.json`);

/** Every file below the given files and folders of the project, in a fixed order. */
export function filesOf(paths) {
  const found = [];
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (!statSync(path).isDirectory()) return found.push(path);
    for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  for (const path of paths) visit(at(path));
  return found;
}

/** A fingerprint of contents, so that a checkout which only touches times rebuilds nothing. */
function hashOf(paths, extra) {
  const hash = createHash('sha256').update(JSON.stringify(extra));
  for (const file of filesOf(paths))
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

const outputState = (outputs) =>
  outputs.map((output) => {
    if (!existsSync(at(output))) return `${output}: missing`;
    const { size, mtimeMs } = statSync(at(output));
    return `${output}: ${size} ${mtimeMs}`;
  });

/**
 * A build step that is done again when its inputs changed, or when its outputs are missing or not the ones it made.
 * `extra` is anything else the outputs depend on.
 */
export function step({ name, inputs, outputs, extra = null }) {
  const state = () => ({ inputs: hashOf(inputs, extra), outputs: outputState(outputs) });
  return {
    name,
    isFresh() {
      if (!existsSync(stampFile(name))) return false;
      return readFileSync(stampFile(name), 'utf8') === JSON.stringify(state());
    },
    /** Takes the inputs before the build and stamps them after it: a file edited meanwhile leaves the step stale. */
    async build(work) {
      const { inputs: before } = state();
      rmSync(stampFile(name), { force: true });
      await work();
      const missing = outputs.filter((output) => !existsSync(at(output)));
      if (missing.length > 0) throw new Stop(`the build made no ${missing.join(', ')}`);
      mkdirSync(stateDir, { recursive: true });
      writeFileSync(stampFile(name), JSON.stringify({ inputs: before, outputs: outputState(outputs) }));
    },
  };
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** One build at a time in a checkout: a second one waits, and the lock of a process that died is taken over. */
export async function exclusively(work) {
  const lock = join(stateDir, 'lock');
  const owner = join(lock, 'pid');
  mkdirSync(stateDir, { recursive: true });
  for (let waited = 0; ; waited++) {
    try {
      mkdirSync(lock);
      writeFileSync(owner, String(process.pid));
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : undefined;
    // Without a pid the owner is between its two calls; after five seconds it is taken for dead.
    if (pid ? !isAlive(pid) : waited > 50) rmSync(lock, { recursive: true, force: true });
    else if (waited === 10) say(`waiting for another build in this checkout (process ${pid ?? 'unknown'}) …`);
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

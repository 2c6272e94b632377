import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at, runQuietly, Stop } from './project.mjs';
import { addonName } from './steps.mjs';

/** A copy of the project, in which code is broken and mended again. */
export class MutantTree {
  folder = at('.build', 'mutants', 'tree');
  #originals = new Map();

  constructor() {
    const { code, stdout, output } = runQuietly('git', [
      'ls-files',
      '-z',
      '--cached',
      '--others',
      '--exclude-standard',
    ]);
    if (code !== 0) throw new Stop(`${output}\nThe files of the project could not be listed.`);
    rmSync(this.folder, { recursive: true, force: true });
    const files = [...stdout.split('\0').filter(Boolean), 'native.cjs', 'native.d.cts', addonName()];
    for (const file of files) {
      if (!existsSync(at(file))) continue;
      mkdirSync(dirname(join(this.folder, file)), { recursive: true });
      // With the time of now: cargo must not take what it built of a mutant for newer than its source.
      copyFileSync(at(file), join(this.folder, file));
    }
    symlinkSync(at('node_modules'), join(this.folder, 'node_modules'), 'junction');
  }

  /** The text of a mutant's file with its error in it. @throws Stop when what is to be replaced is not there exactly once. */
  mutated({ name, file, from, to }) {
    const original = this.#original(file);
    const parts = original.split(from);
    if (parts.length !== 2) {
      throw new Stop(`${name}: what it replaces is ${parts.length - 1} times in ${file}, and not once.`);
    }
    return parts.join(to);
  }

  write(file, text) {
    writeFileSync(join(this.folder, file), text);
  }

  restore(file) {
    this.write(file, this.#original(file));
  }

  #original(file) {
    if (!this.#originals.has(file)) this.#originals.set(file, readFileSync(join(this.folder, file), 'utf8'));
    return this.#originals.get(file);
  }
}

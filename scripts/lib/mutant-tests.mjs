import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { at, tool } from './project.mjs';
import { addonName } from './steps.mjs';
import { cargoReader, tapReader } from './tap.mjs';

/** A mutant that never ends is no mutant that a test has found. */
const MOST_MS = 300_000;
/** Lines of a program's output that are shown when something is wrong with it. */
const SHOWN = 30;

const LIBRARY = { win32: 'cachekit_native.dll', darwin: 'libcachekit_native.dylib' };

/**
 * Runs tests by name in a copy of the project. A name is that of a Rust test, or the file and the title of a TypeScript test.
 * What they need of Rust is compiled without optimization, which takes seconds.
 */
export class MutantTests {
  #folder;
  #target = at('.build', 'mutants', 'target');

  constructor(folder) {
    this.#folder = folder;
  }

  /**
   * @param build whether the addon has to be built for the tests in TypeScript.
   * @returns counts; `error` when something could not even be compiled; `failedAlone`: one test failed, which is the one that was named.
   */
  async run(names, { build }) {
    const rust = [...new Set(names.filter((name) => typeof name === 'string'))];
    const ts = [...new Map(names.filter((name) => typeof name !== 'string').map((name) => [id(name), name])).values()];
    const parts = [];
    if (rust.length > 0) parts.push(await this.#rust(rust));
    if (ts.length > 0) parts.push(await this.#ts(ts, build));
    const sum = (count) => parts.reduce((total, part) => total + (part[count] ?? 0), 0);
    const failures = parts.flatMap((part) => part.failures ?? []);
    const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
    const alone = rust.length + ts.length === 1 && passed === 0 && failed === 1;
    return {
      tests: rust.length + ts.length,
      passed,
      failed,
      skipped,
      error: parts.find(({ error }) => error)?.error,
      failedAlone: alone && isNamed(failures[0], names[0]),
      output: parts.map(({ output }) => output).join('\n'),
    };
  }

  async #rust(names) {
    const compiled = await this.#cargo(['test', '--quiet', '--lib', '--no-run']);
    if (compiled.code !== 0) return { error: `does not compile:\n${compiled.output}` };
    const reader = cargoReader();
    const { output } = await this.#cargo(['test', '--lib', '--', '--exact', ...names], (line) => reader.line(line));
    return { ...reader.results(), output };
  }

  async #ts(tests, build) {
    const env = { ...process.env };
    if (build) {
      const compiled = await this.#cargo(['build', '--quiet', '--lib', '--features', 'test-hooks']);
      if (compiled.code !== 0) return { error: `does not compile:\n${compiled.output}` };
      env.NAPI_RS_NATIVE_LIBRARY_PATH = this.#placeAddon();
    }
    const reader = tapReader(() => {});
    const files = new Set(tests.map(({ file }) => file));
    // A title is a pattern to ava.
    const titles = tests.map(({ title }) => `--match=${title.replace(/[\\*!]/g, '\\$&')}`);
    const args = [tool('ava/entrypoints/cli.mjs'), '--tap', '--timeout=60s', ...files, ...titles];
    const { output } = await this.#program(process.execPath, args, env, (line) => reader.line(line));
    return { ...reader.results(), output };
  }

  // Where tests look for the one that has hooks for them.
  #placeAddon() {
    const folder = join(this.#folder, '.build', 'test-hooks');
    mkdirSync(folder, { recursive: true });
    const addon = join(folder, addonName());
    copyFileSync(join(this.#target, 'debug', LIBRARY[process.platform] ?? 'libcachekit_native.so'), addon);
    return addon;
  }

  #cargo(args, line) {
    const env = {
      ...process.env,
      CARGO_TARGET_DIR: this.#target,
      CARGO_PROFILE_DEV_DEBUG: '0',
      CARGO_INCREMENTAL: '1',
    };
    return this.#program('cargo', args, env, line);
  }

  async #program(command, args, env, line = () => {}) {
    const options = { cwd: this.#folder, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: MOST_MS };
    const child = spawn(command, args, options);
    const exit = new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve(code ?? 1)));
    const last = [];
    const read = async (stream, each) => {
      for await (const text of createInterface({ input: stream })) {
        each(text);
        last.push(text);
        if (last.length > SHOWN) last.shift();
      }
    };
    await Promise.all([read(child.stdout, line), read(child.stderr, () => {})]);
    return { code: await exit, output: last.join('\n') };
  }
}

const id = ({ file, title }) => `${file}\0${title}`;

/** ava puts parts of the path before a title. */
const isNamed = (failure, name) =>
  typeof name === 'string' ? failure === name : failure === name.title || failure.endsWith(` › ${name.title}`);

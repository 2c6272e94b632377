import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { at, onPath, root, run, runQuietly, Stop, say, tool } from './project.mjs';

/** TypeScript tests that between them call every function of the addon, and measure neither time nor memory. */
const TESTS = [
  'vectors',
  'cache/calls',
  'cache/first-tier',
  'cache/gathered',
  'cache/tags',
  'backends/file',
  'backends/memory',
  'codec/batch',
  'codec/encryption-wrapper',
  'codec/private-names',
  'codec/seal',
  'keys/keyring',
  'keys/sealer',
  'native/abort',
  'native/file-lock',
  'protocol/byte-storage',
  'security/aliasing',
  'security/altered-containers',
  'security/hostile-values',
  'security/lent-memory',
  'security/memory',
  'security/worker-termination',
  'serializers/arrow',
  'serializers/arrow-compression',
];

/** What counts: neither tests nor what only benchmarks call, nor other crates. */
const NOT_COUNTED = String.raw`/src-rs/(tests/|binding/bench\.rs)|/\.cargo/|/rustc/|/library/`;

/** Which lines of the crate are executed, by rustc's own instrumentation and LLVM's tools. */
export class RustCoverage {
  #folder = at('.build', 'coverage', 'rust');
  #tools = llvmTools();
  #objects = [];

  /** Runs all tests; whether they have passed. */
  async run() {
    rmSync(this.#profiles, { recursive: true, force: true });
    mkdirSync(this.#profiles, { recursive: true });
    const { env } = this;
    const rustTests = this.#built(['--profile', 'test'], 'cachekit_native');
    const addon = this.#built(['--crate-type', 'cdylib'], 'cachekit_native');
    // Before it is replaced by a build that does not count.
    const loaded = join(this.#folder, 'cachekit-native.node');
    copyFileSync(addon, loaded);
    this.#objects = [rustTests, loaded];
    say('running the Rust tests …');
    const rust = await run(rustTests, ['--quiet'], { env });
    say('running TypeScript tests with this build …');
    const files = TESTS.map((name) => `__test__/${name}.test.ts`);
    const args = [tool('ava/entrypoints/cli.mjs'), '--concurrency=2', '--timeout=10m', ...files];
    const ts = await run(process.execPath, args, { env: { ...env, NAPI_RS_NATIVE_LIBRARY_PATH: loaded } });
    return rust === 0 && ts === 0;
  }

  /** Lines that were executed, by file, and in percent of all. */
  report() {
    const { profdata, cov } = this.#tools;
    const merged = join(this.#folder, 'merged.profdata');
    const raw = readdirSync(this.#profiles).map((name) => join(this.#profiles, name));
    if (raw.length < 2) throw new Stop('The tests have left no counts.');
    output(profdata, ['merge', '-sparse', '-o', merged, ...raw]);
    const [first, ...others] = this.#objects;
    const objects = [first, ...others.flatMap((object) => ['-object', object])];
    const options = ['-summary-only', `-instr-profile=${merged}`, `-ignore-filename-regex=${NOT_COUNTED}`];
    const [{ files, totals }] = JSON.parse(output(cov, ['export', ...options, ...objects])).data;
    const counted = files.map(({ filename, summary }) => ({
      name: filename.replace(`${root}/`, ''),
      ...summary.lines,
    }));
    return { files: counted, percent: totals.lines.percent };
  }

  get env() {
    // One file for each build, into which every process adds; some at a time, as they wait for each other.
    return { ...process.env, LLVM_PROFILE_FILE: join(this.#profiles, '%4m.profraw') };
  }

  get #profiles() {
    return join(this.#folder, 'profiles');
  }

  /** The file that cargo makes of this crate alone, as others need not be counted. */
  #built(args, name) {
    const all = ['rustc', '--lib', '--message-format=json-render-diagnostics', ...args, '--', '-Cinstrument-coverage'];
    const env = { ...process.env, CARGO_TARGET_DIR: join(this.#folder, 'target') };
    say(`building ${args.at(-1)} with counters (cargo) …`);
    const messages = output('cargo', all, { env }).split('\n').filter(Boolean);
    const made = messages
      .map((line) => JSON.parse(line))
      .filter(({ reason, target }) => reason === 'compiler-artifact' && target.name === name);
    const { executable, filenames = [] } = made.at(-1) ?? {};
    const file = executable ?? filenames.find((path) => /\.(so|dylib|dll)$/.test(path));
    if (!file) throw new Stop('cargo has built nothing that counts.');
    return file;
  }
}

function output(command, args, options) {
  const { code, stdout, output } = runQuietly(command, args, options);
  if (code !== 0) throw new Stop(`${output}\n${command} failed.`);
  return stdout;
}

/** LLVM's tools that can read what this rustc writes: of its version, or newer. */
function llvmTools() {
  const version = output('rustc', ['-vV']);
  const major = Number(/LLVM version: (\d+)/.exec(version)?.[1]);
  const host = /host: (.*)/.exec(version)?.[1] ?? '';
  const own = join(output('rustc', ['--print', 'sysroot']).trim(), 'lib', 'rustlib', host, 'bin');
  const places = [
    (name) => join(own, name),
    ...[0, 1, 2, 3].map((newer) => (name) => `${name}-${major + newer}`),
    (name) => name,
  ];
  for (const place of places) {
    const [profdata, cov] = ['llvm-profdata', 'llvm-cov'].map(place);
    if (versionOf(profdata) >= major && versionOf(cov) >= major) return { profdata, cov };
  }
  throw new Stop(
    `llvm-profdata and llvm-cov of LLVM ${major} or newer are needed (Debian: apt-get install llvm-${major}).`,
  );
}

function versionOf(program) {
  if (!(isAbsolute(program) ? existsSync(program) : onPath(program))) return 0;
  return Number(/LLVM version (\d+)/.exec(output(program, ['--version']))?.[1]);
}

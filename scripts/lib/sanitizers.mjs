import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { at, onPath, run, runQuietly, Stop, say, seconds } from './project.mjs';
import { requireRust } from './steps.mjs';

const TARGET = 'x86_64-unknown-linux-gnu';

/** What is known to be no race of the addon, by name. */
const SUPPRESSED = [
  // The standard library comes compiled without the sanitizer. The fence of an Arc's last owner is not seen, for which it has a
  // load where it is compiled with it;
  'race:*5alloc4sync*3Arc*9drop_slow*',
  'race:*5alloc4sync*3Arc*4Drop4drop*',
  // what was made by a Once is seen by other threads without the sanitizer's knowing;
  'race:*4sync4once5futex*4Once4call*',
  // and a Mutex that had to be waited for is taken unseen, such as the one around this table of napi.
  'race:*4napi15bindgen_runtime13native_borrow*',
  // napi-sys looks the functions of Node-API up again for each environment, and writes the same addresses.
  'race_top:*8napi_sys9functions*',
];

const SANITIZERS = {
  address: {
    library: 'libasan.so',
    // What ends with the process need not be freed.
    options: { variable: 'ASAN_OPTIONS', values: ['detect_leaks=0'] },
    flags: '',
    /** Node is not compiled for it: all that it can see there are calls into the C library. */
    isOurs: () => true,
  },
  thread: {
    library: 'libtsan.so',
    options: { variable: 'TSAN_OPTIONS', values: ['exitcode=0', 'history_size=4'] },
    // GCC's library has no functions of their own for copies; it sees the C library's.
    flags: '-Cunsafe-allow-abi-mismatch=sanitizer -Cllvm-args=-tsan-instrument-memintrinsics=0',
    /** Node's own atomic operations are not seen, so that what it does among its threads looks like races. */
    isOurs: (report) => accesses(report).some((frames) => frames.find(isNoRuntime)?.includes('.node+0x')),
  },
};

export const sanitizerNames = Object.keys(SANITIZERS);

/** The addon, compiled for a sanitizer, and what a process needs to run with it. */
export class Sanitized {
  #name;
  #folder;
  #library;

  constructor(name) {
    this.#name = name;
    this.#folder = at('.build', 'sanitizers', name);
    if (process.platform !== 'linux' || process.arch !== 'x64') throw new Stop('The sanitizers run on x64 Linux.');
    requireRust();
    const { library } = SANITIZERS[name];
    this.#library = onPath('gcc') ? runQuietly('gcc', [`-print-file-name=${library}`]).stdout.trim() : '';
    if (!isAbsolute(this.#library)) throw new Stop(`GCC and its ${library} are needed.`);
    if (!onPath('setarch')) throw new Stop('setarch is needed (util-linux).');
  }

  get addon() {
    return join(this.#folder, 'cachekit-native.node');
  }

  get #logs() {
    return join(this.#folder, 'reports');
  }

  async build() {
    const start = performance.now();
    say(`building the addon for the ${this.#name} sanitizer (cargo; one to two minutes the first time) …`);
    const target = join(this.#folder, 'target');
    const code = await run('cargo', ['build', '--release', '--lib', '--quiet', '--target', TARGET], {
      env: {
        ...process.env,
        // What is no part of stable Rust, of the toolchain that is there.
        RUSTC_BOOTSTRAP: '1',
        RUSTFLAGS: `-Zsanitizer=${this.#name} ${SANITIZERS[this.#name].flags} -Ccodegen-units=1 -Cdebuginfo=1`,
        CARGO_PROFILE_RELEASE_LTO: 'off',
        CARGO_PROFILE_RELEASE_STRIP: 'none',
        CARGO_TARGET_DIR: target,
      },
    });
    if (code !== 0) throw new Stop("the addon could not be built; cargo's message stands above.");
    copyFileSync(join(target, TARGET, 'release', 'libcachekit_native.so'), this.addon);
    say(`built it in ${seconds(start)}`);
  }

  /** The command that runs Node with the sanitizer, and its environment. Forgets reports that were there. */
  command(args) {
    const { options } = SANITIZERS[this.#name];
    rmSync(this.#logs, { recursive: true, force: true });
    mkdirSync(this.#logs, { recursive: true });
    const suppressions = join(this.#folder, 'suppressions');
    writeFileSync(suppressions, this.#name === 'thread' ? `${SUPPRESSED.join('\n')}\n` : '');
    const values = [...options.values, `suppressions=${suppressions}`, `log_path=${join(this.#logs, 'report')}`];
    return {
      // Where the system places memory at random, some of it is where the sanitizer's own must be.
      command: 'setarch',
      args: ['-R', process.execPath, ...args],
      env: {
        ...process.env,
        NAPI_RS_NATIVE_LIBRARY_PATH: this.addon,
        // The addon too: names are looked up in what was there before the first report.
        LD_PRELOAD: `${this.#library}:${this.addon}`,
        [options.variable]: values.join(':'),
      },
    };
  }

  /** What was reported since the last command: of the addon, and how often of Node alone. */
  reports() {
    const all = readdirSync(this.#logs).flatMap((name) => split(readFileSync(join(this.#logs, name), 'utf8')));
    const ours = all.filter((report) => SANITIZERS[this.#name].isOurs(report));
    return { ours, others: all.length - ours.length };
  }
}

/** The frames of the two accesses of a race; what lies below calls of V8 in them can be left over. */
const accesses = (report) =>
  report
    .split('\n\n')
    .filter((part) => /^ +(?:Previous )?(?:atomic )?(?:read|write) of size/im.test(part))
    .map((part) => part.split('\n').filter((line) => /^ +#\d+ /.test(line)));

const isNoRuntime = (frame) => !frame.includes('(libtsan.so');

const split = (text) => text.split(/^=+$/m).filter((part) => /(?:ERROR|WARNING): \w+Sanitizer/.test(part));

import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { inspectAddon } from './lib/addon-checks.mjs';
import { asksForHelp, at, main, root, run, Stop, say, seconds } from './lib/project.mjs';
import { requireRust } from './lib/steps.mjs';
import { addonPath, chosen, cross, ELSEWHERE, ensureTools, outputOf, TARGETS } from './lib/targets.mjs';

const usage = `
npm run build:platforms [-- PLATFORM …]

Builds the addons for Linux, on an x64 Debian, into npm/PLATFORM/: ${Object.keys(TARGETS).join(', ')}.
Each is checked: the machine, the libraries and the glibc that it needs, what it exports, its size, and that no
path of this machine is in it. Those of macOS and Windows are built where they are named, on such a machine. What is needed to compile is fetched once, below .build/cross/.

  --check   only check the files that are there
  --help    this text
`;

/** The parts of cargo's environment that differ by target. Compilers and flags that differ have folders of their own. */
function environment(platform) {
  const { glibc, arch } = TARGETS[platform] ?? {};
  // The compiler that everything else here is built and tested with.
  const own = platform === 'linux-x64-gnu' || platform in ELSEWHERE;
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const sysroot = own ? outputOf('rustc', ['--print', 'sysroot']).trim() : cross('rust', 'usr');
  const flags = [
    `--remap-path-prefix=${root.replace(/\/$/, '')}=.`,
    `--remap-path-prefix=${cargoHome}=cargo`,
    `--remap-path-prefix=${sysroot}=rust`,
    ...(glibc || own ? [] : ['-Ctarget-feature=-crt-static']),
  ];
  const tools = [...(own ? [] : [cross('bin')]), cross('venv', 'bin')];
  const common = { ...process.env, CARGO_ENCODED_RUSTFLAGS: flags.join('\x1f') };
  if (platform in ELSEWHERE) return common;
  return {
    ...common,
    PATH: [...tools, process.env.PATH].join(delimiter),
    CARGO_TARGET_DIR: cross('target', own ? 'own' : glibc ? arch : `${arch}-musl`),
    // The standard library is compiled too, which is not stable.
    ...(glibc ? {} : { RUSTC_BOOTSTRAP: '1' }),
  };
}

async function build(platform) {
  const start = performance.now();
  say(`building ${platform} …`);
  const library = platform in ELSEWHERE ? await buildElsewhere(platform) : await buildForLinux(platform);
  mkdirSync(dirname(addonPath(platform)), { recursive: true });
  copyFileSync(library, addonPath(platform));
  say(`built ${platform} in ${seconds(start)}`);
}

/** On macOS or Windows, with that system's linker. */
async function buildElsewhere(platform) {
  const { triple, library } = ELSEWHERE[platform];
  const options = ['build', '--release', '--lib', '--locked', '--target', triple];
  const code = await run('cargo', options, { env: environment(platform) });
  if (code !== 0) throw new Stop(`${platform} could not be built; cargo's message stands above.`);
  return at('target', triple, 'release', library);
}

async function buildForLinux(platform) {
  const { triple, glibc } = TARGETS[platform];
  const env = environment(platform);
  const options = ['--release', '--lib', '--locked', '--target', glibc ? `${triple}.${glibc}` : triple];
  const std = glibc ? [] : ['-Zbuild-std=std,panic_unwind'];
  const code = await run('cargo', ['zigbuild', ...std, ...options], { env });
  if (code !== 0) throw new Stop(`${platform} could not be built; cargo's message stands above.`);
  return join(env.CARGO_TARGET_DIR, triple, 'release', 'libcachekit_native.so');
}

/** Prints an addon's figures; false when it is not what may be published. */
function check(platform) {
  if (platform in ELSEWHERE) return existsSync(addonPath(platform));
  const { faults, size, libraries, newest } = inspectAddon(platform, addonPath(platform));
  const figures = `${(size / 1e6).toFixed(2)} MB, needs ${newest}; ${libraries.join(', ')}`;
  process.stdout.write(`${faults.length === 0 ? 'ok    ' : 'FAULT '} ${platform}: ${figures}\n`);
  for (const fault of faults) process.stdout.write(`         ${fault}\n`);
  return faults.length === 0;
}

await main(async (args) => {
  if (asksForHelp(args, usage)) return;
  const platforms = chosen(args.filter((arg) => arg !== '--check'));
  if (!args.includes('--check')) {
    requireRust();
    const linux = platforms.filter((name) => name in TARGETS);
    if (linux.length > 0) await ensureTools(linux.every((name) => name === 'linux-x64-gnu') ? 'zig' : 'build');
    for (const platform of platforms) await build(platform);
  }
  const sound = platforms.map(check);
  const failed = sound.filter((fine) => !fine).length;
  process.stdout.write(`${platforms.length} addons, ${failed} with a fault, in ${at('npm')}\n`);
  return failed === 0 ? 0 : 1;
});

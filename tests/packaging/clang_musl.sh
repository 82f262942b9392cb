#!/usr/bin/env bash
# Another compiler and another libc: build library and examples with the clang of PyPI's ziglang for musl, warnings being errors,
# and let a program that is linked so talk with Python: clang_musl.sh PYTHON_WITH_ZIGLANG PYTHON
set -euo pipefail
zig=$(realpath -s "$1") python=$(realpath -s "$2") here=$(dirname "$(realpath "$0")")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
fail() { echo "clang, musl: $1" >&2; exit 1; }

# cmake splits CC at spaces, which the path to the tree may have.
printf '#!/bin/sh\nexec "%s" -m ziglang cc -target %s-linux-musl "$@"\n' "$zig" "$(uname -m)" >"$work/cc"
chmod +x "$work/cc"
# What zig compiles of its own (musl among it) is kept for the next time.
cache=$(realpath "$here/../..")/build/zig-cache
export ZIG_GLOBAL_CACHE_DIR=$cache ZIG_LOCAL_CACHE_DIR=$cache CC=$work/cc DESTDIR=$work/root

"$here/readme_install.sh" "$work" -DPMIPC_WARNINGS_AS_ERRORS=ON -DPMIPC_BUILD_EXAMPLES=ON >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail "the README's install line fails"; }
library=$(find "$work/root" -name libpolymorph_ipc.a)
"$CC" -O2 -I "$(dirname "$(find "$work/root" -name polymorph_ipc -type d -path '*include*')")" "$here/doubler.c" "$library" -o "$work/doubler_musl"
"$python" "$here/talk.py" "$work/doubler_musl"

# What the system says of an error: musl's strerror_r is POSIX's, not GNU's.
said=$(POLYMORPH_IPC_DIR=$work/log "$work/doubler_musl" question answer 1 2>&1 || true)
grep --quiet 'Not a directory (errno 20)' <<<"$said" || fail "expected the words for errno 20, got: $said"
echo "clang, musl: $("$CC" --version | head -1), library and examples without a warning, musl and glibc talk"

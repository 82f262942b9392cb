#!/usr/bin/env bash
# Another compiler and another libc: build the library and the examples with the clang of PyPI's ziglang for musl, with warnings
# as errors. A program that is linked with it exchanges samples with Python: clang_musl.sh PYTHON_WITH_ZIGLANG PYTHON
set -euo pipefail
zig=$(realpath -s "$1") python=$(realpath -s "$2") here=$(dirname "$(realpath "$0")")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
fail() { echo "clang, musl: $1" >&2; exit 1; }

# cmake splits CC at spaces, and the path of the tree may contain spaces.
printf '#!/bin/sh\nexec "%s" -m ziglang cc -target %s-linux-musl "$@"\n' "$zig" "$(uname -m)" >"$work/cc"
chmod +x "$work/cc"
# The cache keeps what zig compiles for itself, musl for example, for the next run.
cache=$(realpath "$here/../..")/build/zig-cache
export ZIG_GLOBAL_CACHE_DIR=$cache ZIG_LOCAL_CACHE_DIR=$cache CC=$work/cc DESTDIR=$work/root

"$here/readme_install.sh" "$work" -DPMIPC_WARNINGS_AS_ERRORS=ON -DPMIPC_BUILD_EXAMPLES=ON >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail "the README's install line fails"; }
library=$(find "$work/root" -name libpolymorph_ipc.a)
"$CC" -O2 -I "$(dirname "$(find "$work/root" -name polymorph_ipc -type d -path '*include*')")" "$here/doubler.c" "$library" -o "$work/doubler_musl"
"$python" "$here/talk.py" "$work/doubler_musl"

# The text of a system error: musl's strerror_r is POSIX's, not GNU's.
output=$(POLYMORPH_IPC_DIR=$work/log "$work/doubler_musl" question answer 1 2>&1 || true)
grep --quiet 'Not a directory (errno 20)' <<<"$output" || fail "expected the text of errno 20, got: $output"
echo "clang, musl: $("$CC" --version | head -1), library and examples without a warning, musl and glibc exchange samples"

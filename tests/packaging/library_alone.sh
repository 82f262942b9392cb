#!/usr/bin/env bash
# The README's install line builds only the library, and compiler warnings do not stop it.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
fail() { echo "install line: $1" >&2; exit 1; }

# -Wpadded warns about correct code.
CFLAGS=-Wpadded CMAKE_EXPORT_COMPILE_COMMANDS=ON DESTDIR=$work/root "$here/readme_install.sh" "$work" >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail "it fails when the compiler warns"; }
grep --quiet 'warning: .*\[-Wpadded\]' "$work/log" || fail "the compiler did not warn, so this test is void"
compiled=$(grep --only-matching '"output": "[^"]*"' "$work/tree/build/compile_commands.json")
! grep --invert-match '"CMakeFiles/polymorph_ipc_objects.dir/' <<<"$compiled" || fail "it builds more than the library"
for installed in libpolymorph_ipc.so libpolymorph_ipc.a stream.h polymorph_ipc.pc polymorph_ipcConfig.cmake; do
    [ -n "$(find "$work/root" -name "$installed")" ] || fail "it does not install $installed"
done
echo "install line: builds only the library, and warnings are not errors"

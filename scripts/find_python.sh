#!/usr/bin/env bash
# Print the path of a Python interpreter: find_python.sh 3.12, or "default" for the preferred one (3.11, which has torch).
# The interpreter is on PATH or under pyenv, and has venv, ensurepip and its C headers.
set -euo pipefail

folders=()
[ -z "${PYENV_ROOT:-}" ] || folders+=("$PYENV_ROOT")
[ -z "${HOME:-}" ] || folders+=("$HOME/.pyenv")
# With another HOME, the location of the command pyenv shows its folder.
! pyenv=$(command -v pyenv) || folders+=("$(dirname "$(dirname "$(realpath "$pyenv")")")")

usable='import ensurepip, os, sys, sysconfig, venv
assert sys.version_info[:2] == tuple(map(int, sys.argv[1].split(".")))
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(sys.executable)'

find_version() {
    local folder candidate
    local candidates=("$(command -v "python$1" || true)")
    for folder in "${folders[@]}"; do
        candidates+=("$folder/versions/$1".*/bin/python)
    done
    for candidate in "${candidates[@]}"; do
        # pyenv's shims exist also for versions that are not active, and then do not run.
        [ -z "$candidate" ] || ! "$candidate" -c "$usable" "$1" 2>/dev/null || return 0
    done
    return 1
}

wanted=("$1")
[ "$1" != default ] || wanted=(3.11 3.12 3.13 3.10)
for version in "${wanted[@]}"; do
    ! find_version "$version" || exit 0
done
echo "no Python ${wanted[*]} with venv and its C headers was found, neither on PATH nor under pyenv" \
    "(Debian: apt install python3-venv python3-dev)" >&2
exit 1

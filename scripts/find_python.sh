#!/usr/bin/env bash
# Print the path of a Python interpreter: find_python.sh 3.12, or "default" for the best there is (3.11 has torch).
set -euo pipefail

find_version() {
    local candidate
    for candidate in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        # pyenv's shims exist for versions that are not active: only an interpreter that runs counts.
        if [ -n "$candidate" ] && "$candidate" -c "import venv, sys; assert sys.version_info[:2] == tuple(map(int, '$1'.split('.')))" 2>/dev/null; then
            "$candidate" -c "import sys; print(sys.executable)"
            return 0
        fi
    done
    return 1
}

if [ "$1" != default ]; then
    find_version "$1" || { echo "no Python $1 was found, neither on PATH nor under pyenv" >&2; exit 1; }
    exit 0
fi
for version in 3.11 3.12 3.13 3.10; do
    find_version "$version" && exit 0
done
echo "no Python 3.10 to 3.13 was found, neither on PATH nor under pyenv" >&2
exit 1

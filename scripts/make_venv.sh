#!/usr/bin/env bash
# Make or refresh a virtual environment that has the package in it, editable: make_venv.sh DIR VERSION EXTRAS
set -euo pipefail
folder=$1 version=$2 extras=$3
python=$folder/bin/python

# One that was left half made, or whose interpreter is gone, is made again.
"$python" -c "import pip" 2>/dev/null || "$(scripts/find_python.sh "$version")" -m venv --clear "$folder"
# Not compiled ahead: of torch, mypy or rclpy the tests import a small part.
pip() { "$python" -m pip --disable-pip-version-check install --no-compile --quiet "$@"; }

# The package is built in this environment and not in a throw-away one, so that a second build only compiles what changed.
tools=("scikit-build-core>=0.10" "numpy>=2.0") # as in pyproject.toml
usable() { "$@" >/dev/null 2>&1; }
PATH=${PATH#"$PWD/.venv/bin:"} # which make puts there: no environment relies on another one's cmake
if ! usable cmake --preset=none --list-presets || ! usable ctest --version; then
    tools+=("cmake>=3.21")
fi
pip "${tools[@]}"
export SKBUILD_BUILD_DIR=${SKBUILD_BUILD_DIR:-build/python/$folder} # its own: two environments may be built at the same time
PATH="$(realpath "$folder")/bin:$PATH" pip --no-build-isolation --no-deps --editable .
# What the extras name is built in isolation: a dependency that comes as source (rclpy's empy) brings its own build tools.
needed=$("$python" scripts/requirements.py "$extras")
pip --requirement /dev/stdin <<<"$needed"
# The oldest Python is tested with the oldest numpy, and with an ml_dtypes that knows it.
[ "$version" != 3.10 ] || pip "numpy==1.21.6" "ml_dtypes<0.4"

#!/usr/bin/env bash
# Make or refresh a virtual environment with the package, editable: make_venv.sh DIR VERSION EXTRAS
set -euo pipefail
folder=$1 version=$2 extras=$3
python=$folder/bin/python

# An environment that is incomplete, or whose interpreter is gone, is made again.
"$python" -c "import pip" 2>/dev/null || "$(scripts/find_python.sh "$version")" -m venv --clear "$folder"
# Without compiling Python files: the tests import only a small part of torch, mypy and rclpy.
pip() { "$python" -m pip --disable-pip-version-check install --no-compile --quiet "$@"; }

# The package is built in this environment and not in a temporary one, so that a second build compiles only what changed.
tools=("scikit-build-core>=0.10" "numpy>=2.0") # as in pyproject.toml
usable() { "$@" >/dev/null 2>&1; }
PATH=${PATH#"$PWD/.venv/bin:"} # added by make: an environment must not depend on the cmake of another
if ! usable cmake --preset=none --list-presets || ! usable ctest --version; then
    tools+=("cmake>=3.21")
fi
pip "${tools[@]}"
# A separate folder: two environments may be built at the same time.
export SKBUILD_BUILD_DIR=${SKBUILD_BUILD_DIR:-build/python/$folder}
PATH="$(realpath "$folder")/bin:$PATH" pip --no-build-isolation --no-deps --editable .
# The extras' requirements are built in isolation: a dependency that is distributed as source (rclpy's empy) has its own
# build requirements.
needed=$("$python" scripts/requirements.py "$extras")
pip --requirement /dev/stdin <<<"$needed"
# The oldest Python is tested with the oldest numpy, and with an ml_dtypes that supports it.
[ "$version" != 3.10 ] || pip "numpy==1.21.6" "ml_dtypes<0.4"

#!/usr/bin/env bash
# Run every test suite, three at a time since much of a test is waiting and the longest first, and print what each has to say.
# REQUIRE_ALL=1: nothing may be missing.
set -euo pipefail
require_all=${REQUIRE_ALL:-0}

# What an earlier run or another project left at home, pip's cache among it, must not decide whether tests pass. Settings stay:
# where pyenv is, and what pip is configured to.
home=${HOME:-/}
export PYENV_ROOT=${PYENV_ROOT:-$home/.pyenv}
for settings in "$home/.pip/pip.conf" "${XDG_CONFIG_HOME:-$home/.config}/pip/pip.conf"; do
    [ ! -e "$settings" ] || export PIP_CONFIG_FILE=${PIP_CONFIG_FILE:-$settings}
done
unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME
export HOME=$PWD/build/home PIP_CACHE_DIR=$PWD/build/pip-cache
rm -rf "$HOME" "$PIP_CACHE_DIR"
mkdir -p "$HOME"

environments=(.venv/ready .venv-packaging/ready)
suites=(test-python)

missing() {
    echo "make test: $1" >&2
    [ "$require_all" = 0 ] || exit 1
}

if scripts/find_python.sh 3.11 >/dev/null; then
    environments+=(.venv-ros/ready .venv-jazzy/ready)
    suites+=(test-ros-kilted test-ros-jazzy-sample test-demos)
else
    missing "Python 3.11 is not here, so nothing is tested with ROS"
fi
for version in 3.10 3.12 3.13; do
    if scripts/find_python.sh "$version" >/dev/null; then
        environments+=(".venv-$version/ready")
        suites+=("test-python-$version")
    else
        missing "Python $version is not here, so the package is not tested with it"
    fi
done
suites+=(test-c test-soak test-asan test-tsan test-packaging test-examples lint)

# Root on Debian or Ubuntu, as continuous integration is: what is missing is installed.
if ! command -v spin >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=60 spin ||
        { apt-get update && apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=60 spin; }; } >/dev/null || true
fi
if command -v spin >/dev/null; then
    suites+=(test-models)
else
    missing "spin is not here (apt install spin), so the protocol's models are not run"
fi

# Before any of them, or make would begin with those that need the least.
make --jobs=3 --output-sync=target "${environments[@]}" build-dev build-release
.venv/bin/python -c "import torch" 2>/dev/null || missing "torch is not in .venv, so nothing is tested with it"

# A job in the background of a script is born with Ctrl-C ignored, and so would be every program a test starts.
if ! env --default-signal=INT,QUIT make --keep-going --jobs=3 --output-sync=target "${suites[@]}"; then
    echo "make test: FAILED, see above" >&2
    exit 1
fi
echo "make test: passed: ${suites[*]}"

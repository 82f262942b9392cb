#!/usr/bin/env bash
# test.sh: run every test suite, three at a time and the longest first, since much of a test is waiting. The last lines list
# what passed and what was not run, with the reason. REQUIRE_ALL=1: a suite that cannot run is a failure.
# test.sh --setup: only make the environments and build what the suites need.
set -euo pipefail
require_all=${REQUIRE_ALL:-0}
goal=${1:-}

# Neither files in the user's home nor pip's cache may decide whether tests pass. Settings stay: where pyenv is, pip's
# configuration.
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
not_run=()

if scripts/find_python.sh 3.11 >/dev/null 2>&1; then
    environments+=(.venv-ros/ready .venv-jazzy/ready)
    suites+=(test-ros-kilted test-ros-jazzy-sample test-demos)
else
    not_run+=("tests with ROS 2 (no Python 3.11 with venv and its C headers, neither on PATH nor under pyenv)")
fi
for version in 3.10 3.12 3.13; do
    if scripts/find_python.sh "$version" >/dev/null 2>&1; then
        environments+=(".venv-$version/ready")
        suites+=("test-python-$version")
    else
        not_run+=("tests with Python $version (not found with venv and its C headers, neither on PATH nor under pyenv)")
    fi
done
suites+=(test-c test-soak test-asan test-tsan test-packaging test-examples lint)
if scripts/find_spin.sh >/dev/null; then
    suites+=(test-models)
else
    not_run+=("models of the protocol (no model checker Spin; Debian, Ubuntu: apt install spin)")
fi

report_not_run() {
    [ ${#not_run[@]} = 0 ] || printf 'make test: not run: %s\n' "${not_run[@]}" >&2
}

stop_if_incomplete() {
    if [ "$require_all" = 1 ] && [ ${#not_run[@]} != 0 ]; then
        report_not_run
        echo "make test: FAILED: REQUIRE_ALL=1 requires all suites" >&2
        exit 1
    fi
}

stop_if_incomplete
# Before the suites, since make starts with targets that need the least.
make --jobs=3 --output-sync=target "${environments[@]}" build-dev build-release
.venv/bin/python -c "import torch" 2>/dev/null || not_run+=("tests with torch (not in .venv: it needs Python 3.11 on x86-64)")
stop_if_incomplete
if [ "$goal" = --setup ]; then
    report_not_run
    echo "make setup: ready for: ${suites[*]}"
    exit
fi

# The shell starts background jobs with SIGINT ignored, and programs that a test starts would inherit that.
if ! env --default-signal=INT,QUIT make --keep-going --jobs=3 --output-sync=target "${suites[@]}"; then
    report_not_run
    echo "make test: FAILED, see above" >&2
    exit 1
fi
report_not_run
echo "make test: passed: ${suites[*]}"

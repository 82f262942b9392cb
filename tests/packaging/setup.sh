#!/usr/bin/env bash
# How `make test` sets itself up: which interpreters and which Spin are found, what pip is asked for, what is reported as not
# run: setup.sh PYTHON
set -euo pipefail
python=$(realpath -s "$1") tree=$(realpath "$(dirname "$0")/../..")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
fail() { echo "setup: $1" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }

# 1. find_python.sh finds pyenv's interpreters by PYENV_ROOT, by HOME, and by the location of the command pyenv.
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
executable=$("$python" -c 'import sys; print(sys.executable)')
root="$work/a home/.pyenv"
mkdir -p "$work/tools" "$work/empty" "$root/bin" "$root/libexec" "$root/versions/$version.99/bin"
for tool in env bash dirname realpath; do
    ln -s "$(command -v $tool)" "$work/tools/$tool"
done
printf '#!/bin/sh\n' >"$root/libexec/pyenv"
ln -s ../libexec/pyenv "$root/bin/pyenv"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >"$root/versions/$version.99/bin/python"
chmod +x "$root/libexec/pyenv" "$root/versions/$version.99/bin/python"
find_python() { env --ignore-environment "$@" "$tree/scripts/find_python.sh" "$version" 2>"$work/messages" || echo none; }
expect "without pyenv" none "$(find_python PATH="$work/tools" HOME="$work/empty")"
grep --quiet 'python3-venv' "$work/messages" || fail "the error does not name the packages to install: $(cat "$work/messages")"
expect "PYENV_ROOT" "$executable" "$(find_python PATH="$work/tools" HOME="$work/empty" PYENV_ROOT="$root")"
expect "HOME" "$executable" "$(find_python PATH="$work/tools" HOME="$work/a home")"
expect "the command pyenv, with an empty HOME" "$executable" "$(find_python PATH="$root/bin:$work/tools" HOME="$work/empty")"
expect "no HOME at all" "$executable" "$(find_python PATH="$root/bin:$work/tools")"

# 2. make_venv.sh builds only the package without isolation, and never asks pip for the package by its name.
mkdir -p "$work/venv/bin"
cat >"$work/venv/bin/python" <<END
#!/bin/bash
case "\$*" in
    *"-m pip"*) printf '%s\n' "\$*" >>"$work/calls"; case "\$*" in *--requirement*) cat >>"$work/listed" ;; esac ;;
    scripts/*) exec "$python" "\$@" ;;
esac
END
chmod +x "$work/venv/bin/python"
cd "$tree"
for extras in dev test ros-test,tools demo demo-ros; do
    scripts/make_venv.sh "$work/venv" "$version" "$extras"
done
expect "builds without isolation" "--no-build-isolation --no-deps --editable ." \
    "$(grep --only-matching --no-filename -- '--no-build-isolation.*' "$work/calls" | sort --unique)"
! grep --ignore-case 'polymorph' "$work/calls" "$work/listed" || fail "pip was asked for the package by its name"
for needed in torch mypy ruff rich typer hypothesis 'ros-rclpy\[fastrtps\]' rosbags; do
    grep --quiet "^$needed" "$work/listed" || fail "no environment asks for $needed"
done

# 3. The demos' environments hold the demos' requirements.
listed() { "$python" scripts/requirements.py "$1" | sed 's/[^A-Za-z-].*//' | paste --serial --delimiters=' '; }
expect "demo" "numpy rich typer" "$(listed demo)"
expect "demo-ros" "PyYAML numpy rich ros-rclpy ros-sensor-msgs typer" "$(listed demo-ros)"

# 4. find_spin.sh finds Spin on PATH, not PyPI's program of that name, or unpacks the package; it installs nothing.
mkdir -p "$work/tree/scripts" "$work/spin" "$work/other_spin" "$work/apt"
cp "$tree/scripts/find_spin.sh" "$tree/scripts/test.sh" "$work/tree/scripts"
for tool in grep mktemp mkdir rm tail cp cat chmod; do
    ln -s "$(command -v $tool)" "$work/tools/$tool"
done
printf '#!/bin/sh\necho "Spin Version 6.5.2"\n' >"$work/spin/spin"
printf '#!/bin/sh\necho "spin 0.19"\n' >"$work/other_spin/spin"
printf '#!/bin/sh\necho "$@" >>"%s/apt_calls"\n: >spin_6.deb\n' "$work" >"$work/apt/apt-get"
printf '#!/bin/sh\nmkdir -p "$3/usr/bin"\ncp "%s/spin/spin" "$3/usr/bin"\n' "$work" >"$work/apt/dpkg-deb"
chmod +x "$work"/{spin,other_spin}/spin "$work"/apt/*
find_spin() { env --ignore-environment PATH="$1:$work/tools" "$work/tree/scripts/find_spin.sh" 2>"$work/messages" || echo none; }
expect "Spin on PATH" "$work/spin/spin" "$(find_spin "$work/spin")"
expect "another program called spin" none "$(find_spin "$work/other_spin")"
grep --quiet 'apt install spin' "$work/messages" || fail "the error does not say how to get Spin: $(cat "$work/messages")"

# 5. make test reports the suites that it does not run; with REQUIRE_ALL=1 it fails before it builds anything.
printf '#!/bin/sh\nexit 1\n' >"$work/tree/scripts/find_python.sh"
mkdir -p "$work/tree/.venv/bin"
printf '#!/bin/sh\nexit 1\n' >"$work/tree/.venv/bin/python"
printf '#!/bin/sh\necho "$@" >>"%s/make_calls"\n' "$work" >"$work/tools/make"
chmod +x "$work/tree/scripts/find_python.sh" "$work/tree/.venv/bin/python" "$work/tools/make"
run_suites() { (cd "$work/tree" && env --ignore-environment PATH="$work/tools" "$@" scripts/test.sh) >"$work/summary" 2>&1; }
run_suites REQUIRE_ALL=0 || fail "make test fails although every suite that it ran passed: $(cat "$work/summary")"
for suite in "ROS 2" "Python 3.10" "Python 3.12" "Python 3.13" models torch; do
    grep --quiet "^make test: not run: .*$suite" "$work/summary" || fail "the summary lacks $suite: $(cat "$work/summary")"
done
rm "$work/make_calls"
! run_suites REQUIRE_ALL=1 || fail "REQUIRE_ALL=1 accepts that suites are not run"
[ ! -e "$work/make_calls" ] || fail "REQUIRE_ALL=1 starts suites although others cannot run"

expect "the package, unpacked" "$work/tree/build/tools/usr/bin/spin" "$(find_spin "$work/apt")"
expect "what apt-get is asked for" "--quiet -o APT::Sandbox::User=root download spin" "$(cat "$work/apt_calls")"
echo "setup: interpreters and Spin are found, pip is asked for no more than is needed, missing suites are reported"

#!/usr/bin/env bash
# How the environments are made: which interpreters are found, what pip is asked for: setup.sh PYTHON
set -euo pipefail
python=$(realpath -s "$1") tree=$(realpath "$(dirname "$0")/../..")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
fail() { echo "setup: $1" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }

# 1. find_python.sh finds what pyenv has by PYENV_ROOT, by HOME, and by the place of the command pyenv.
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
find_python() { env --ignore-environment "$@" "$tree/scripts/find_python.sh" "$version" 2>"$work/said" || echo none; }
expect "without pyenv" none "$(find_python PATH="$work/tools" HOME="$work/empty")"
grep --quiet 'python3-venv' "$work/said" || fail "a missing Python does not name the packages it takes: $(cat "$work/said")"
expect "PYENV_ROOT" "$executable" "$(find_python PATH="$work/tools" HOME="$work/empty" PYENV_ROOT="$root")"
expect "HOME" "$executable" "$(find_python PATH="$work/tools" HOME="$work/a home")"
expect "the command pyenv, with an empty HOME" "$executable" "$(find_python PATH="$root/bin:$work/tools" HOME="$work/empty")"
expect "no HOME at all" "$executable" "$(find_python PATH="$root/bin:$work/tools")"

# 2. make_venv.sh builds the package alone without isolation, and never lets pip look for the package by its name.
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

# 3. The demos' environments have what the demos need.
listed() { "$python" scripts/requirements.py "$1" | sed 's/[^A-Za-z-].*//' | paste --serial --delimiters=' '; }
expect "demo" "numpy rich typer" "$(listed demo)"
expect "demo-ros" "PyYAML numpy rich ros-rclpy ros-sensor-msgs typer" "$(listed demo-ros)"
echo "setup: interpreters are found, and pip is asked for no more than is needed"

#!/usr/bin/env bash
# Print the path of the model checker Spin: the one on PATH, else one that is unpacked from Debian's or Ubuntu's package into
# build/tools. Nothing is installed into the system, and root is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."
unpacked=$PWD/build/tools/usr/bin/spin

# PyPI has another program of that name.
is_spin() { "$1" -V 2>/dev/null | grep --quiet '^Spin Version'; }

for candidate in "$unpacked" "$(command -v spin || true)"; do
    if is_spin "$candidate"; then
        echo "$candidate"
        exit 0
    fi
done

# Download the package with the system's package lists, or, where there are none (a fresh container), with lists of our own.
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
own_lists=(-o "Dir::State=$work/state" -o "Dir::State::lists=$work/state/lists"
    -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$work/cache")
apt() { (cd "$work" && apt-get --quiet -o APT::Sandbox::User=root "$@") >>"$work/log" 2>&1; }
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    if apt download spin || { apt "${own_lists[@]}" update && apt "${own_lists[@]}" download spin; }; then
        mkdir -p build/tools
        dpkg-deb --extract "$work"/spin_*.deb build/tools
        if is_spin "$unpacked"; then
            echo "$unpacked"
            exit 0
        fi
    else
        tail -3 "$work/log" >&2
    fi
fi
echo "no model checker Spin on PATH, and no package of it could be downloaded (Debian, Ubuntu: apt install spin)" >&2
exit 1

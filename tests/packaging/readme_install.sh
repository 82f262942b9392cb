#!/usr/bin/env bash
# Run the README's unchanged install line in a copy of the tree: readme_install.sh FOLDER [CMAKE_OPTION...]
# The copy is FOLDER/tree, the files are installed below FOLDER/root. The caller sets CC and CFLAGS.
set -euo pipefail
folder=$1
shift
tree=$(realpath "$(dirname "$0")/../..")
line=$(grep '^cmake -S \. -B build .* cmake --install build$' "$tree/README.md") ||
    { echo "README.md has no install line" >&2; exit 1; }
mkdir -p "$folder/tree" "$folder/root"
tar --create --directory "$tree" --exclude='./.*' --exclude=./build --exclude=corpus . | tar --extract --directory "$folder/tree"
cd "$folder/tree"
sudo() { "$@"; }
eval "${line%% && *} $* && ${line#* && }"

#!/usr/bin/env bash
# Run the README's install line, word for word, in a copy of the tree: readme_install.sh FOLDER [CMAKE_OPTION...]
# The copy is FOLDER/tree, what is installed goes below FOLDER/root. CC and CFLAGS are the caller's.
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

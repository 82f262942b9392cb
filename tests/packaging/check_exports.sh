#!/usr/bin/env bash
# The shared library exports exactly the functions that the public headers declare, with a version. The archive has no other
# global symbols, which could clash with those of a program: check_exports.sh LIBRARY ARCHIVE HEADERS
set -euo pipefail
library=$1 archive=$2 headers=$3

exported=$(nm --dynamic --defined-only --with-symbol-versions "$library" | awk '$2 != "A" {print $3}' | sort)
unversioned=$(grep -v '@@PMIPC_[0-9]*$' <<<"$exported" || true)
if [ -n "$unversioned" ]; then
    echo "exported without a version: $unversioned" >&2
    exit 1
fi
# A declaration starts with PMIPC_API. The function's name is the first word with pmipc_ before a parenthesis.
declared=$(cat "$headers"/*.h | grep -v '^#' | tr '\n' ' ' | grep -oP 'PMIPC_API [^;]*?\Kpmipc_\w+(?=\()' | sort)
if ! difference=$(diff <(echo "$declared") <(sed 's/@@.*//' <<<"$exported")); then
    echo "declared (<) and exported (>) functions differ:" >&2
    echo "$difference" >&2
    exit 1
fi
global=$(nm --extern-only --defined-only "$archive" | awk 'NF == 3 {print $3}' | sort)
if ! difference=$(diff <(echo "$declared") <(echo "$global")); then
    echo "declared (<) and global symbols of the archive (>) differ:" >&2
    echo "$difference" >&2
    exit 1
fi
echo "$(wc -l <<<"$exported") functions exported, as declared"

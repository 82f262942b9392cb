#!/usr/bin/env bash
# Lay out the C files as .clang-format says, or see whether they are: format_c.sh [--check].
set -euo pipefail
how=(-i)
[ "${1:-}" != --check ] || how=(--dry-run -Werror)
find include src tests fuzz bench examples models python/ext -name '*.[ch]' -print0 | xargs -0 .venv/bin/clang-format "${how[@]}"

#!/usr/bin/env bash
# Lay out the C files with clang-format, or check that they are laid out: format_c.sh [--check]
set -euo pipefail
how=(-i)
[ "${1:-}" != --check ] || how=(--dry-run -Werror)
find include src tests fuzz bench examples models python/ext -name '*.[ch]' -print0 | xargs -0 .venv/bin/clang-format "${how[@]}"

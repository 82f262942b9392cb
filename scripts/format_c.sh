#!/usr/bin/env bash
# Lay out the C files as .clang-format says. The public headers are laid out by hand.
set -euo pipefail
command -v clang-format >/dev/null || .venv/bin/python -m pip install --quiet clang-format==14.0.6
find src tests fuzz bench examples models python/ext -name '*.[ch]' -print0 2>/dev/null | xargs -0 clang-format -i

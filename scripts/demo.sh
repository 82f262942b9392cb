#!/usr/bin/env bash
# Set up what the demo needs, and run it: demo.sh [options of examples/demo/demo.py]
set -euo pipefail

[ -e .venv/ready ] || echo "Setting up .venv: the package, torch and what the demo draws with. This takes some minutes, once." >&2
if ! make --quiet .venv/ready; then
    echo "The development extra could not be installed; without it, the demo runs with numpy instead of torch."
    scripts/make_venv.sh .venv default demo
fi
cmake --preset release >/dev/null
cmake --build --preset release --target arm_loop -j2 >/dev/null
exec .venv/bin/python examples/demo/demo.py "$@"

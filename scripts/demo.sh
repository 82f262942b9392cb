#!/usr/bin/env bash
# Make the demo's environment and run the demo: demo.sh [options of examples/demo/demo.py]
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MAKELEVEL

[ -e .venv-demo/ready ] || echo "Setting up .venv-demo: the package, numpy, rich and typer. This takes a minute, once." >&2
make --quiet .venv-demo/ready
export PATH="$PWD/.venv-demo/bin:$PATH" # cmake, when the machine has none
cmake --preset release >/dev/null
cmake --build --preset release --target arm_loop -j2 >/dev/null
exec .venv-demo/bin/python examples/demo/demo.py "$@"

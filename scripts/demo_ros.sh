#!/usr/bin/env bash
# Make the ROS demo's environment, with a ROS 2 from PyPI, and run the demo: demo_ros.sh [options of examples/demo_ros/demo.py]
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MAKELEVEL

[ -e .venv-demo-ros/ready ] || echo "Setting up .venv-demo-ros: the package and a ROS 2 from PyPI. This takes a minute, once." >&2
make --quiet .venv-demo-ros/ready
export PATH="$PWD/.venv-demo-ros/bin:$PATH" # cmake, when the machine has none
cmake --preset release >/dev/null
cmake --build --preset release --target arm_loop -j2 >/dev/null
exec .venv-demo-ros/bin/python examples/demo_ros/demo.py "$@"

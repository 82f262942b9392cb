#!/usr/bin/env bash
# Set up what the ROS demo needs, a ROS 2 from PyPI included, and run it: demo_ros.sh [options of examples/demo_ros/demo.py]
set -euo pipefail

make --quiet .venv-ros/ready
export PATH="$PWD/.venv/bin:$PWD/.venv-ros/bin:$PATH" # cmake is in one of them when the machine has none
cmake --preset release >/dev/null
cmake --build --preset release --target arm_loop -j2 >/dev/null
exec .venv-ros/bin/python examples/demo_ros/demo.py "$@"

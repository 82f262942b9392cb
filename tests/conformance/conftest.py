"""Runs on a real rclpy and other programs' codecs"""

from __future__ import annotations

import os
import sys

# The wheels of ROS install their index under the environment itself and set no path to it.
os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)

"""Tests of the CDR codec against a real rclpy and the codecs of other programs."""

from __future__ import annotations

import os
import sys

# The wheels of ROS install their index in the environment and do not set the path to it.
os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)

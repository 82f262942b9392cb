"""What is said when ROS is asked for and is not there."""

from __future__ import annotations

from typing import Any


def require_rclpy(argument: str) -> Any:
    """The module rclpy. Raises ImportError with the commands that get it; `argument` is what asked for it."""
    try:
        import rclpy
    except ImportError as problem:
        raise ImportError(
            f"{argument}= needs rclpy, which cannot be imported here ({problem}). Where ROS 2 is installed: "
            "`source /opt/ros/<distribution>/setup.bash`, and use the Python that it was made for. Elsewhere: "
            '`pip install "ros-rclpy[fastrtps]" ros-common-interfaces`'
        ) from problem
    return rclpy

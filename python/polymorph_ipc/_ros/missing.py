"""The error when ROS is requested and rclpy cannot be imported."""

from __future__ import annotations

from typing import Any


def require_rclpy(argument: str) -> Any:
    """Import rclpy. Raises ImportError, with the commands that install it; `argument` is what requested it."""
    try:
        import rclpy
    except ImportError as problem:
        raise ImportError(
            f"{argument}= needs rclpy, which cannot be imported here ({problem}). Where ROS 2 is installed: "
            "`source /opt/ros/<distribution>/setup.bash`, and use the Python version that it was built for. Elsewhere: "
            '`pip install "ros-rclpy[fastrtps]" ros-common-interfaces`'
        ) from problem
    return rclpy

"""Without ROS: nothing of it is imported, and asking for it says how to get it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from polymorph_ipc import TensorStream

from support.processes import Spawner


def test_importing_the_package_imports_nothing_of_ros(spawn: Spawner) -> None:
    spawn("""
        import sys
        import polymorph_ipc
        import polymorph_ipc._ros.source
        assert not {"rclpy", "rosidl_parser"} & set(sys.modules)
    """).succeed()


@pytest.mark.parametrize("argument", [{"ros_node": object()}, {"ros_topic": "/image"}, {"ros_sample_data": 1.0}])
def test_a_ros_argument_without_rclpy_names_the_commands(
    monkeypatch: pytest.MonkeyPatch, argument: dict[str, Any]
) -> None:
    monkeypatch.setitem(sys.modules, "rclpy", None)
    with pytest.raises(ImportError, match=r'pip install "ros-rclpy\[fastrtps\]" ros-common-interfaces'):
        TensorStream("camera", **argument)

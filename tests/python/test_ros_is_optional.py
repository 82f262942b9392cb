"""Without ROS: the package imports nothing of it, and a ROS argument raises an error with the install command."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from polymorph_ipc import TensorStream

from support.processes import Spawner


def test_import_loads_nothing_of_ros(spawn: Spawner) -> None:
    spawn("""
        import sys
        import polymorph_ipc
        import polymorph_ipc._ros.source
        assert not {"rclpy", "rosidl_parser"} & set(sys.modules)
    """).succeed()


@pytest.mark.parametrize("argument", [{"ros_node": object()}, {"ros_topic": "/image"}, {"ros_sample_data": 1.0}])
def test_ros_argument_without_rclpy_names_the_install_command(
    monkeypatch: pytest.MonkeyPatch, argument: dict[str, Any]
) -> None:
    monkeypatch.setitem(sys.modules, "rclpy", None)
    with pytest.raises(ImportError, match=r'pip install "ros-rclpy\[fastrtps\]" ros-common-interfaces'):
        TensorStream("camera", **argument)

"""ROS 2 with rclpy: sensor_msgs/Image, reliable, Fast DDS with a shared memory segment for images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy

from peers.adapter import Peer

PROFILE = Path(__file__).with_name("fastdds_segment.xml")

_nodes: list[Any] = []


def _node() -> Any:
    for variable in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):  # Fast DDS 3 and 2
        os.environ.setdefault(variable, str(PROFILE))
    os.environ.setdefault("ROS_DOMAIN_ID", "87")
    import rclpy

    if not _nodes:
        rclpy.init()
        _nodes.append(rclpy.create_node(f"benchmark_{os.getpid()}"))
    return _nodes[0]


class ImageSender:
    """A publisher; the message and its array are made once."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        node = _node()
        from sensor_msgs.msg import Image

        self._message = Image(encoding="mono8", width=sample.nbytes, height=1, step=sample.nbytes)
        self._message.data.frombytes(sample.tobytes())
        self._pixels = numpy.frombuffer(self._message.data, numpy.float64)
        self._publisher = node.create_publisher(Image, topic, 5)

    def send(self, array: numpy.ndarray) -> None:
        """Refill the message in place, the fastest way of rclpy."""
        self._pixels[:] = array
        self._publisher.publish(self._message)

    def close(self) -> None:
        """Destroy the publisher."""
        _node().destroy_publisher(self._publisher)


class ImageReceiver:
    """A subscription that receive() spins."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        node = _node()
        from rclpy.executors import SingleThreadedExecutor
        from sensor_msgs.msg import Image

        self._messages: list[Any] = []
        self._subscription = node.create_subscription(Image, topic, self._messages.append, 5)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next message's data."""
        if not self._messages:
            self._executor.spin_once(timeout_sec=timeout)
        return numpy.frombuffer(self._messages.pop(0).data, numpy.float64) if self._messages else None

    def newest(self) -> None:
        """rclpy has no such call."""

    def close(self) -> None:
        """Destroy the subscription."""
        self._executor.shutdown()
        _node().destroy_subscription(self._subscription)


PEERS = [
    Peer(
        "rclpy",
        "rclpy, Image, 32 MB segment",
        "rclpy",
        '"ros-rclpy[fastrtps]" ros-sensor-msgs',
        "sleeps",
        ImageSender,
        ImageReceiver,
    )
]

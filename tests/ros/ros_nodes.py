"""ROS nodes in the process of the test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import rclpy
from polymorph_ipc import TensorStream
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from sensor_msgs.msg import Image, JointState

Found = TypeVar("Found")
WAIT_SECONDS = 20.0


def executor_of(kind: str) -> Any:
    if kind == "single":
        return SingleThreadedExecutor()
    if kind == "multi":
        return MultiThreadedExecutor(num_threads=3)
    from rclpy.experimental import EventsExecutor

    return EventsExecutor()


class Ros:
    """Nodes, streams and an executor that the test spins."""

    def __init__(self) -> None:
        rclpy.init()
        self.nodes: list[Any] = []
        self.streams: list[TensorStream] = []
        self.executor: Any = None

    def node(self, name: str = "listener", **options: Any) -> Any:
        node = rclpy.create_node(name, **options)
        self.nodes.append(node)
        return node

    def publisher(self, message_class: Any, topic: str, qos: Any = 10) -> Any:
        """A publisher on a separate node, which needs no spinning."""
        return self.node(f"talker{len(self.nodes)}").create_publisher(message_class, topic, qos)

    def stream(self, node: Any, topic: str, message_class: Any, sample: Any = None, **options: Any) -> TensorStream:
        options.setdefault("pool_name", f"pool{len(self.streams)}")
        stream = TensorStream(
            ros_node=node, ros_topic=topic, ros_msg_type=message_class, ros_sample_data=sample, **options
        )
        self.streams.append(stream)
        return stream

    def spin(
        self, node: Any, condition: Callable[[], Found], what: str = "the condition", kind: str = "single"
    ) -> Found:
        """Spin the node until the condition holds."""
        if self.executor is None:
            self.executor = executor_of(kind)
        if node not in self.executor.get_nodes():
            self.executor.add_node(node)
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, f"timed out after {WAIT_SECONDS:g} s: {what}"
            self.executor.spin_once(timeout_sec=0.05)
        return found

    def matched(self, node: Any, *publishers: Any, kind: str = "single") -> None:
        self.spin(node, lambda: all(p.get_subscription_count() for p in publishers), "a match", kind)

    def send(self, node: Any, stream: TensorStream, publisher: Any, *messages: Any, kind: str = "single") -> None:
        """Publish, and spin until the stream has handled every message."""
        self.matched(node, publisher, kind=kind)
        for message in messages:
            before = stream.stats["messages"]
            publisher.publish(message)
            self.spin(node, lambda before=before: stream.stats["messages"] > before, "the message's arrival", kind)

    def dispose(self) -> None:
        for stream in self.streams:
            stream.cleanup()
        if self.executor is not None:
            self.executor.shutdown()
        for node in self.nodes:
            node.destroy_node()
        rclpy.try_shutdown()


def image(value: int, height: int = 4, width: int = 6, encoding: str = "rgb8", seconds: int = 7) -> Any:
    channels = 1 if encoding == "mono8" else 3
    message = Image(height=height, width=width, encoding=encoding, step=width * channels)
    message.header.frame_id = "optical"
    message.header.stamp.sec = seconds
    message.data.frombytes(np.full(height * width * channels, value, np.uint8).tobytes())
    return message


def joints(**positions: float) -> Any:
    message = JointState(name=list(positions), position=list(positions.values()))
    message.header.stamp.sec = 3
    message.header.stamp.nanosec = 5
    return message


RGB = np.zeros((4, 6, 3), np.uint8)

"""Pool to ROS 2 topic: the CPU time of the thread that publishes a message, with one subscription in another process.

The ways to publish, each in a separate process; the threads of the middleware do the same work in all of them:
- fresh: rclpy with a new message object for each frame, as in most programs
- plain: rclpy with one message object that is refilled in place, the fastest way of rclpy
- rcl: rcl alone with an already serialized message, which every way needs
- both: a `TensorProducer` that publishes in its pool and to ROS
- pool: a `TensorProducer` without ROS
"""

from __future__ import annotations

import array
import ctypes
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy

from harness.probe import BENCH_FOLDER
from harness.ros_messages import make, sample, serialized_at, set_up_middleware
from harness.serve import Operation

BURST = 8
DISCOVERY_SECONDS = 20.0
PAUSE_SECONDS = 0.03  # between bursts, so that the middleware's threads and the listener keep up


def publishing(publish: Callable[[], Any]) -> Operation:
    """Median CPU time of the calling thread."""

    def run(count: int) -> float:
        durations = []
        while len(durations) < max(count, 32):
            for _ in range(BURST):
                begin = time.thread_time_ns()
                publish()
                durations.append(time.thread_time_ns() - begin)
            time.sleep(PAUSE_SECONDS)
        return statistics.median(durations)

    return run


def rcl_publish(publisher: Any, message: Any) -> Callable[[], None]:
    """rcl's publish alone, with an already serialized message."""
    from rclpy.serialization import serialize_message

    data = bytearray(serialize_message(message))
    serialized = serialized_at(data, len(data), len(data))
    publish = ctypes.CDLL("librcl.so").rcl_publish_serialized_message
    pointer = ctypes.c_void_p(publisher.handle.pointer)

    def run() -> None:
        if publish(pointer, ctypes.byref(serialized), None) != 0:
            raise RuntimeError("rcl did not publish")

    return run


def message_of(frame: numpy.ndarray, message: Any) -> Any:
    """A new message with the frame's data, and all other fields from `message`."""
    fresh = type(message)()
    fresh.header.stamp, fresh.header.frame_id = message.header.stamp, message.header.frame_id
    if hasattr(message, "position"):
        fresh.name = message.name
        fresh.position = array.array("d", frame.tobytes())
        return fresh
    fresh.height, fresh.width, fresh.step = message.height, message.width, message.step
    fresh.encoding = message.encoding
    fresh.data = array.array("B", frame.tobytes())
    return fresh


@contextmanager
def listening(of: str, topic: str, core: str) -> Iterator[None]:
    """A process that subscribes to the topic."""
    command = [sys.executable, "-m", "harness.ros_listener", f"of={of}", f"topic={topic}", f"core={core}"]
    listener = subprocess.Popen(command, cwd=BENCH_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert listener.stdin is not None
    assert listener.stdout is not None
    try:
        if listener.stdout.readline().strip() != "ready":
            raise RuntimeError("the listening process did not start")
        yield
    finally:
        listener.stdin.close()
        listener.wait(10)


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """A node that publishes in one way, and a process that subscribes. Each way has its own process, because the cost
    of memory for a large message depends strongly on earlier allocations of the process."""
    set_up_middleware()
    import rclpy
    from polymorph_ipc import TensorProducer
    from rclpy.qos import QoSProfile

    of, way = arguments["of"], arguments["way"]
    message = make(of)
    topic = f"/bench_out_{of}_{os.getpid()}"
    profile = QoSProfile(depth=10)
    frame = sample(of)
    if of == "joints":
        message.velocity, message.effort = [], []
        metadata: dict[str, Any] = {"names": list(message.name)}
        target = numpy.frombuffer(message.position, numpy.float64)
    else:
        metadata = {"encoding": "rgb8", "frame_id": "camera"}
        target = numpy.frombuffer(message.data, numpy.uint8).reshape(frame.shape)
    with ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.shutdown)
        node = rclpy.create_node(f"bench_{os.getpid()}")
        stack.callback(node.destroy_node)
        ros = {"ros_node": node, "ros_topic": topic, "ros_msg_type": type(message), "ros_qos": profile}
        if way in ("pool", "both"):
            options = ros if way == "both" else {}
            name = f"bench/out_{os.getpid()}"
            producer = stack.enter_context(TensorProducer.from_sample(name, frame, metadata=metadata, **options))
            publish: Callable[[], Any] = partial(producer.publish, frame)
        else:
            publisher = node.create_publisher(type(message), topic, profile)

            def publish_fresh() -> None:
                publisher.publish(message_of(frame, message))

            def publish_plain() -> None:
                target[:] = frame
                publisher.publish(message)

            ways = {"rcl": rcl_publish(publisher, message), "fresh": publish_fresh, "plain": publish_plain}
            publish = ways[way]
        stack.enter_context(listening(of, topic, arguments["partner"]))
        deadline = time.monotonic() + DISCOVERY_SECONDS
        while way != "pool" and node.count_subscribers(topic) < 1:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the listener of {topic} was not discovered in {DISCOVERY_SECONDS:g} s")
            rclpy.spin_once(node, timeout_sec=0.1)  # wakes when the graph changes
        yield {"publish": publishing(publish)}

"""Pool to ROS 2 topic: the processor time that one message costs the thread that publishes it.

Three ways, with one subscription in another process: rclpy with its message object made once and refilled in place, the
best that it offers; a `TensorProducer` that publishes into its pool and to ROS; and that producer without ROS, which is
what the pool alone costs. The middleware's threads do the same work for both that publish.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy

from harness.probe import BENCH_FOLDER
from harness.ros_messages import make, sample, set_up_middleware
from harness.serve import Operation

PAUSE_S = 0.004  # between messages: the middleware's threads keep up


def publishing(publish: Callable[[], Any]) -> Operation:
    """Median processor time of the calling thread."""

    def run(count: int) -> float:
        durations = []
        for _ in range(max(count, 30)):
            begin = time.thread_time_ns()
            publish()
            durations.append(time.thread_time_ns() - begin)
            time.sleep(PAUSE_S)
        return statistics.median(durations)

    return run


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """A node with a publisher and a producer on one topic, and a process that listens."""
    set_up_middleware()
    import rclpy
    from polymorph_ipc import TensorProducer
    from rclpy.qos import QoSProfile

    of = arguments["of"]
    message = make(of)
    topic = f"/bench_out_{of}_{os.getpid()}"
    profile = QoSProfile(depth=10)
    frame = sample(of)
    if of == "joints":
        names = list(message.name)
        message.velocity, message.effort = [], []
        metadata: dict[str, Any] = {"names": names}
        target = numpy.frombuffer(message.position, numpy.float64)
    else:
        metadata = {"encoding": "rgb8", "frame_id": "camera"}
        target = numpy.frombuffer(message.data, numpy.uint8).reshape(frame.shape)
    with ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.shutdown)
        node = rclpy.create_node(f"bench_{os.getpid()}")
        stack.callback(node.destroy_node)
        publisher = node.create_publisher(type(message), topic, profile)
        name = f"bench/out_{os.getpid()}"
        local = stack.enter_context(TensorProducer.from_sample(name + "_local", frame, metadata=metadata))
        both = stack.enter_context(
            TensorProducer.from_sample(
                name,
                frame,
                metadata=metadata,
                ros_node=node,
                ros_topic=topic,
                ros_msg_type=type(message),
                ros_qos=profile,
            )
        )
        command = [
            sys.executable,
            "-m",
            "harness.ros_listener",
            f"of={of}",
            f"topic={topic}",
            f"core={arguments['partner']}",
        ]
        listener = subprocess.Popen(command, cwd=BENCH_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(listener.wait, 10)
        assert listener.stdin is not None
        assert listener.stdout is not None
        stack.callback(listener.stdin.close)
        if listener.stdout.readline().strip() != "ready":
            raise RuntimeError("the listening process did not start")
        while publisher.get_subscription_count() < 1:
            time.sleep(0.01)  # discovery

        def publish_plain() -> None:
            target[:] = frame
            publisher.publish(message)

        yield {
            "plain": publishing(publish_plain),
            "both": publishing(lambda: both.publish(frame)),
            "pool": publishing(lambda: local.publish(frame)),
        }

"""ROS 2 topic to pool: the age of a message when its sample is published, and in a raw callback of rclpy.

A thread spins the node, the partner is another process; one message at a time."""

from __future__ import annotations

import os
import queue
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.case_ros import BURST, WAIT_SECONDS, Partner
from harness.ros_messages import make, sample, set_up_middleware
from harness.serve import Operation


def one_by_one(partner: Partner, received: queue.SimpleQueue[int]) -> Operation:
    """The median age at arrival of messages that are published one at a time."""

    def run(count: int) -> float:
        ages = []
        for _ in range(max(count, 20)):
            partner.publish(1)
            ages.append(received.get(timeout=WAIT_SECONDS))
        return statistics.median(ages)

    return run


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """A node that a thread spins, with one way of receiving: `way` is raw (a callback with bytes) or pool."""
    set_up_middleware()
    import rclpy
    from polymorph_ipc import TensorStream
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import QoSProfile

    of, way = arguments["of"], arguments["way"]
    message_type = type(make(of))
    topic = f"/bench_{of}_{os.getpid()}"
    received: queue.SimpleQueue[int] = queue.SimpleQueue()
    with ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.shutdown)
        node = rclpy.create_node(f"bench_{os.getpid()}")
        profile = QoSProfile(depth=BURST)
        if way == "raw":

            def on_message(message: bytes) -> None:
                now = time.monotonic_ns()
                received.put(now - int.from_bytes(message[4:8], "little") * 10**9
                             - int.from_bytes(message[8:12], "little"))  # fmt: skip

            node.create_subscription(message_type, topic, on_message, profile, raw=True)
        else:
            name = f"bench/ros_{os.getpid()}"
            stack.enter_context(
                TensorStream(
                    name,
                    ros_node=node,
                    ros_topic=topic,
                    ros_msg_type=message_type,
                    ros_sample_data=sample(of),
                    ros_qos=profile,
                )
            )
            watch = threading.Thread(target=report_ages, args=(name, received), daemon=True)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        spinner = threading.Thread(target=executor.spin, daemon=True)
        spinner.start()
        if way == "pool":
            watch.start()
        stack.callback(spinner.join, 5)
        stack.callback(executor.shutdown)
        partner = Partner(of, topic, 1, arguments["partner"])
        stack.callback(partner.close)
        yield {"message": one_by_one(partner, received)}


def report_ages(name: str, received: queue.SimpleQueue[int]) -> None:
    """Put the age of each message when its sample was published. The partner's stamps are monotonic time."""
    from polymorph_ipc import TensorStream

    with TensorStream(name, start="oldest") as stream:
        while True:
            _, info = stream.get_next(return_info=True)
            received.put(info.published - info.stamp)

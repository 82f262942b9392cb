"""ROS 2 topic to pool: the CPU time of the thread that takes a message.

The same messages from a node in another process are taken in three ways, each in a separate process: by rcl alone,
which every way needs (the limit); as a message object of rclpy with the best conversion to numpy; and into a pool.
Only successful takes count, and only the time of the taking thread: the threads of the middleware do the same work in
all three ways.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from harness.probe import BENCH_FOLDER
from harness.ros_messages import make, plain_conversion, sample, serialized_at, set_up_middleware
from harness.serve import Operation

BURST = 8
WAIT_SECONDS = 20.0
SLOTS = 13  # of a pool with a history of 10


class Partner:
    """The publishing process."""

    def __init__(self, of: str, topic: str, readers: int, core: str) -> None:
        words = [f"of={of}", f"topic={topic}", f"readers={readers}", f"core={core}"]
        command = [sys.executable, "-m", "harness.ros_partner", *words]
        self.process = subprocess.Popen(
            command, cwd=BENCH_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.expect("ready")

    def expect(self, word: str) -> None:
        """Read the next line, which must be `word`."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if line != word:
            raise RuntimeError(f"the publishing process printed {line!r} instead of {word}")

    def publish(self, count: int) -> None:
        """Let the partner publish this many messages."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.expect("sent")

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)


def taking(partner: Partner, take: Callable[[], bool]) -> Operation:
    """Take messages as they arrive. Measures the thread's CPU time in successful takes."""

    def run(count: int) -> float:
        while take():
            pass  # messages of other operations
        durations: list[int] = []
        while len(durations) < count:
            partner.publish(BURST)
            deadline = time.monotonic() + WAIT_SECONDS
            for _ in range(BURST):
                while True:
                    begin = time.thread_time_ns()
                    taken = take()
                    end = time.thread_time_ns()
                    if taken:
                        durations.append(end - begin)
                        break
                    if time.monotonic() > deadline:
                        raise RuntimeError("a message did not arrive")
                    time.sleep(0.0002)
        return statistics.median(durations)

    return run


def rcl_take(subscription: Any, message_bytes: int) -> Callable[[], bool]:
    """rcl's take alone, into a ring of as many messages as the pool has slots, so that their memory is not cached."""
    ring = itertools.cycle([serialized_at(mmap.mmap(-1, message_bytes), 0, message_bytes) for _ in range(SLOTS)])
    pointer = ctypes.c_void_p(subscription.handle.pointer)
    take = ctypes.CDLL("librcl.so").rcl_take_serialized_message
    message = next(ring)

    def run() -> bool:
        nonlocal message
        taken = take(pointer, ctypes.byref(message), None, None) == 0
        if taken:
            message = next(ring)
        return bool(taken)

    return run


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """A node that takes in one way, and a partner that publishes. Each way has its own process, because the cost of
    memory for a large message depends strongly on earlier allocations of the process."""
    set_up_middleware()
    import rclpy
    from polymorph_ipc import TensorStream
    from rclpy.qos import QoSProfile
    from rclpy.serialization import serialize_message

    of, way = arguments["of"], arguments["way"]
    message_type = type(make(of))
    topic = f"/bench_{of}_{os.getpid()}"
    with ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.shutdown)
        node = rclpy.create_node(f"bench_{os.getpid()}")
        stack.callback(node.destroy_node)
        profile = QoSProfile(depth=BURST * 2)
        if way == "pool":
            pool = stack.enter_context(
                TensorStream(
                    f"bench/ros_{os.getpid()}",
                    ros_node=node,
                    ros_topic=topic,
                    ros_msg_type=message_type,
                    ros_sample_data=sample(of),
                    ros_qos=profile,
                )
            )
            source = pool._source
            pointer = source.subscription.subscription.handle.pointer
        else:
            subscription = node.create_subscription(message_type, topic, print, profile, raw=way == "rcl")
            handle, convert = subscription.handle, plain_conversion(of)

        def take_plain() -> bool:
            got = handle.take_message(message_type, False)
            if got is None:
                return False
            convert(got[0])
            return True

        def take_into_pool() -> bool:
            return source.handler.take_one(pointer)

        if way == "rcl":
            take = rcl_take(subscription, len(serialize_message(make(of))) + 64)
        else:
            take = take_into_pool if way == "pool" else take_plain
        partner = Partner(of, topic, 1, arguments["partner"])
        stack.callback(partner.close)
        yield {"take": taking(partner, take)}

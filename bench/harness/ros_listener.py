"""A node that subscribes to a topic and discards the messages, until its standard input ends."""

from __future__ import annotations

import os
import sys
import threading

from harness.ros_messages import make, set_up_middleware


def main() -> None:
    """Spin in a thread."""
    arguments = dict(word.split("=", 1) for word in sys.argv[1:])
    os.sched_setaffinity(0, {int(arguments["core"])})
    set_up_middleware()
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import QoSProfile

    rclpy.init()
    node = rclpy.create_node(f"bench_listener_{os.getpid()}")
    message_type = type(make(arguments["of"]))
    node.create_subscription(message_type, arguments["topic"], lambda _: None, QoSProfile(depth=10), raw=True)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)  # rclpy's shutdown may be slow, and is not needed


if __name__ == "__main__":
    main()

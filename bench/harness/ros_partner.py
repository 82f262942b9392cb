"""The other node of the ROS benchmarks: ``python -m harness.ros_partner of=vga topic=/t readers=3 core=1``.

Each line on its standard input is the number of messages to publish; it answers with a line when they are published.
Their stamps are monotonic time, so that a receiver on this machine can compute their age.
"""

from __future__ import annotations

import os
import sys
import time

from harness.ros_messages import make, set_up_middleware


def main() -> None:
    """Publish when asked to, until standard input ends."""
    arguments = dict(word.split("=", 1) for word in sys.argv[1:])
    os.sched_setaffinity(0, {int(arguments["core"])})
    set_up_middleware()
    import rclpy
    from rclpy.qos import QoSProfile
    from rclpy.serialization import serialize_message

    rclpy.init()
    node = rclpy.create_node(f"bench_partner_{os.getpid()}")
    message = make(arguments["of"])
    publisher = node.create_publisher(type(message), arguments["topic"], QoSProfile(depth=50))
    serialized = bytearray(serialize_message(message))
    while publisher.get_subscription_count() < int(arguments["readers"]):
        time.sleep(0.01)  # discovery
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            # All messages begin with the header: sec and nanosec are at bytes 4 and 8.
            seconds, nanoseconds = divmod(time.monotonic_ns(), 1_000_000_000)
            serialized[4:8] = seconds.to_bytes(4, "little")
            serialized[8:12] = nanoseconds.to_bytes(4, "little")
            publisher.publish(bytes(serialized))
        print("sent", flush=True)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()

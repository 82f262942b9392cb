"""Publish the pool of a 1 kHz C loop as the topic /joint_states. The loop itself does not use ROS.

    build/release/examples/arm_loop arm/q
    python examples/ros/joint_states.py

The same without Python code:

    polymorph bridge --from-pool arm/q --to /joint_states --type sensor_msgs/msg/JointState

Joint names come from the metadata of the pool, stamps from its samples. Start the two programs in either order; both
may be killed and restarted.
"""

import argparse
import time

import rclpy
from polymorph_ipc.ros import PoolPublisher
from sensor_msgs.msg import JointState


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", default="arm/q")
    parser.add_argument("--topic", default="/joint_states")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()

    rclpy.init()
    node = rclpy.create_node("arm_joint_states")
    end = time.monotonic() + arguments.seconds
    with PoolPublisher(node, arguments.pool, arguments.topic, JointState) as publisher:
        # The publisher has its own thread. The node has no callbacks, so it need not be spun.
        try:
            while publisher.running and time.monotonic() < end:
                time.sleep(0.1)
        except KeyboardInterrupt:
            pass
        stats = publisher.stats
    print(f"{stats['published']} joint states published on {stats['topic']}, {stats['dropped']} dropped")
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()

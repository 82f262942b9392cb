"""The pool of a 1 kHz loop in C as the topic /joint_states. The loop knows nothing of ROS.

    build/release/examples/arm_loop arm/q
    python examples/ros/joint_states.py

The same without a line of Python:

    polymorph bridge --from-pool arm/q --to /joint_states --type sensor_msgs/msg/JointState

Joint names come from the pool's metadata, stamps from its samples. Start both in either order; either may be killed and
started again.
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
        # It has a thread of its own. The node has nothing to do, so nobody spins it.
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

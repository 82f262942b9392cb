"""A plain rclpy subscriber of /joint_states. It publishes its measurements in a pool for the demo."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import rclpy
from agreed import JOINTS_QUEUE, JOINTS_TOPIC, LISTENER_POOL
from polymorph_ipc import TensorProducer
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import JointState

JOINTS = 7
SEEN = {"stamp": np.int64(0), "latency_ns": np.int64(0), "position": np.zeros(JOINTS)}


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("joint_listener")
    with TensorProducer.from_sample(LISTENER_POOL, SEEN, history_len=4096) as seen:

        def on_joints(message: JointState) -> None:
            stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            latency = time.time_ns() - stamp
            position = np.frombuffer(message.position)
            seen.publish({"stamp": np.int64(stamp), "latency_ns": np.int64(latency), "position": position})

        node.create_subscription(JointState, JOINTS_TOPIC, on_joints, JOINTS_QUEUE)
        rclpy.spin(node)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        main()

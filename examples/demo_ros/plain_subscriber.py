"""A plain rclpy subscriber that makes a numpy array of each image without a copy, to compare with the quick start.

It publishes its measurements in a pool for the demo."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import rclpy
from agreed import CAMERA_QUEUE, CAMERA_TOPIC, PLAIN_POOL, number_of
from polymorph_ipc import TensorProducer
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import Image

SEEN = {"number": np.int64(0), "latency_ns": np.int64(0)}


def main() -> None:
    rclpy.init()
    node = rclpy.create_node("plain_subscriber")
    with TensorProducer.from_sample(PLAIN_POOL, SEEN, history_len=256) as seen:

        def on_image(message: Image) -> None:
            rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
            image = rows[:, : message.width * 3].reshape(message.height, message.width, 3)
            taken = message.header.stamp
            latency = time.time_ns() - (taken.sec * 10**9 + taken.nanosec)
            seen.publish({"number": np.int64(number_of(image)), "latency_ns": np.int64(latency)})

        node.create_subscription(Image, CAMERA_TOPIC, on_image, CAMERA_QUEUE)
        rclpy.spin(node)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        main()

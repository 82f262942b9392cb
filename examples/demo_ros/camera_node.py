"""The demo's camera: an ordinary ROS node that publishes 640x480 rgb8 images, reliable. Usage: camera_node.py HZ

Each image contains its number and a checksum, so that receivers detect lost and torn images."""

from __future__ import annotations

import array
import contextlib
import signal
import sys
import time

import demo_path  # noqa: F401
import numpy as np
import rclpy
from agreed import CAMERA_QUEUE, CAMERA_TOPIC, NUMBER_BYTES
from frames import CHANNELS, HEIGHT, WIDTH, moving_scene, write_checksum
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

SUBSCRIBERS = 2


def main(rate_hz: float) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, CAMERA_TOPIC, CAMERA_QUEUE)
    while publisher.get_subscription_count() < SUBSCRIBERS:
        time.sleep(0.02)

    message = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=WIDTH * CHANNELS)
    message.header.frame_id = "camera_optical"
    message.data = array.array("B", bytes(HEIGHT * WIDTH * CHANNELS))
    pixels = np.frombuffer(message.data, np.uint8)  # filled in place: assigning to `data` is slow
    due = time.monotonic()
    for number, image in enumerate(moving_scene(), 1):
        flat = image.reshape(-1)
        flat[NUMBER_BYTES] = np.frombuffer(number.to_bytes(4, "little"), np.uint8)
        write_checksum(image)
        pixels[:] = flat
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        due = max(due + 1 / rate_hz, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(float(sys.argv[1]))

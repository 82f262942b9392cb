"""A driver of a small robot: it publishes messages of one kind until it is killed.

driver.py KIND TOPIC RATE [OPTION]

KIND: image (OPTION: HxW), jpeg, scan, map (latched, grows six times), joints (OPTION: comma-separated names)
"""

import array
import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import rclpy
from nav_msgs.msg import OccupancyGrid
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image, JointState, LaserScan

from support.child import send

kind, topic, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
option = sys.argv[4] if len(sys.argv) > 4 else ""
SCANS = (200, 459, 460, 459, 461, 230, 920)
JPEGS = (900, 30_000, 42_000, 3_000, 180_000)


def image(number: int) -> Any:
    height, width = map(int, option.split("x"))
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.data = array.array("B", bytes([number % 251]) * (3 * height * width))
    return message


def jpeg(number: int) -> Any:
    length = JPEGS[number % len(JPEGS)]
    return CompressedImage(format="jpeg", data=array.array("B", bytes([number % 251]) * length))


def scan(number: int) -> Any:
    ranges = array.array("f", [float(number)] * SCANS[number % len(SCANS)])
    return LaserScan(angle_min=-1.5, angle_max=1.5, angle_increment=0.01, range_max=30.0, ranges=ranges)


def grid(number: int) -> Any:
    side = 20 + 10 * min(number, 6)
    message = OccupancyGrid()
    message.info.height = message.info.width = side
    message.info.resolution = 0.05
    message.data = array.array("b", [number % 100] * (side * side))
    return message


def joints(number: int) -> Any:
    names = option.split(",")
    return JointState(name=names, position=[float(number)] * len(names))


KINDS: dict[str, tuple[Any, Callable[[int], Any]]] = {
    "image": (Image, image),
    "jpeg": (CompressedImage, jpeg),
    "scan": (LaserScan, scan),
    "map": (OccupancyGrid, grid),
    "joints": (JointState, joints),
}

rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
node = rclpy.create_node(f"driver_{kind}")
message_class, make = KINDS[kind]
durability = DurabilityPolicy.TRANSIENT_LOCAL if kind == "map" else DurabilityPolicy.VOLATILE
publisher = node.create_publisher(message_class, topic, QoSProfile(depth=10, durability=durability))
send("ready")
due = time.monotonic()
for number in itertools.count():
    message = make(number)
    message.header.stamp = node.get_clock().now().to_msg()
    message.header.frame_id = "robot"
    publisher.publish(message)
    due += 1 / rate
    time.sleep(max(0.0, due - time.monotonic()))

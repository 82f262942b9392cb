"""A node that publishes numbered images at a constant rate: every pixel of image i is i % 251, its stamp is i seconds.

camera.py TOPIC RATE COUNT [--best-effort] [--size HxW] [--wait SUBSCRIPTIONS]     COUNT 0: until killed
"""

import argparse
import array
import time

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from support.child import send

parser = argparse.ArgumentParser()
parser.add_argument("topic")
parser.add_argument("rate", type=float)
parser.add_argument("count", type=int)
parser.add_argument("--best-effort", action="store_true")
parser.add_argument("--size", default="480x640")
parser.add_argument("--encoding", default="rgb8")
parser.add_argument("--wait", type=int, default=1, help="begin when this many subscriptions are matched")
options = parser.parse_args()
height, width = (int(part) for part in options.size.split("x"))

rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
node = rclpy.create_node("camera")
reliability = ReliabilityPolicy.BEST_EFFORT if options.best_effort else ReliabilityPolicy.RELIABLE
publisher = node.create_publisher(Image, options.topic, QoSProfile(depth=10, reliability=reliability))
send("ready")
while publisher.get_subscription_count() < options.wait:
    time.sleep(0.01)
send("matched")
row_bytes = width * (1 if options.encoding == "mono8" else 3)
image = Image(height=height, width=width, encoding=options.encoding, step=row_bytes)
image.header.frame_id = "camera_optical"
number = 0
due = time.monotonic()
while options.count == 0 or number < options.count:
    number += 1
    image.header.stamp.sec = number
    image.data = array.array("B", bytes([number % 251]) * (height * row_bytes))
    publisher.publish(image)
    due += 1 / options.rate
    time.sleep(max(0.0, due - time.monotonic()))
send("published", number)
time.sleep(60)  # reliable messages may have to be sent again until the test kills this process

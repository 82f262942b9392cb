"""What the demo's processes agree on. Importing it needs no ROS."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CAMERA_TOPIC = "/camera/image_raw"
CAMERA_POOL = "camera_stream_from_ros"  # both as in the snippet
JOINTS_TOPIC = "/joint_states"
ARM_POOL = "demo_ros/arm"
PLAIN_POOL = "demo_ros/plain_subscriber"  # in which the plain nodes tell what they saw
LISTENER_POOL = "demo_ros/joint_listener"
CAMERA_QUEUE = 10  # as ROS has it by default
JOINTS_QUEUE = 1000  # a second as well

NUMBER_BYTES = slice(4, 8)  # of an image, behind its checksum (frames.py)


def number_of(image: npt.NDArray[np.uint8]) -> int:
    return int.from_bytes(image.reshape(-1)[NUMBER_BYTES].tobytes(), "little")

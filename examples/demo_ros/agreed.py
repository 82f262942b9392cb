"""Names and constants that the demo's processes share. Importing this module needs no ROS."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CAMERA_TOPIC = "/camera/image_raw"
CAMERA_POOL = "camera_stream_from_ros"  # topic and pool of examples/ros/quickstart.py
JOINTS_TOPIC = "/joint_states"
ARM_POOL = "demo_ros/arm"
PLAIN_POOL = "demo_ros/plain_subscriber"  # the plain subscribers publish their measurements in these pools
LISTENER_POOL = "demo_ros/joint_listener"
CAMERA_QUEUE = 10  # the default depth of ROS
JOINTS_QUEUE = 1000  # one second of messages

NUMBER_BYTES = slice(4, 8)  # of an image, after its checksum (frames.py)


def number_of(image: npt.NDArray[np.uint8]) -> int:
    return int.from_bytes(image.reshape(-1)[NUMBER_BYTES].tobytes(), "little")

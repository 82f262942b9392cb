"""The messages of the ROS benchmarks: images, joint states and a point cloud."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy

PROFILE = Path(__file__).resolve().parent.parent / "peers" / "fastdds_segment.xml"
POINTS = 100_000


class Allocator(ctypes.Structure):
    """rcutils_allocator_t."""

    _fields_ = (("parts", ctypes.c_void_p * 5),)


class SerializedMessage(ctypes.Structure):
    """rcl_serialized_message_t."""

    _fields_ = (
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("allocator", Allocator),
    )


def serialized_at(place: Any, length: int, capacity: int) -> SerializedMessage:
    """A serialized message whose bytes are in the buffer `place`, which it keeps alive."""
    rcutils = ctypes.CDLL("librcutils.so")
    rcutils.rcutils_get_default_allocator.restype = Allocator
    address = ctypes.addressof(ctypes.c_char.from_buffer(place))
    message = SerializedMessage(address, length, capacity, rcutils.rcutils_get_default_allocator())
    message.place = place
    return message


def set_up_middleware() -> None:
    """Set a separate domain, and a shared memory segment for images. Call it before rclpy is imported."""
    for variable in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):  # Fast DDS 3 and 2
        os.environ.setdefault(variable, str(PROFILE))
    os.environ.setdefault("ROS_DOMAIN_ID", "87")


def make(of: str) -> Any:
    """A message: `vga`, `hd` (images), `joints`, `cloud`."""
    if of in ("vga", "hd"):
        return _image(*((480, 640) if of == "vga" else (1080, 1920)))
    return _joints() if of == "joints" else _cloud()


def plain_conversion(of: str) -> Any:
    """An efficient callback of a plain subscriber: it copies the numbers of the message object into an array."""
    if of in ("vga", "hd"):
        frame = numpy.empty((480, 640, 3) if of == "vga" else (1080, 1920, 3), numpy.uint8)

        def convert(message: Any) -> None:
            frame[:] = numpy.frombuffer(message.data, numpy.uint8).reshape(message.height, message.width, 3)

    elif of == "joints":
        positions = numpy.empty(7)

        def convert(message: Any) -> None:
            positions[:] = numpy.frombuffer(message.position, numpy.float64)

    else:
        points = numpy.empty((POINTS, 3), numpy.float32)

        def convert(message: Any) -> None:
            rows = numpy.frombuffer(message.data, numpy.float32).reshape(-1, message.point_step // 4)
            points[: len(rows)] = rows[:, :3]

    return convert


def sample(of: str) -> numpy.ndarray:
    """A sample of the pool."""
    if of in ("vga", "hd"):
        return numpy.zeros((480, 640, 3) if of == "vga" else (1080, 1920, 3), numpy.uint8)
    return numpy.zeros(7) if of == "joints" else numpy.zeros((POINTS, 3), numpy.float32)


def _image(height: int, width: int) -> Any:
    from sensor_msgs.msg import Image

    message = Image(encoding="rgb8", height=height, width=width, step=width * 3)
    message.header.frame_id = "camera"
    message.data.frombytes(bytes(height * width * 3))
    return message


def _joints() -> Any:
    from sensor_msgs.msg import JointState

    message = JointState(name=[f"joint_{i}" for i in range(7)], position=[0.1 * i for i in range(7)])
    message.velocity = [0.0] * 7
    message.effort = [0.0] * 7
    return message


def _cloud() -> Any:
    from sensor_msgs.msg import PointCloud2, PointField

    names = ("x", "y", "z", "intensity")
    fields = [PointField(name=name, offset=4 * i, datatype=7, count=1) for i, name in enumerate(names)]
    message = PointCloud2(height=1, width=POINTS, fields=fields, point_step=16, row_step=16 * POINTS, is_dense=True)
    message.header.frame_id = "lidar"
    message.data.frombytes(numpy.arange(POINTS * 4, dtype=numpy.float32).tobytes())
    return message

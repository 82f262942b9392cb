"""Topic to pool to topic: the received message has the same bytes as the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import Pose, PoseArray, PoseStamped, TransformStamped, TwistStamped
from nav_msgs.msg import OccupancyGrid, Odometry, Path
from polymorph_ipc._ros.pool_publisher import PoolPublisher
from polymorph_ipc._ros.types import type_name
from rclpy.serialization import serialize_message
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import (
    CameraInfo,
    CompressedImage,
    Image,
    Imu,
    JointState,
    LaserScan,
    NavSatFix,
    PointCloud2,
    PointField,
)
from std_msgs.msg import Bool, Float64, Float64MultiArray, MultiArrayDimension, UInt8MultiArray

from ros_nodes import Ros

STORE = get_typestore(Stores.ROS2_KILTED)


def canonical(message: Any) -> bytes:
    """The message as rosbags serializes it: rclpy leaves padding and trailing bytes uninitialized."""
    name, raw = type_name(type(message)), serialize_message(message)
    for surplus in range(0, 20, 4):
        try:
            return bytes(STORE.serialize_cdr(STORE.deserialize_cdr(raw[: len(raw) - surplus], name), name))
        except SerdeError:
            continue
    raise AssertionError(f"rosbags cannot read {raw!r}")


def stamped(message: Any, frame_id: str = "base") -> Any:
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 345_678_901
    return message


def filled(message: Any) -> Any:
    """Fill every float64 of the message with a different value."""
    numbers = iter(np.arange(1, 500) / 7)

    def fill(part: Any) -> None:
        for name, kind in part.get_fields_and_field_types().items():
            value = getattr(part, name)
            if kind == "double":
                setattr(part, name, float(next(numbers)))
            elif kind.startswith("double["):
                value[:] = [next(numbers) for _ in value]
            elif hasattr(value, "get_fields_and_field_types") and name != "header":
                fill(value)

    fill(message)
    return message


def image(encoding: str, dtype: str, channels: int) -> Any:
    pixels = np.arange(5 * 7 * channels).astype(dtype)
    message = stamped(Image(height=5, width=7, encoding=encoding, step=7 * channels * pixels.itemsize))
    message.data.frombytes(pixels.tobytes())
    return message


def cloud() -> Any:
    layout = [
        ("x", 0, PointField.FLOAT32),
        ("y", 4, PointField.FLOAT32),
        ("z", 8, PointField.FLOAT32),
        ("ring", 16, PointField.UINT16),
    ]
    message = stamped(PointCloud2(height=1, width=9, point_step=20, row_step=180, is_dense=False))
    message.fields = [PointField(name=name, offset=at, datatype=kind, count=1) for name, at, kind in layout]
    message.data.frombytes(np.arange(180, dtype=np.uint8).tobytes())
    return message


def xyz_cloud() -> Any:
    message = stamped(PointCloud2(height=1, width=4, point_step=12, row_step=48, is_dense=False))
    message.fields = [
        PointField(name=n, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, n in enumerate("xyz")
    ]
    message.data.frombytes(np.arange(12, dtype=np.float32).tobytes())
    return message


def joint_state() -> Any:
    state = JointState(
        name=["a", "bc", "d"], position=[1.0, 2.0, 3.0], velocity=[4.0, 5.0, 6.0], effort=[7.0, 8.0, 9.0]
    )
    return stamped(state)


def scan() -> Any:
    message = stamped(
        LaserScan(ranges=np.arange(30, dtype=np.float32) / 3, intensities=np.arange(30, dtype=np.float32))
    )
    for number, name in enumerate(SCALARS, 1):
        setattr(message, name, number / 4)
    return message


def multi_array() -> Any:
    message = Float64MultiArray(data=[float(number) for number in range(6)])
    message.layout.dim = [MultiArrayDimension(size=2, stride=6), MultiArrayDimension(size=3, stride=3)]
    return message


def grid() -> Any:
    message = stamped(OccupancyGrid(data=[-1, 0, 100, 50, 7, 9]), "map")
    message.info.width, message.info.height, message.info.resolution = 3, 2, 0.25
    return message


def poses() -> Any:
    message = stamped(PoseArray())
    message.poses = [filled(Pose()) for _ in range(3)]
    return message


def path() -> Any:
    message = stamped(Path(), "map")
    for _ in range(3):
        message.poses.append(stamped(filled(PoseStamped()), "map"))
    return message


SCALARS = ["angle_min", "angle_max", "angle_increment", "time_increment", "scan_time", "range_min", "range_max"]
IMU = [
    f"{name}{suffix}"
    for name in ("orientation", "angular_velocity", "linear_acceleration")
    for suffix in ("", "_covariance")
]
ODOMETRY = ["pose.pose", "pose.covariance", "twist.twist", "twist.covariance"]

# Message, and the paths of a dict sample (None: the default tensor of the type).
CASES: dict[str, tuple[Any, list[str] | None]] = {
    "rgb8": (image("rgb8", "u1", 3), None),
    "bgra8": (image("bgra8", "u1", 4), None),
    "mono16": (image("mono16", "u2", 1), None),
    "32FC1": (image("32FC1", "f4", 1), None),
    "bayer": (image("bayer_rggb8", "u1", 1), None),
    "compressed": (stamped(CompressedImage(format="jpeg", data=bytes(range(100)))), None),
    "cloud": (cloud(), None),
    "joints": (joint_state(), ["position", "velocity", "effort"]),
    "positions": (stamped(JointState(name=["a", "b"], position=[1.0, 2.0])), None),
    "scan": (scan(), [*SCALARS, "ranges", "intensities"]),
    "imu": (stamped(filled(Imu())), IMU),
    "odometry": (stamped(filled(Odometry(child_frame_id="wheels"))), ODOMETRY),
    "pose": (stamped(filled(PoseStamped())), None),
    "twist": (stamped(filled(TwistStamped())), None),
    "transform": (stamped(filled(TransformStamped(child_frame_id="tool"))), None),
    "poses": (poses(), None),
    "path": (path(), None),
    "grid": (grid(), ["data", "info.width", "info.height", "info.resolution"]),
    "camera info": (stamped(filled(CameraInfo(height=4, width=6))), ["height", "width", "k", "r", "p"]),
    "fix": (stamped(filled(NavSatFix())), ["latitude", "longitude", "altitude", "position_covariance"]),
    "matrix": (multi_array(), None),
    "bytes": (UInt8MultiArray(data=[1, 2, 3]), ["data"]),
    "number": (Float64(data=1.5), None),
    "flag": (Bool(data=True), None),
}


@pytest.mark.parametrize("case", CASES)
def test_message_round_trips_as_the_same_bytes(ros: Ros, topic: str, case: str) -> None:
    message, paths = CASES[case]
    check(ros, topic, message, {} if paths is None else {"ros_field": {path: path for path in paths}})


def test_points_as_numbers_round_trip_as_the_same_bytes(ros: Ros, topic: str) -> None:
    check(ros, topic, xyz_cloud(), {"sample": np.zeros((10, 3), np.float32)})


def test_stacked_joints_round_trip_as_the_same_bytes(ros: Ros, topic: str) -> None:
    message = joint_state()
    message.velocity = []  # NaN in the pool
    check(ros, topic, message, {"sample": np.zeros((3, 3))})


def check(ros: Ros, topic: str, message: Any, options: dict[str, Any]) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, type(message), options.pop("sample", None), pool_name="pool", **options)
    publisher = ros.publisher(type(message), topic)
    back: list[bytes] = []
    node.create_subscription(type(message), f"{topic}/back", lambda raw: back.append(bytes(raw)), 10, raw=True)
    with PoolPublisher(node, "pool", f"{topic}/back", type(message)) as returning:
        ros.spin(node, lambda: returning._publication.publisher.get_subscription_count())
        for number in range(1, 4):
            ros.send(node, stream, publisher, message)
            assert stream.stats["misfits"] == 0, stream.stats
            ros.spin(node, lambda number=number: len(back) >= number, f"message {number}: {returning.stats}")
        sent = canonical(message)
        # Without a header, the stamp of the sample is the time of the node, which is not in the message.
        assert back == [sent] * 3
        ros.spin(node, lambda: returning.stats["published"] == 3)
        assert returning.stats["path"] == "fast"

"""Messages of a real rclpy are decoded to samples, and encoded to the same messages again."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

import numpy as np
import pytest
import reference
from codec import NUMPY_DTYPES, STRING, WSTRING, CodecError
from messages import installed, leaf_paths, make_types, members, random_message, tree, type_name
from rclpy.serialization import deserialize_message, serialize_message
from samples import RosDecoder, RosEncoder, Schema, as_constants

CLASSES = installed()
ROUNDS = 10


def assert_same(message: Any, written: bytes, serialized: bytes) -> None:
    assert tree(deserialize_message(written, type(message))) == tree(message)
    assert written == reference.canonical(message, serialized)


def round_trip(message: Any, fixed_lengths: bool = False, learn: bytes = b"", **more: Any) -> None:
    """Decode a message with a schema learned from it (or from `learn`), and encode the sample with its metadata."""
    types, name, serialized = make_types(type(message)), type_name(type(message)), serialize_message(message)
    constants = more.pop("constants", {})
    decoder = RosDecoder(types, name, fixed_lengths=fixed_lengths, **more)
    constants = as_constants(decoder.learn(learn or serialized)) | constants
    sample, stamp = decoder.decode(serialized)
    encoder = RosEncoder(types, name, decoder.schema, None, constants)
    assert_same(message, encoder.encode(sample, stamp), serialized)


def new(name: str) -> Any:
    """A message; if it has a header, with a stamp and a frame_id."""
    package, kind = name.split("/")
    message = CLASSES[f"{package}/msg/{kind}"]()
    if hasattr(message, "header"):
        message.header.stamp.sec, message.header.stamp.nanosec = 1_700_000_000, 999_999_999
        message.header.frame_id = "base_link"
    return message


def numbers(count: int) -> list[float]:
    return [0.5 * i - 1 for i in range(count)]


def set_numbers(message: Any, start: float = 1.5) -> float:  # the serializer accepts only floats
    """Fill a message that contains only float64."""
    for member in members(type(message)):
        if member.cls:
            start = set_numbers(getattr(message, member.name), start)
        else:
            setattr(message, member.name, start)
            start += 1
    return start


# ---- default tensors ----


@pytest.mark.parametrize("fixed_lengths", [False, True])
@pytest.mark.parametrize(
    ("encoding", "dtype", "channels"),
    [
        ("rgb8", "u1", 3),
        ("bgr8", "u1", 3),
        ("rgba8", "u1", 4),
        ("mono8", "u1", 1),
        ("mono16", "u2", 1),
        ("bgra16", "u2", 4),
        ("bayer_gbrg8", "u1", 1),
        ("yuv422", "u1", 2),
        ("yuv422_yuy2", "u1", 2),
        ("32FC1", "f4", 1),
        ("32FC", "f4", 1),
        ("64FC3", "f8", 3),
        ("8UC7", "u1", 7),
        ("16SC2", "i2", 2),
        ("nv12", "u1", 1),
        ("nv24", "u1", 1),
    ],
)
def test_images(encoding: str, dtype: str, channels: int, fixed_lengths: bool) -> None:
    message = new("sensor_msgs/Image")
    message.height, message.width, message.encoding = 4, 6, encoding
    message.step = 6 * channels * np.dtype(dtype).itemsize
    rows = {"nv12": 6, "nv24": 12}.get(encoding, 4)
    message.data = bytes(i % 251 for i in range(rows * message.step))
    round_trip(message, fixed_lengths)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_compressed_images(count: int) -> None:
    message = new("sensor_msgs/CompressedImage")
    message.format, message.data = "jpeg", bytes(i % 251 for i in range(count))
    round_trip(message)


def point_cloud(count: int, names: str, datatype: int, size: int) -> Any:
    message = new("sensor_msgs/PointCloud2")
    for i, name in enumerate(names):
        field = CLASSES["sensor_msgs/msg/PointField"]()
        field.name, field.offset, field.datatype, field.count = name, i * size, datatype, 1
        message.fields.append(field)
    message.height, message.width, message.point_step, message.is_dense = 1, count, size * len(names), False
    message.row_step = count * message.point_step
    message.data = np.arange(count * len(names), dtype=np.float32 if size == 4 else np.float64).tobytes()
    return message


@pytest.mark.parametrize("count", [0, 1, 100])
def test_structured_points(count: int) -> None:
    round_trip(point_cloud(count, "xyzi", 7, 4))
    message = point_cloud(count, "xy", 8, 8)
    message.fields[0].offset, message.fields[1].offset = 8, 0  # in any order
    message.fields[1].datatype, message.fields[1].count = 2, 3  # with gaps
    round_trip(message)


@pytest.mark.parametrize(("names", "size"), [("xyz", 4), ("xyz", 8), ("xyzi", 4), ("abcde", 4)])
def test_points_as_numbers(names: str, size: int) -> None:
    message = point_cloud(50, names, 7 if size == 4 else 8, size)
    round_trip(message, point_fields=names)


@pytest.mark.parametrize("filled", range(1, 8))
def test_joint_states(filled: int) -> None:
    message = new("sensor_msgs/JointState")
    message.name = ["shoulder", "elbow", "é"]
    message.position = numbers(3)
    round_trip(message)
    stacked = Schema(field_count=1)
    stacked.fields[0].dtype, stacked.fields[0].itemsize, stacked.fields[0].ndim = 2 | 64 << 8, 8, 2
    stacked.fields[0].shape[:2] = (3, 3)
    learn = serialize_message(message)
    for bit, name in enumerate(("position", "velocity", "effort")):
        setattr(message, name, numbers(3) if filled & 1 << bit else [])
    round_trip(message, learn=learn, sample=stacked)


def test_joint_trajectories() -> None:
    for rows, joints in ((0, 2), (1, 2), (5, 3)):
        message = new("trajectory_msgs/JointTrajectory")
        message.joint_names = [f"joint {i}" for i in range(joints)]
        for _ in range(rows):
            message.points.append(CLASSES["trajectory_msgs/msg/JointTrajectoryPoint"]())
            message.points[-1].positions = numbers(joints)
        if rows:
            round_trip(message, constants={"points[].time_from_start.sec": 0})


@pytest.mark.parametrize(
    "name",
    [
        "geometry_msgs/Point", "geometry_msgs/Vector3", "geometry_msgs/Quaternion", "geometry_msgs/Pose",
        "geometry_msgs/Twist", "geometry_msgs/Wrench", "geometry_msgs/Accel", "geometry_msgs/Transform",
    ],
)  # fmt: skip
def test_messages_of_only_numbers(name: str) -> None:
    message = new(name)
    set_numbers(message)
    round_trip(message)
    stamped = new(name + "Stamped")
    set_numbers(getattr(stamped, name.split("/")[1].lower() if name != "geometry_msgs/Vector3" else "vector"))
    if hasattr(stamped, "child_frame_id"):
        stamped.child_frame_id = "child"
    round_trip(stamped)


@pytest.mark.parametrize("kind", ["Pose", "Twist", "Accel"])
def test_messages_with_covariance(kind: str) -> None:
    message = new(f"geometry_msgs/{kind}WithCovariance")
    set_numbers(getattr(message, kind.lower()))
    round_trip(message)
    stamped = new(f"geometry_msgs/{kind}WithCovarianceStamped")
    set_numbers(getattr(getattr(stamped, kind.lower()), kind.lower()))
    round_trip(stamped)


def test_odometry_imu_and_fixes() -> None:
    odometry = new("nav_msgs/Odometry")
    odometry.child_frame_id = "wheel"
    set_numbers(odometry.twist.twist, set_numbers(odometry.pose.pose))
    round_trip(odometry)
    imu = new("sensor_msgs/Imu")
    set_numbers(imu.linear_acceleration, set_numbers(imu.angular_velocity, set_numbers(imu.orientation)))
    round_trip(imu)
    fix = new("sensor_msgs/NavSatFix")
    fix.latitude, fix.longitude, fix.altitude = 47.1, 8.5, math.nan
    default = CLASSES["sensor_msgs/msg/NavSatStatus"]().status
    round_trip(fix, constants={"status.status": default})
    field = new("sensor_msgs/MagneticField")
    set_numbers(field.magnetic_field)
    round_trip(field)
    info = new("sensor_msgs/CameraInfo")
    info.k = np.array(numbers(9))
    round_trip(info)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Range", "range"),
        ("FluidPressure", "fluid_pressure"),
        ("Temperature", "temperature"),
        ("RelativeHumidity", "relative_humidity"),
        ("Illuminance", "illuminance"),
        ("LaserScan", "ranges"),
        ("Joy", "axes"),
    ],
)
def test_messages_with_a_single_field(name: str, field: str) -> None:
    message = new(f"sensor_msgs/{name}")
    setattr(message, field, [1.5, 2.5, math.inf] if name in ("LaserScan", "Joy") else 0.25)
    round_trip(message)


@pytest.mark.parametrize(
    "name", ["Bool", "Byte", "Char", "Float32", "Float64", *(f"{u}Int{b}" for u in ("", "U") for b in (8, 16, 32, 64))]
)
def test_std_msgs_numbers(name: str) -> None:
    rng = random.Random(name)
    for _ in range(ROUNDS):
        round_trip(random_message(CLASSES[f"std_msgs/msg/{name}"], rng))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 1, 2), (1, 2, 3, 2)])
@pytest.mark.parametrize("kind", ["Float32", "Float64", "Int16", "UInt64", "Int8", "UInt8"])
def test_multi_arrays(kind: str, shape: tuple[int, ...]) -> None:
    message = new(f"std_msgs/{kind}MultiArray")
    for i, size in enumerate(shape):
        dimension = CLASSES["std_msgs/msg/MultiArrayDimension"]()
        dimension.size, dimension.stride = size, math.prod(shape[i:])
        message.layout.dim.append(dimension)
    message.data = [float(i) if "Float" in kind else i for i in range(math.prod(shape))]
    round_trip(message)
    for i, dimension in enumerate(message.layout.dim):
        dimension.label = f"label {i}"
    round_trip(message, constants={"layout.dim[].label": [d.label for d in message.layout.dim]})


@pytest.mark.parametrize("count", [0, 1, 20])
def test_poses_paths_and_polygons(count: int) -> None:
    array, path = new("geometry_msgs/PoseArray"), new("nav_msgs/Path")
    polygon, stamped = new("geometry_msgs/Polygon"), new("geometry_msgs/PolygonStamped")
    for i in range(count):
        array.poses.append(CLASSES["geometry_msgs/msg/Pose"]())
        set_numbers(array.poses[-1], float(i))
        path.poses.append(new("geometry_msgs/PoseStamped"))
        set_numbers(path.poses[-1].pose, float(i))
        polygon.points.append(CLASSES["geometry_msgs/msg/Point32"]())
        polygon.points[-1].x, polygon.points[-1].z = i + 0.5, -1.0
    stamped.polygon = polygon
    for message in (array, path, polygon, stamped):
        round_trip(message)


def test_occupancy_grids() -> None:
    message = new("nav_msgs/OccupancyGrid")
    message.info.width, message.info.height, message.info.resolution = 3, 2, 0.5
    message.info.origin.position.x = -4.25
    message.data = [0, 100, -1, 50, 1, 2]
    rest = {"info.resolution": 0.5, "info.origin.position.x": -4.25, "info.origin.orientation.w": 1.0}
    round_trip(message, constants=rest)


# ---- any type, field by field ----


def texts_of(message: Any, path: str) -> list[str]:
    name, _, rest = path.partition(".")
    member = next(m for m in members(type(message)) if m.name == name.rstrip("[]"))
    value = getattr(message, member.name)
    values = list(value) if member.array else [value]
    return [text for one in values for text in (texts_of(one, rest) if rest else [one])]


def is_needed(cls: Any, path: str) -> bool:
    """Whether a count cannot be derived from a column of numbers."""
    leaves = dict(leaf_paths(cls))
    inner = [dtype for other, dtype in leaves.items() if other.startswith(path[:-1] + "[].")]
    return path[:-1] not in leaves and all(dtype in (STRING, WSTRING) for dtype in inner)


def can_name_everything(cls: Any) -> bool:
    """Samples have up to 32 fields and no text; constants are text, but not nested lists of text, and not wstrings."""
    leaves = [(path, dtype) for path, dtype in leaf_paths(cls) if not path.endswith("#") or is_needed(cls, path)]
    fields = [path for path, dtype in leaves if dtype not in (STRING, WSTRING)]
    texts = [path for path, dtype in leaves if dtype == STRING]
    deep = [path for path, _ in leaf_paths(cls) if path.endswith("#") and "[]" in path]
    return 0 < len(fields) <= 32 and not deep and all(dtype != WSTRING for _, dtype in leaves) and len(texts) <= 32


@pytest.mark.parametrize("name", [name for name, cls in CLASSES.items() if can_name_everything(cls)])
def test_dict_of_all_fields_and_constants_round_trips(name: str) -> None:
    cls, rng = CLASSES[name], random.Random(name)
    types = make_types(cls)
    leaves = [leaf for leaf in leaf_paths(cls) if not (leaf[0].endswith("#") and not is_needed(cls, leaf[0]))]
    fields = [(f"f{i}", path) for i, (path, dtype) in enumerate(leaves) if dtype in NUMPY_DTYPES]
    compared = 0
    for size in range(4 * ROUNDS):
        message = random_message(cls, rng, size % 5)
        serialized = serialize_message(message)
        decoder = RosDecoder(types, name, fields, fixed_lengths=True)
        try:
            decoder.learn(serialized)
        except CodecError as refusal:  # for example joints without names
            if refusal.status == "SCHEMA_MISMATCH":
                continue
            raise
        constants = {path: texts_of(message, path) for path, dtype in leaves if dtype == STRING}
        sample, _ = decoder.decode(serialized)
        encoder = RosEncoder(types, name, decoder.schema, fields, constants)
        assert_same(message, encoder.encode(sample, 0), serialized)
        compared += 1
    assert compared or "Joint" in name


def test_float32_nan_keeps_its_bits() -> None:
    message = new("std_msgs/Float32")
    message.data = struct.unpack("<f", b"\x01\x00\xc0\x7f")[0]
    round_trip(message)

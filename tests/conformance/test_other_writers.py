"""Messages and schemas of other programs: the codec and type store of rosbags, and the MCAP writer for ROS 2."""

from __future__ import annotations

import io
import random
from typing import Any

import mcap.reader
import mcap_ros2.writer
import pytest
import reference
from codec import Decoder, Types
from messages import decoded, expected, installed, leaf_paths, members, random_message, type_name
from rclpy.serialization import serialize_message
from rosbags.typesys import Stores, get_typestore
from test_ros2msg import CLASSES as WITH_TEXT
from test_ros2msg import mcap_schema

STORE = get_typestore(Stores.ROS2_KILTED)
SHARED = [cls for name, cls in installed().items() if name in STORE.types]


def assert_same(types: Types, message: Any, raw: bytes) -> None:
    leaves = list(leaf_paths(type(message)))
    for (path, dtype), values in zip(leaves, Decoder(types, type_name(type(message)), leaves).decode(raw), strict=True):
        assert decoded(values.items, dtype) == expected(message, path), path


def test_rosbags_has_most_types() -> None:
    assert len(SHARED) > 120


@pytest.mark.parametrize("cls", SHARED, ids=type_name)
def test_messages_and_schemas_of_rosbags_are_decoded(cls: Any) -> None:
    name, rng = type_name(cls), random.Random(type_name(cls))
    types = Types()
    types.add(name, STORE.generate_msgdef(name)[0])
    for size in range(5):
        message = random_message(cls, rng, size)
        # Without the trailing bytes of rclpy, which rosbags refuses.
        parsed = STORE.deserialize_cdr(reference.canonical(message, serialize_message(message)), name)
        for little in (True, False):
            assert_same(types, message, bytes(STORE.serialize_cdr(parsed, name, little_endian=little)))


def as_dictionary(message: Any) -> dict[str, Any]:
    """The input of the MCAP writer: lists where rclpy has arrays."""
    content = {}
    for member in members(type(message)):
        value = getattr(message, member.name)
        if member.array:
            content[member.name] = [as_dictionary(item) if member.cls else item for item in value]
        else:
            content[member.name] = as_dictionary(value) if member.cls else value
    return content


@pytest.mark.parametrize(
    "name", ["JointState", "PointCloud2", "Image", "CameraInfo", "Imu", "LaserScan", "JoyFeedbackArray"]
)
def test_mcap_file_is_decoded_with_its_own_schema(name: str) -> None:
    cls = installed()[f"sensor_msgs/msg/{name}"]
    assert cls in WITH_TEXT
    rng, file = random.Random(name), io.BytesIO()
    messages = [random_message(cls, rng) for _ in range(10)]
    writer = mcap_ros2.writer.Writer(file)
    schema = writer.register_msgdef(f"sensor_msgs/{name}", mcap_schema(cls))
    for stamp, message in enumerate(messages):
        writer.write_message("/topic", schema, as_dictionary(message), stamp, stamp)
    writer.finish()
    read = list(mcap.reader.make_reader(io.BytesIO(file.getvalue())).iter_messages())
    assert len(read) == len(messages)
    for message, (stored, _, record) in zip(messages, read, strict=True):
        types = Types()
        types.add(stored.name, stored.data.decode())
        assert_same(types, message, record.data)
        assert len(record.data) >= len(reference.serialize(message))

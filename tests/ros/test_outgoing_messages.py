"""Outgoing messages contain only known facts; missing facts that receivers need are an error or a warning."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import InvalidArgumentError, SchemaMismatchError, TensorProducer
from polymorph_ipc.ros import PoolPublisher
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, JointState, LaserScan, PointCloud2, Range
from std_msgs.msg import Float32MultiArray
from trajectory_msgs.msg import JointTrajectory

from ros_nodes import Ros


def sent(ros: Ros, topic: str, message_class: Any, sample: Any, metadata: dict[str, Any] | None = None) -> Any:
    """Publish a sample. Returns the message that a subscriber receives."""
    node, listener = ros.node("producer"), ros.node("subscriber")
    messages: list[Any] = []
    listener.create_subscription(message_class, topic, messages.append, 10)
    options = {"ros_node": node, "ros_topic": topic, "ros_msg_type": message_class, "metadata": metadata}
    with TensorProducer.from_sample("pool", sample, **options) as producer:
        ros.spin(listener, lambda: node.count_subscribers(topic))
        producer.publish(sample)
        ros.spin(listener, lambda: messages)
    return messages[0]


def refused(node: Node, message_class: Any, sample: Any, metadata: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        TensorProducer.from_sample(
            "pool", sample, metadata=metadata, ros_node=node, ros_topic="/refused", ros_msg_type=message_class
        )


def test_cloud_is_dense_only_with_is_dense_in_the_metadata(ros: Ros, topic: str) -> None:
    points = np.full((3, 3), np.nan, np.float32)
    assert not sent(ros, topic, PointCloud2, points).is_dense
    assert not sent(ros, f"{topic}/numbers", PointCloud2, np.ones((3, 3), np.float32)).is_dense
    assert sent(ros, f"{topic}/dense", PointCloud2, np.ones((3, 3), np.float32), {"is_dense": True}).is_dense


def test_chw_images_are_transposed_with_layout_in_the_metadata(ros: Ros, topic: str) -> None:
    planes = np.random.default_rng(1).integers(0, 255, (3, 24, 32), np.uint8)
    message = sent(ros, topic, Image, planes, {"layout": "CHW", "encoding": "bgr8"})
    assert (message.height, message.width, message.encoding, message.step) == (24, 32, "bgr8", 96)
    np.testing.assert_array_equal(np.frombuffer(message.data, np.uint8).reshape(24, 32, 3), planes.transpose(1, 2, 0))


def test_more_than_four_channels_need_an_explicit_encoding(ros: Ros, topic: str) -> None:
    node = ros.node()
    for dtype in (np.uint8, np.float32):
        refused(node, Image, np.zeros((3, 224, 224), dtype), {}, SchemaMismatchError, "'layout' \"CHW\"")
    message = sent(ros, topic, Image, np.zeros((2, 3, 5), np.uint8), {"encoding": "8UC5"})
    assert (message.encoding, message.step) == ("8UC5", 15)


def test_joints_without_names_are_refused(ros: Ros, topic: str) -> None:
    node = ros.node()
    refused(node, JointState, np.zeros(3), {}, InvalidArgumentError, "metadata. 'names'")
    refused(node, JointState, {"velocity": np.zeros(3)}, {}, InvalidArgumentError, "'velocity' has no names")
    refused(node, JointTrajectory, np.zeros((1, 3)), {}, InvalidArgumentError, "metadata. 'names'")
    message = sent(ros, topic, JointState, np.ones(3), {"names": []})
    assert (message.name, list(message.position)) == ([], [1.0, 1.0, 1.0])


def test_trajectory_without_point_times_is_refused(ros: Ros, topic: str) -> None:
    names = {"names": ["a", "b"]}
    words = r"'points\[\]\.time_from_start\.sec' \(int32\) and 'points\[\]\.time_from_start\.nanosec'"
    refused(ros.node(), JointTrajectory, np.zeros((5, 2)), names, InvalidArgumentError, words)
    timed = {
        "points[].positions": np.arange(4.0).reshape(2, 2),
        "points[].time_from_start.sec": np.array([1, 2], np.int32),
        "points[].time_from_start.nanosec": np.array([0, 5], np.uint32),
    }
    message = sent(ros, topic, JointTrajectory, timed, names)
    assert message.joint_names == ["a", "b"]
    assert [(p.time_from_start.sec, p.time_from_start.nanosec) for p in message.points] == [(1, 0), (2, 5)]
    assert [list(p.positions) for p in message.points] == [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize(("metadata", "warnings"), [({}, 1), ({"format": "jpeg"}, 0), ({"format": ""}, 0)])
def test_empty_image_format_causes_one_warning(
    ros: Ros, topic: str, capfd: pytest.CaptureFixture[str], metadata: dict[str, Any], warnings: int
) -> None:
    message = sent(ros, topic, CompressedImage, np.zeros(8, np.uint8), metadata)
    assert message.format == metadata.get("format", "")
    assert capfd.readouterr().err.count('Give the metadata "format": "jpeg" or "png"') == warnings


def test_pool_publisher_warns_about_an_empty_format_once(
    ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with PoolPublisher(ros.node(), "pool", topic, CompressedImage) as publisher:
        for length in (8, 9):
            with TensorProducer.from_sample("pool", np.zeros(length, np.uint8)):
                ros.spin(publisher._node, lambda: publisher.stats["connected"])
            ros.spin(publisher._node, lambda: not publisher.stats["connected"])
        assert publisher.stats["problem"] == ""
    assert capfd.readouterr().err.count('"format": "jpeg"') == 1


def test_constants_are_rounded_to_the_type_of_the_field(ros: Ros, topic: str) -> None:
    scan = {"angle_min": -1.57, "angle_increment": 0.01, "range_max": 30}
    message = sent(ros, topic, LaserScan, np.zeros(315, np.float32), scan)
    assert (message.angle_min, message.angle_increment, message.range_max) == (
        float(np.float32(-1.57)), float(np.float32(0.01)), 30.0,
    )  # fmt: skip
    node = ros.node()
    refused(node, Range, np.float32(1.0), {"max_range": 1e300}, InvalidArgumentError, "which float32 cannot hold")
    refused(node, Range, np.float32(1.0), {"radiation_type": 0.5}, InvalidArgumentError, "which uint8 cannot hold")


@pytest.mark.parametrize("dtype", [">u2", ">f4", "<U4", "M8[ns]"])
@pytest.mark.parametrize(
    ("message_class", "metadata"),
    [(Image, {"encoding": "mono16"}), (Image, {}), (LaserScan, {}), (Float32MultiArray, {}), (JointState, {})],
)
def test_mismatch_errors_name_numpy_dtypes(ros: Ros, dtype: str, message_class: Any, metadata: dict[str, Any]) -> None:
    name = np.dtype(dtype).str
    refused(
        ros.node(),
        message_class,
        np.zeros((4, 6), dtype),
        metadata,
        SchemaMismatchError,
        f'got "{re.escape(name)}" .4, 6',
    )

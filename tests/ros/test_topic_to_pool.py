"""Samples made of messages: by sample, by field, by the first message; stamps, joints, points, frames, texts."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from polymorph_ipc import InvalidArgumentError, PoolBusyError, SchemaMismatchError, TensorProducer, TensorStream
from sensor_msgs.msg import Image, JointState, PointCloud2, PointField
from std_msgs.msg import Float64, Float64MultiArray, String

from ros_nodes import RGB, Ros, image, joints


def test_pool_with_a_sample_exists_at_once_and_gets_metadata_later(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB, ros_history_len=4)
    local = TensorStream("pool0")
    assert local.connected
    assert local.shape == (4, 6, 3)
    assert local.metadata == {"ros_type": "sensor_msgs/msg/Image"}
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, image(9))
    assert int(local.get_new(timeout=0).flat[0]) == 9
    assert local.metadata["frame_id"] == "optical"
    assert local.metadata["encoding"] == "rgb8"
    assert local.stats["history_len"] == 4
    assert local.get_last(return_info=True)[1].seq == 1


def test_images_are_received_in_place_and_others_are_decoded(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, np.zeros((48, 64, 3), np.uint8), ros_history_len=8, ros_frames="any")
    publisher = ros.publisher(Image, topic)
    padded = image(5, 48, 64)
    padded.step = 64 * 3 + 8
    rows = np.frombuffer(padded.data, np.uint8).reshape(48, 192)
    padded.data = np.pad(rows, ((0, 0), (0, 8)), constant_values=99).tobytes()
    renamed = image(7, 48, 64)
    renamed.header.frame_id = "a_frame_whose_name_is_longer_than_the_header_of_a_slot_is_with_all_that_there_is"
    sent = [image(1, 48, 64), image(2, 48, 64), image(3, 48, 64), image(4, 48, 64), padded, image(6, 48, 64), renamed]
    kept = []
    for message in sent:
        ros.send(node, stream, publisher, message)
        kept.append(stream.get_last())
    assert [int(frame.min()) for frame in kept] == [int(frame.max()) for frame in kept] == [1, 2, 3, 4, 5, 6, 7]
    assert stream.stats["published"] == 7
    assert stream.stats["in_place"] == 3  # 2, 3 and 4: the first message defines their layout, the others differ


def test_first_message_shapes_the_pool_without_a_sample(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image)
    assert not stream.connected
    assert stream.get_last() is None
    ros.send(node, stream, ros.publisher(Image, topic), image(3, 8, 10, "mono8"))
    assert stream.shape == (8, 10)
    assert (stream.get_last() == 3).all()


def test_samples_of_an_orphaned_pool_are_not_those_of_the_topic(ros: Ros, topic: str) -> None:
    dead = TensorProducer.from_sample("pool0", np.zeros(3))
    dead.publish(np.ones(3))
    dead.abandon()
    stream = ros.stream(ros.node(), topic, Image)
    assert stream.get_last() is None


@pytest.mark.parametrize("sample", [None, RGB])
def test_pool_of_a_live_producer_is_not_used_for_a_topic(ros: Ros, topic: str, sample: Any) -> None:
    with TensorProducer.from_sample("pool0", np.zeros(3)), pytest.raises(PoolBusyError, match="pool0"):
        ros.stream(ros.node(), topic, Image, sample)


def test_dict_sample_selects_message_paths(ros: Ros, topic: str) -> None:
    node = ros.node()
    sample = {"twist.twist.linear": np.zeros(3), "pose.pose.position": np.zeros(3)}
    stream = ros.stream(node, topic, Odometry, sample)
    message = Odometry()
    message.pose.pose.position.x = 1.0
    message.twist.twist.linear.z = 2.0
    message.header.stamp.sec = 11
    ros.send(node, stream, ros.publisher(Odometry, topic), message)
    got, info = stream.get_last(return_info=True)
    assert list(got) == list(sample)
    assert got["pose.pose.position"].tolist() == [1, 0, 0]
    assert got["twist.twist.linear"].tolist() == [0, 0, 2]
    assert info.stamp == 11 * 10**9


def test_ros_field_selects_one_or_several_paths(ros: Ros, topic: str) -> None:
    node = ros.node()
    one = ros.stream(node, topic, PoseStamped, np.zeros(4), ros_field="pose.orientation")
    several = ros.stream(
        node,
        topic,
        PoseStamped,
        {"q": np.zeros(4), "p": np.zeros(3)},
        ros_field={"p": "pose.position", "q": "pose.orientation"},
    )
    unshaped = ros.stream(node, topic, PoseStamped, ros_field={"where": "pose.position"})
    message = PoseStamped()
    message.pose.position.y = 5.0
    publisher = ros.publisher(PoseStamped, topic)
    ros.spin(node, lambda: publisher.get_subscription_count() == 3)
    publisher.publish(message)
    ros.spin(node, lambda: all(s.stats["published"] for s in (one, several, unshaped)))
    assert one.get_last().tolist() == [0, 0, 0, 1]
    assert {name: value.tolist() for name, value in several.get_last().items()} == {"p": [0, 5, 0], "q": [0, 0, 0, 1]}
    assert unshaped.get_last()["where"].tolist() == [0, 5, 0]


def test_joints_of_two_publishers_have_one_order(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, JointState)
    chosen = ros.stream(node, topic, JointState, np.zeros(2), ros_joints=["c", "a"])
    left, right = ros.publisher(JointState, topic), ros.publisher(JointState, topic)
    ros.spin(node, lambda: left.get_subscription_count() == right.get_subscription_count() == 2)
    for publisher, message in [(left, joints(a=1.0, b=2.0, c=3.0)), (right, joints(c=30.0, a=10.0, b=20.0))]:
        count = stream.stats["published"]
        publisher.publish(message)
        ros.spin(node, lambda count=count: stream.stats["published"] == chosen.stats["published"] == count + 1)
    assert stream.get_history(2).tolist() == [[1, 2, 3], [10, 20, 30]]
    assert chosen.get_history(2).tolist() == [[3, 1], [30, 10]]
    assert stream.metadata["names"] == ["a", "b", "c"]
    assert chosen.metadata["names"] == ["c", "a"]


def cloud(points: Any) -> Any:
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]
    rows = np.asarray(points, np.float32)
    return PointCloud2(
        height=1, width=len(rows), fields=fields, point_step=12, row_step=12 * len(rows), data=rows.tobytes()
    )


def test_point_clouds_have_their_own_length(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, PointCloud2, np.zeros((50, 3), np.float32))
    structured = ros.stream(node, topic, PointCloud2)
    publisher = ros.publisher(PointCloud2, topic)
    ros.spin(node, lambda: publisher.get_subscription_count() == 2)
    for count in (3, 50, 0, 51):
        before = stream.stats["messages"]
        publisher.publish(cloud(np.arange(3 * count).reshape(count, 3)))
        ros.spin(node, lambda before=before: stream.stats["messages"] > before)
        assert stream.get_last().shape == (count, 3)
    assert stream.stats["misfits"] == 0
    ros.spin(node, lambda: structured.stats["published"] == 4)
    assert structured.get_last()["y"][:2].tolist() == [1, 4]
    assert len(structured.get_last()) == 51


def test_message_without_a_stamp_gets_the_time_of_the_node(ros: Ros, topic: str) -> None:
    node = ros.node()
    plain = ros.stream(node, topic, Float64)
    zero = ros.stream(node, f"{topic}/zero", JointState)
    before = time.time_ns()
    ros.send(node, plain, ros.publisher(Float64, topic), Float64(data=2.5))
    ros.send(node, zero, ros.publisher(JointState, f"{topic}/zero"), JointState(name=["a"], position=[1.0]))
    for stream in (plain, zero):
        assert before <= stream.get_last(return_info=True)[1].stamp <= time.time_ns()
    assert plain.get_last()[()] == 2.5
    assert plain.metadata == {"ros_type": "std_msgs/msg/Float64"}


def test_any_sequence_may_be_variable(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Float64MultiArray, ros_field="data", ros_variable=True)
    ros.send(
        node,
        stream,
        ros.publisher(Float64MultiArray, topic),
        Float64MultiArray(data=[1.0, 2.0]),
        Float64MultiArray(data=[3.0]),
    )
    assert stream.get_last().tolist() == [3.0]
    assert stream.stats["misfits"] == 0


# ---- misfits ----


def test_misfits_are_counted_logged_once_and_not_published(
    ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    misfits = [image(1, 5, 6), image(1, 4, 6, "mono8"), image(1, 4, 6, "bgr8"), image(1, 6, 6), image(1, 7, 7)]
    ros.send(node, stream, publisher, image(7), *misfits, image(8), b"\x00\x01\x00\x00nonsense")
    stats = stream.stats
    assert (stats["messages"], stats["published"], stats["misfits"]) == (8, 2, 6)
    assert sum(stats["misfit_reasons"].values()) == 6
    assert [int(frame.flat[0]) for frame in stream.get_history(2)] == [7, 8]
    log = capfd.readouterr().err
    assert log.count("a message does not fit the pool") == len(stats["misfit_reasons"]) < 6
    assert "bgr8" in log
    assert "rgb8" in log
    assert "[WARN]" in log


def test_joints_of_several_publishers_are_merged_by_name(ros: Ros, topic: str) -> None:
    """The gripper's message arrives first; the arm's driver lists its joints in another order."""
    node = ros.node()
    stream = ros.stream(node, topic, JointState, ros_joints=["shoulder", "elbow", "gripper"], ros_history_len=4)
    gripper, arm = ros.publisher(JointState, topic), ros.publisher(JointState, topic)
    ros.send(node, stream, gripper, joints(gripper=0.1))
    assert stream.get_last()[2] == 0.1
    assert np.isnan(stream.get_last()[:2]).all()
    assert stream.stats["joint_stamps"] == {"shoulder": 0, "elbow": 0, "gripper": 3_000_000_005}
    later = joints(elbow=2.0, shoulder=1.0)
    later.header.stamp.sec = 9
    ros.send(node, stream, arm, later)
    assert stream.get_last().tolist() == [1.0, 2.0, 0.1]
    ros.send(node, stream, gripper, joints(gripper=0.2))
    assert stream.get_last().tolist() == [1.0, 2.0, 0.2]
    assert stream.stats["joint_stamps"] == {"shoulder": 9_000_000_005, "elbow": 9_000_000_005, "gripper": 3_000_000_005}
    assert (stream.stats["published"], stream.stats["misfits"]) == (3, 0)
    assert stream.metadata["names"] == ["shoulder", "elbow", "gripper"]
    ros.send(node, stream, arm, joints(wheel=1.0))
    assert stream.stats["misfits"] == 1
    assert "the message names [wheel]" in next(iter(stream.stats["misfit_reasons"]))


def test_joint_stamps_field_has_the_stamp_of_each_joint(ros: Ros, topic: str) -> None:
    node = ros.node()
    sample = {"position": np.zeros(2), "joint_stamps": np.zeros(2, np.int64)}
    stream = ros.stream(node, topic, JointState, sample, ros_joints=["a", "b"])
    left, right = ros.publisher(JointState, topic), ros.publisher(JointState, topic)
    ros.send(node, stream, left, joints(a=1.0))
    unstamped = JointState(name=["b"], position=[2.0])
    before = node.get_clock().now().nanoseconds
    ros.send(node, stream, right, unstamped)
    row = TensorStream("pool0").get_last()
    assert row["position"].tolist() == [1.0, 2.0]
    assert row["joint_stamps"][0] == 3_000_000_005
    assert before <= row["joint_stamps"][1] <= node.get_clock().now().nanoseconds
    with pytest.raises(InvalidArgumentError, match="selected by name"):
        ros.stream(node, topic, JointState, sample)


def test_joints_of_another_publisher_cause_one_warning_without_ros_joints(
    ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, JointState)
    gripper, arm = ros.publisher(JointState, topic), ros.publisher(JointState, topic)
    ros.send(node, stream, gripper, joints(left=0.1, right=0.2))
    ros.send(node, stream, arm, *(joints(shoulder=1.0, elbow=2.0) for _ in range(3)))
    assert (stream.stats["published"], stream.stats["misfits"]) == (1, 3)
    log = capfd.readouterr().err
    assert log.count("the message names [shoulder, elbow], the pool holds [left, right]") == 1
    assert "list the joints with ros_joints (bridge: joints)" in log


def test_first_message_that_does_not_fit_the_sample_is_a_misfit(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    ros.send(node, stream, ros.publisher(Image, topic), image(1, 5, 6), image(2))
    assert (stream.stats["misfits"], stream.stats["published"]) == (1, 1)
    assert (stream.get_last() == 2).all()


# ---- arguments ----


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"ros_topic": None}, TypeError, "ros_topic= is missing"),
        ({"ros_msg_type": None}, TypeError, "ros_msg_type= is missing"),
        ({"ros_node": None}, TypeError, "ros_node= is missing"),
        ({"ros_node": "node"}, TypeError, "ros_node must be an rclpy.node.Node, not 'node'"),
        ({"ros_topic": 5}, TypeError, "ros_topic must be the name of a topic"),
        ({"ros_msg_type": "sensor_msgs/msg/Picture"}, TypeError, "no message 'Picture'"),
        ({"ros_msg_type": "camera_msgs/msg/Image"}, ImportError, "cannot be imported here"),
        ({"ros_msg_type": Image()}, TypeError, "must be a message class"),
        ({"ros_sample_data": [[1, 2]]}, TypeError, r"ros_sample_data: expected an array, got list: pass np.asarray"),
        ({"ros_sample_data": np.zeros((4, 6, 3), np.complex64)}, SchemaMismatchError, "complex64"),
        ({"ros_sample_data": np.zeros((4, 6, 3, 2), np.uint8)}, SchemaMismatchError, "uint8"),
        ({"ros_field": "no.such"}, InvalidArgumentError, "no"),
        ({"ros_field": {"a": "height"}}, ValueError, "ros_sample_data must be a dict with the fields"),
        ({"ros_field": 3}, TypeError, "ros_field must be a path"),
        ({"ros_joints": "abc"}, TypeError, "ros_joints must be a list of names"),
        ({"ros_joints": ["a"]}, InvalidArgumentError, "joints"),
        ({"ros_variable": "yes"}, TypeError, "ros_variable must be True, False or None"),
        ({"ros_history_len": 0}, InvalidArgumentError, "history_len must be 1 to"),
        ({"ros_topic": "no good"}, Exception, "topic name"),
    ],
)
def test_invalid_arguments_are_refused_at_once(
    ros: Ros, topic: str, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    right = {"ros_node": ros.node(), "ros_topic": topic, "ros_msg_type": Image, "ros_sample_data": RGB}
    with pytest.raises(error, match=words):
        TensorStream("pool", **{**right, **arguments})


# ---- frames


FRAMES = ["map", "odom", "map", "odom", "odom"]


def pose(frame: str, x: float) -> Any:
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position.x = x
    return message


def test_message_with_another_frame_id_is_a_misfit_with_one_warning(
    ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, PoseStamped)
    goals = ros.publisher(PoseStamped, topic)
    ros.send(node, stream, goals, *(pose(frame, float(x)) for x, frame in enumerate(FRAMES)))
    assert (stream.stats["messages"], stream.stats["published"], stream.stats["misfits"]) == (5, 2, 3)
    assert stream.get_history(2)[:, 0].tolist() == [0.0, 2.0]
    assert stream.metadata["frame_id"] == "map"
    log = capfd.readouterr().err
    assert log.count("the message's frame_id is 'odom', the pool's is 'map'") == 1
    assert 'ros_frames="any"' in log


def test_message_with_another_child_frame_id_is_a_misfit(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Odometry)
    odometry = ros.publisher(Odometry, topic)
    messages = [Odometry(child_frame_id=child) for child in ("base", "wheel", "base")]
    ros.send(node, stream, odometry, *messages)
    assert (stream.stats["published"], stream.stats["misfits"]) == (2, 1)
    assert "child_frame_id is 'wheel', the pool's is 'base'" in next(iter(stream.stats["misfit_reasons"]))


def test_ros_frames_any_accepts_all_frames(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, PoseStamped, ros_frames="any")
    ros.send(node, stream, ros.publisher(PoseStamped, topic), pose("map", 1.0), pose("odom", 2.0))
    assert (stream.stats["published"], stream.stats["misfits"]) == (2, 0)
    assert stream.metadata == {"ros_type": "geometry_msgs/msg/PoseStamped"}
    with pytest.raises(TypeError, match='ros_frames must be "any" or None'):
        ros.stream(node, topic, PoseStamped, ros_frames="map")


# ---- texts


def test_string_field_becomes_text_and_too_long_ones_are_misfits(ros: Ros, topic: str) -> None:
    node = ros.node()
    prompts = ros.stream(node, topic, String, np.array("", "U8"), ros_field="data")
    as_bytes = ros.stream(node, topic, String, ros_field="data")
    publisher = ros.publisher(String, topic)
    ros.matched(node, publisher)
    ros.send(node, prompts, publisher, String(data="greifé"), String(data="pick up the cup"), String(data="stop"))
    assert prompts.get_history(2).tolist() == ["greifé", "stop"]
    assert (prompts.stats["published"], prompts.stats["misfits"]) == (2, 1)
    reason = next(iter(prompts.stats["misfit_reasons"]))
    assert "'pick up the cup', has 15 characters, the pool takes 8" in reason
    ros.spin(node, lambda: as_bytes.stats["published"] == 3)
    assert [bytes(text).decode() for text in as_bytes.get_history(3)] == ["greifé", "pick up the cup", "stop"]


def test_frame_id_field_is_stored_with_each_sample(ros: Ros, topic: str) -> None:
    node = ros.node()
    sample = {"pose.position": np.zeros(3), "header.frame_id": np.array("", "U16")}
    stream = ros.stream(node, topic, PoseStamped, sample)
    ros.send(node, stream, ros.publisher(PoseStamped, topic), pose("map", 1.0), pose("odom", 2.0))
    rows = stream.get_history(2)
    assert rows["header.frame_id"].tolist() == ["map", "odom"]
    assert rows["pose.position"][:, 0].tolist() == [1.0, 2.0]
    assert "frame_id" not in stream.metadata

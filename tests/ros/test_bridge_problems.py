"""The reports of `polymorph bridge` name the reason when no data arrives; ROS arguments apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PointStamped
from polymorph_ipc import TensorProducer, TensorStream
from polymorph_ipc._tools.commands import split_ros_arguments
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState, Joy
from std_msgs.msg import String

from bridge_process import Bridge
from ros_nodes import Ros, image, joints

Run = Callable[..., Bridge]
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def other_node() -> Iterator[Any]:
    """A node of another DDS participant. With Fast DDS, one participant has one type per topic."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("other", context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def has(state: str, text: str = "") -> Callable[[dict[str, Any]], bool]:
    return lambda report: report["state"] == state and text in report["problem"]


def test_wrong_type_is_the_state_until_a_matching_publisher_appears(
    bridge: Run, ros: Ros, topic: str, other_node: Any
) -> None:
    other_node.create_publisher(String, topic, 10)
    program = bridge("--from-ros", topic, "--to", "arm", "--type", "sensor_msgs/msg/JointState")
    report = program.until(lambda report: report["state"] != "no publisher")
    assert report["state"] == "wrong type"
    assert report["problem"] == f"topic {topic} is published as std_msgs/msg/String, not sensor_msgs/msg/JointState"
    right = ros.publisher(JointState, topic)
    report = program.until(lambda report: report["published"] or right.publish(joints(a=1.0)))
    assert "std_msgs/msg/String too; only " in report["problem"]
    program.end()


def test_topic_with_several_types_asks_for_type_and_keeps_trying(
    bridge: Run, ros: Ros, topic: str, other_node: Any
) -> None:
    words = other_node.create_publisher(String, topic, 10)
    program = bridge("--from-ros", topic, "--to", "arm")
    program.until(has("cannot start", "no numbers"))
    arm = ros.publisher(JointState, topic)
    both = "is published as sensor_msgs/msg/JointState and std_msgs/msg/String: choose with --type"
    program.until(has("cannot start", both))
    other_node.destroy_publisher(words)
    program.until(lambda report: report["published"] or arm.publish(joints(a=1.0)))
    program.until(lambda report: report["problem"] == "")
    program.end()


def test_unsupported_type_of_a_topic_does_not_end_the_bridge(bridge: Run, ros: Ros, topic: str) -> None:
    ros.publisher(String, topic)
    program = bridge("--from-ros", topic, "--to", "words")
    program.until(has("cannot start", "std_msgs/msg/String has no numbers"))
    ros.nodes.pop(0).destroy_node()
    program.until(has("no publisher"))
    assert program.until(lambda report: True)["problem"] == ""
    program.end()


@pytest.mark.parametrize(
    ("offered", "option", "words"),
    [
        (BEST_EFFORT, ["--reliability", "reliable"], "best_effort where reliable is asked for"),
        (QoSProfile(depth=1), ["--durability", "transient_local"], "volatile where transient_local is asked for"),
    ],
    ids=["reliability", "durability"],
)
def test_qos_mismatch_is_the_state(
    bridge: Run, ros: Ros, topic: str, offered: Any, option: list[str], words: str
) -> None:
    ros.publisher(JointState, topic, offered)
    program = bridge("--from-ros", topic, "--to", "arm", "--type", "sensor_msgs/msg/JointState", *option)
    program.until(has("QoS mismatch", f"topic {topic}: the publishers offer {words}"))
    latched = ros.publisher(JointState, topic, LATCHED)
    report = program.until(lambda report: report["published"] or latched.publish(joints(a=1.0)))
    assert "1 of 2 publishers offer" in report["problem"]
    program.end()


def test_misfits_are_the_state_and_the_newest_reason_is_the_problem(bridge: Run, ros: Ros, topic: str) -> None:
    publisher = ros.publisher(Image, topic)
    program = bridge("--from-ros", topic, "--to", "images", "--shape", "4,6,3", "--dtype", "uint8",
                     "--type", "sensor_msgs/msg/Image")  # fmt: skip
    for message, words in ((image(1, encoding="mono8"), "uint8 (4, 6),"), (image(1, height=5), "uint8 (5, 6, 3),")):
        misfits = has("misfits", f"the message has {words}")
        program.until(lambda report, misfits=misfits, message=message: misfits(report) or publisher.publish(message))
    program.until(lambda report: report["published"] or publisher.publish(image(1)))
    program.until(has("no messages"))
    program.end()


def test_message_larger_than_max_bytes_is_a_failure_with_its_text(
    bridge: Run, ros: Ros, topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(f"- {{from_ros: {topic}, to: joy, type: sensor_msgs/msg/Joy, max_bytes: 4096}}")
    publisher = ros.publisher(Joy, topic)
    program = bridge(file)
    program.until(lambda report: report["failures"] or publisher.publish(Joy(axes=[1.0] * 5000)))
    report = program.until(has("failures", "the pool could not be made"))
    assert "ros_max_bytes" not in report["problem"]
    program.end()


def test_pool_that_does_not_fit_the_type_is_the_problem(bridge: Run, topic: str) -> None:
    program = bridge("--from-pool", "arm", "--to", topic, "--type", "sensor_msgs/msg/Image")
    assert program.until(lambda report: True)["state"] == "no pool"
    with TensorProducer.from_sample("arm", np.zeros(3)):
        program.until(has("cannot start", "sensor_msgs/msg/Image"))
    program.end()


def test_subscription_of_another_type_is_the_problem(bridge: Run, ros: Ros, topic: str) -> None:
    listener = ros.node()
    listener.create_subscription(String, topic, lambda _message: None, 10)
    program = bridge("--from-pool", "q", "--to", topic, "--type", "geometry_msgs/msg/PointStamped")
    words = f"topic {topic} is subscribed to as std_msgs/msg/String, not geometry_msgs/msg/PointStamped"
    with TensorProducer.from_sample("q", np.zeros(3)) as producer:
        program.until(has("no samples", words))
        program.until(lambda report: report["state"] == "running" or producer.publish(np.ones(3)) == 0)
    program.end()


def test_subscriptions_with_qos_mismatch_are_counted(bridge: Run, ros: Ros, topic: str) -> None:
    ros.node().create_subscription(PointStamped, topic, lambda _message: None, 10)
    program = bridge("--from-pool", "q", "--to", topic, "--type", "geometry_msgs/msg/PointStamped",
                     "--reliability", "best_effort")  # fmt: skip
    program.until(has("no pool", "1 of 1 subscriptions get nothing: best_effort where reliable is asked for"))
    program.end()


def test_remapping_applies_to_the_topic(bridge: Run, ros: Ros, topic: str) -> None:
    publisher = ros.publisher(JointState, topic)
    program = bridge("--from-ros", "/joint_states", "--to", "arm", "--ros-args", "-r", f"/joint_states:={topic}")
    program.until(lambda report: report["published"] or publisher.publish(joints(a=1.0)))
    program.end()


def test_namespace_and_node_name_apply_to_relative_topics(bridge: Run, ros: Ros) -> None:
    publisher = ros.publisher(JointState, "/robot/arm/states")
    listener = ros.node()
    got: list[JointState] = []
    listener.create_subscription(JointState, "/robot/out", got.append, 10)
    ros_arguments = ["--ros-args", "-r", "__ns:=/robot", "-r", "__node:=left", "-p", "use_sim_time:=true", "--"]
    first = bridge("--from-ros", "arm/states", *ros_arguments, "--to", "arm")
    second = bridge("--from-pool", "arm", "--to", "out", *ros_arguments)
    first.until(lambda report: report["published"] or publisher.publish(joints(a=1.0)))
    assert "/robot/left" in [f"{space.rstrip('/')}/{name}" for name, space in listener.get_node_names_and_namespaces()]
    second.until(lambda report: publisher.publish(joints(a=1.0)) or report["published"])
    ros.spin(listener, lambda: got or publisher.publish(joints(a=1.0)), "a message in the namespace")
    with TensorStream("arm") as arm:
        assert arm.get_last().tolist() == [1.0]
    first.end()
    second.end()


def test_ros_arguments_end_at_two_dashes() -> None:
    given = ["bridge", "--ros-args", "-r", "a:=b", "--", "--to", "x", "--ros-args", "-p", "use_sim_time:=true"]
    own, ros = split_ros_arguments(given)
    assert own == ["bridge", "--to", "x"]
    assert ros == ["--ros-args", "-r", "a:=b", "--", "--ros-args", "-p", "use_sim_time:=true"]
    assert split_ros_arguments(["bridge", "--", "x.yaml"]) == (["bridge", "--", "x.yaml"], [])

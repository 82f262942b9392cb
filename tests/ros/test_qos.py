"""The QoS of a subscription is what the publishers offer, and follows them when they change."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState

from ros_nodes import RGB, Ros, image, joints
from support.processes import Spawner

CAMERA = Path(__file__).parent / "programs" / "camera.py"
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def reliability(stream: Any) -> str:
    return stream.stats["reliability"]


def test_reliable_publishers_get_a_reliable_subscription(ros: Ros, topic: str) -> None:
    publisher = ros.publisher(Image, topic)
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    ros.send(node, stream, publisher, image(1))
    assert reliability(stream) == "reliable"


@pytest.mark.parametrize("publisher_first", [True, False])
def test_best_effort_publisher_is_received(ros: Ros, topic: str, publisher_first: bool) -> None:
    node = ros.node()
    if publisher_first:
        publisher = ros.publisher(Image, topic, BEST_EFFORT)
        ros.spin(node, lambda: node.get_publishers_info_by_topic(topic))
    stream = ros.stream(node, topic, Image, RGB)
    if not publisher_first:
        publisher = ros.publisher(Image, topic, BEST_EFFORT)
    ros.send(node, stream, publisher, image(1), image(2))
    assert reliability(stream) == "best_effort"
    assert stream.stats["published"] == 2


def test_reliability_follows_the_publishers(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    reliable = ros.publisher(Image, topic)
    ros.send(node, stream, reliable, image(1))
    assert reliability(stream) == "reliable"

    unreliable = ros.publisher(Image, topic, BEST_EFFORT)
    ros.spin(node, lambda: reliability(stream) == "best_effort")
    ros.send(node, stream, unreliable, image(2))
    ros.send(node, stream, reliable, image(3))

    unreliable.destroy()
    ros.spin(node, lambda: reliability(stream) == "reliable" and stream.stats["publishers"] == 1)
    ros.send(node, stream, reliable, image(4))
    assert stream.stats["published"] == 4

    reliable.destroy()  # without publishers nothing changes
    ros.spin(node, lambda: stream.stats["publishers"] == 0)
    assert reliability(stream) == "reliable"


OTHER_TYPE = """
    import sys
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import JointState
    rclpy.init()
    profile = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = rclpy.create_node("other").create_publisher(JointState, sys.argv[1], profile)
    send("ready")
    receive()
"""


def test_qos_ignores_publishers_of_another_type(ros: Ros, topic: str, spawn: Spawner) -> None:
    spawn(OTHER_TYPE, topic).expect("ready")
    node = ros.node()
    ros.spin(node, lambda: node.get_publishers_info_by_topic(topic))
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, image(1))
    assert reliability(stream) == "reliable"


def test_given_qos_is_used_and_its_mismatch_is_logged(ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB, ros_qos=3)
    profile = stream._source.subscription.profile
    assert (profile.depth, profile.reliability) == (3, ReliabilityPolicy.RELIABLE)
    ros.publisher(Image, topic, BEST_EFFORT)
    log: list[str] = []
    ros.spin(node, lambda: log.append(capfd.readouterr().err) or "ros_qos" in "".join(log))
    assert reliability(stream) == "reliable"
    assert "offers less than ros_qos asks for" in "".join(log)


LATCHED = QoSProfile(depth=3, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.mark.parametrize("given", [None, LATCHED])
def test_earlier_messages_of_a_latched_publisher_are_received(ros: Ros, topic: str, given: Any) -> None:
    publisher = ros.publisher(JointState, topic, LATCHED)
    publisher.publish(joints(a=4.0))
    node = ros.node()
    ros.spin(node, lambda: node.get_publishers_info_by_topic(topic))
    stream = ros.stream(node, topic, JointState, ros_qos=given)
    ros.spin(node, lambda: stream.stats["published"])
    assert stream.get_last().tolist() == [4.0]
    assert stream.stats["durability"] == "transient_local"


def test_late_latched_publisher_is_received_from_its_first_message(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, JointState)
    assert stream.stats["durability"] == "volatile"
    publisher = ros.publisher(JointState, topic, LATCHED)
    ros.spin(node, publisher.get_subscription_count)
    for value in (1.0, 2.0, 3.0):
        publisher.publish(joints(a=value))
    ros.spin(node, lambda: stream.stats["durability"] == "transient_local" and stream.stats["published"] == 3)
    ros.send(node, stream, publisher, joints(a=4.0))  # after the messages that it sent again
    assert stream.get_history(4)[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert stream.stats["messages"] == 4


def test_durability_follows_the_publishers(ros: Ros, topic: str) -> None:
    node = ros.node()
    latched = ros.publisher(JointState, topic, LATCHED)
    ros.spin(node, lambda: node.get_publishers_info_by_topic(topic))
    stream = ros.stream(node, topic, JointState)
    assert stream.stats["durability"] == "transient_local"
    plain = ros.publisher(JointState, topic)  # a transient local subscription would not receive from it
    ros.send(node, stream, plain, joints(a=1.0))
    ros.send(node, stream, latched, joints(a=2.0))
    assert stream.stats["durability"] == "volatile"
    plain.destroy()
    ros.spin(node, lambda: stream.stats["durability"] == "transient_local")
    ros.send(node, stream, latched, joints(a=3.0))
    assert stream.get_history(3)[:, 0].tolist() == [1.0, 2.0, 3.0]
    latched.destroy()
    ros.spin(node, lambda: stream.stats["publishers"] == 0)
    assert stream.stats["durability"] == "transient_local"


@pytest.mark.parametrize("wrong", ["reliable", 0, True, 1.5])
def test_invalid_ros_qos_is_refused(ros: Ros, topic: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match="ros_qos must be a QoSProfile, a depth"):
        ros.stream(ros.node(), topic, Image, RGB, ros_qos=wrong)


def test_messages_lost_in_the_queue_are_counted(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB, ros_qos=2)
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, image(1))
    assert stream.stats["lost"] == 0
    for value in range(2, 12):
        publisher.publish(image(value))
    ros.spin(node, lambda: int(stream.get_last().flat[0]) == 11)
    assert stream.stats["messages"] + stream.stats["lost"] == 11
    assert stream.stats["lost"] > 0


def test_lost_large_best_effort_messages_are_reported(
    ros: Ros, topic: str, spawn: Spawner, capfd: pytest.CaptureFixture[str]
) -> None:
    # With the defaults of Fast DDS most VGA images are lost between processes: they are counted and reported.
    node = ros.node()
    spawn(CAMERA, topic, 30, 0, "--best-effort").expect("ready")
    stream = ros.stream(node, topic, Image)
    log: list[str] = []
    ros.spin(node, lambda: log.append(capfd.readouterr().err) or "best effort" in "".join(log))
    assert stream.stats["lost"] >= 10 or "no message for 5 s" in "".join(log)


def test_silent_best_effort_topic_is_reported_once(
    ros: Ros, topic: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from polymorph_ipc._ros import source

    monkeypatch.setattr(source, "SILENCE", 0.5)
    node = ros.node()
    ros.publisher(Image, topic, BEST_EFFORT)
    stream = ros.stream(node, topic, Image, RGB)
    log: list[str] = []
    ros.spin(node, lambda: log.append(capfd.readouterr().err) or "best effort" in "".join(log))
    until = time.monotonic() + 1.2
    ros.spin(node, lambda: time.monotonic() > until)
    assert ("".join(log) + capfd.readouterr().err).count("what they send is lost") == 1
    assert stream.stats["messages"] == 0

"""Every executor and both ways of taking messages give the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymorph_ipc import _core
from sensor_msgs.msg import Image, JointState

from ros_nodes import RGB, Ros, image, joints

EXECUTORS = ["single", "multi", "events"]


@pytest.mark.parametrize("kind", EXECUTORS)
def test_images_arrive_under_every_executor(ros: Ros, topic: str, kind: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, *(image(value, seconds=value) for value in range(1, 9)), kind=kind)
    frames, infos = stream.get_history(8), stream.get_last(return_info=True)[1]
    assert [int(frame.flat[0]) for frame in frames] == list(range(1, 9))
    assert infos.stamp == 8 * 10**9
    stats = stream.stats
    # EventsExecutor is written in C++ and uses rclpy's subscription class, not the one of this package.
    assert stats["path"] == ("portable" if kind == "events" else "fast")
    assert (stats["messages"], stats["published"], stats["misfits"]) == (8, 8, 0)


def test_portable_path_without_rcl_gives_the_same_samples(
    ros: Ros, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = ros.node()
    fast = ros.stream(node, topic, JointState, np.zeros((3, 2)))
    monkeypatch.setattr(_core, "rcl_available", lambda: False)
    portable = ros.stream(node, topic, JointState, np.zeros((3, 2)))
    publisher = ros.publisher(JointState, topic)
    ros.spin(node, lambda: publisher.get_subscription_count() == 2)
    message = joints(a=1.0, b=2.0)
    message.velocity = [3.0, 4.0]
    for number in range(1, 4):
        publisher.publish(message)
        ros.spin(node, lambda number=number: fast.stats["messages"] == portable.stats["messages"] == number)
    assert (fast.stats["path"], portable.stats["path"]) == ("fast", "portable")
    for one, other in zip(fast.get_history(3), portable.get_history(3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert fast.metadata == portable.metadata
    assert fast.get_last(return_info=True)[1].stamp == portable.get_last(return_info=True)[1].stamp == 3 * 10**9 + 5
    np.testing.assert_array_equal(fast.get_last(), [[1, 2], [3, 4], [np.nan, np.nan]])


@pytest.mark.parametrize("kind", EXECUTORS)
def test_two_streams_and_a_user_subscription_share_a_node(ros: Ros, topic: str, kind: str) -> None:
    node = ros.node()
    own: list[Any] = []
    images = ros.stream(node, topic, Image, RGB)
    states = ros.stream(node, f"{topic}/joints", JointState)
    node.create_subscription(Image, topic, own.append, 10)
    camera, arm = ros.publisher(Image, topic), ros.publisher(JointState, f"{topic}/joints")
    ros.spin(node, lambda: camera.get_subscription_count() == 2 and arm.get_subscription_count() == 1, kind=kind)
    camera.publish(image(5))
    arm.publish(joints(a=1.5))
    ros.spin(node, lambda: own and images.stats["published"] and states.stats["published"], kind=kind)
    assert int(images.get_last().flat[0]) == 5
    assert type(own[0]) is Image
    assert list(own[0].data[:3]) == [5, 5, 5]
    np.testing.assert_array_equal(states.get_last(), [1.5])
    assert states.metadata["names"] == ["a"]


def test_subscription_class_of_rclpy_is_restored(ros: Ros, topic: str) -> None:
    from rclpy.impl.implementation_singleton import rclpy_implementation

    before = rclpy_implementation.Subscription
    node = ros.node()
    ros.stream(node, topic, Image, RGB)
    assert rclpy_implementation.Subscription is before
    assert type(node.create_subscription(Image, topic, print, 10).handle) is before

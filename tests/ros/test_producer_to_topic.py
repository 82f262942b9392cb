"""TensorProducer with ros_node=: every sample is published in the pool and on the topic; ROS never breaks the pool."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import polymorph_ipc
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from polymorph_ipc import TensorProducer, TensorStream, _core
from polymorph_ipc._ros.publication import Publication
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState, PointCloud2

from ros_nodes import Ros

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


class Topic:
    """A producer with a topic, and the messages that a subscriber receives."""

    def __init__(self, ros: Ros, topic: str, message_class: Any, sample: Any, **options: Any) -> None:
        self.ros = ros
        self.node = ros.node("producer")
        self.listener = ros.node("listener")
        self.messages: list[Any] = []
        self.listener.create_subscription(message_class, topic, self.messages.append, 50)
        self.producer = TensorProducer.from_sample(
            "pool", sample, ros_node=self.node, ros_topic=topic, ros_msg_type=message_class, **options
        )
        ros.spin(self.listener, lambda: self.node.count_subscribers(topic))

    def arrived(self, count: int) -> list[Any]:
        self.ros.spin(self.listener, lambda: len(self.messages) >= count, f"message {count}")
        return self.messages

    def __enter__(self) -> Topic:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.producer.cleanup()


@pytest.fixture(params=["fast", "portable"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to pass a message to ROS."""
    if request.param == "portable":
        monkeypatch.setattr(_core, "rcl_available", lambda: False)
    return str(request.param)


def test_published_samples_arrive_with_stamp_and_metadata(ros: Ros, topic: str, path: str) -> None:
    metadata = {"frame_id": "optical", "encoding": "bgr8", "serial": [1, 2], "exposure": 3.5}
    with Topic(ros, topic, Image, PIXELS, metadata=metadata) as setup, TensorStream("pool") as local:
        assert setup.producer.publish(PIXELS, stamp=5 * 10**9 + 7) == 1
        np.testing.assert_array_equal(local.get_last(), PIXELS)
        (image,) = setup.arrived(1)
        assert (image.header.stamp.sec, image.header.stamp.nanosec, image.header.frame_id) == (5, 7, "optical")
        assert (image.encoding, image.height, image.width, image.step, image.is_bigendian) == ("bgr8", 4, 6, 18, 0)
        assert bytes(image.data) == PIXELS.tobytes()
        stats = setup.producer.ros_stats
        assert stats is not None
        assert (stats["path"], stats["published"], stats["misfits"], stats["failures"]) == (path, 1, 0, 0)
        assert (stats["topic"], stats["msg_type"], stats["problem"]) == (topic, "sensor_msgs/msg/Image", "")


def test_loans_and_strided_and_large_arrays_arrive_as_in_the_pool(ros: Ros, topic: str, path: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    with Topic(ros, topic, Image, pixels) as setup:
        with setup.producer.loan() as frame:
            frame.data[:] = pixels
            frame.stamp = 2.5
        setup.producer.publish(pixels[::-1, ::-1])
        with setup.producer.loan() as frame:
            frame.data[:] = 0
            frame.discard()
        setup.producer.publish(pixels)
        images = setup.arrived(3)
        assert [bytes(image.data) for image in images] == [
            pixels.tobytes(), pixels[::-1, ::-1].tobytes(), pixels.tobytes(),
        ]  # fmt: skip
        assert (images[0].header.stamp.sec, images[0].header.stamp.nanosec) == (2, 5 * 10**8)
        assert images[0].encoding == "rgb8"


def test_default_stamps_are_equal_in_pool_and_message(ros: Ros, topic: str, path: str) -> None:
    with Topic(ros, topic, Image, PIXELS) as setup, TensorStream("pool") as local:
        before = setup.node.get_clock().now().nanoseconds
        setup.producer.publish(PIXELS)
        with setup.producer.loan():
            pass
        after = setup.node.get_clock().now().nanoseconds
        stamps = [image.header.stamp.sec * 10**9 + image.header.stamp.nanosec for image in setup.arrived(2)]
        assert stamps == local.get_history(2, return_info=True)[1].stamp.tolist()
        assert before <= stamps[0] <= stamps[1] <= after


def test_samples_have_simulated_time_as_stamp(ros: Ros, topic: str) -> None:
    with Topic(ros, topic, Image, PIXELS) as setup:
        setup.node.set_parameters([Parameter("use_sim_time", Parameter.Type.BOOL, True)])
        clock = ros.publisher(Clock, "/clock")
        time = Clock()
        time.clock.sec = 42
        ros.spin(setup.node, lambda: clock.get_subscription_count())
        clock.publish(time)
        ros.spin(setup.node, lambda: setup.node.get_clock().now().nanoseconds == 42 * 10**9, "simulated time")
        setup.producer.publish(PIXELS)
        assert setup.arrived(1)[0].header.stamp.sec == 42
        setup.node.set_parameters([Parameter("use_sim_time", Parameter.Type.BOOL, False)])
        setup.producer.publish(PIXELS)
        assert setup.arrived(2)[1].header.stamp.sec > 42


def test_clock_of_the_node_is_not_read_without_simulated_time(
    ros: Ros, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Publication] = []

    def now(self: Publication) -> int:
        asked.append(self)
        return 0

    monkeypatch.setattr(Publication, "now", now)
    with Topic(ros, topic, Image, PIXELS) as setup:
        setup.producer.publish(PIXELS)
        assert abs(setup.arrived(1)[0].header.stamp.sec - setup.node.get_clock().now().nanoseconds // 10**9) < 60
    assert asked == []


def test_clock_change_does_not_reconnect_a_closed_publication(ros: Ros, topic: str) -> None:
    with Topic(ros, topic, Image, PIXELS) as setup:
        publication = setup.producer._publication
        jumps, unregistered, connected = publication.jumps, [], []
        publication.jumps = SimpleNamespace(unregister=lambda: unregistered.append(jumps.unregister()))
        publication.connect = connected.append
        publication.on_clock_change()
        assert connected == [publication.encoder]
        setup.producer.cleanup()
        assert unregistered == [None]  # the callback of the node's clock is removed
        publication.on_clock_change()  # a late clock change
        assert connected == [publication.encoder]


def test_dict_fields_are_message_paths(ros: Ros, topic: str, path: str) -> None:
    sample = {"position": np.zeros(3), "effort": np.zeros(3)}
    with Topic(ros, topic, JointState, sample, metadata={"names": ["a", "b", "c"], "frame_id": "base"}) as setup:
        setup.producer.publish({"position": np.arange(3.0), "effort": np.ones(3)})
        with setup.producer.loan() as frame:
            frame.data["position"][:] = 7
            frame.data["effort"][:] = 8
        one, two = setup.arrived(2)
        assert (one.name, list(one.position), list(one.velocity), list(one.effort)) == (
            ["a", "b", "c"], [0, 1, 2], [], [1, 1, 1],
        )  # fmt: skip
        assert (list(two.position), list(two.effort), two.header.frame_id) == ([7] * 3, [8] * 3, "base")


def test_ros_field_maps_dict_fields_to_paths(ros: Ros, topic: str) -> None:
    fields = {"q": "pose.orientation", "p": "pose.position"}
    sample = {"q": np.zeros(4), "p": np.zeros(3)}
    with Topic(ros, topic, PoseStamped, sample, ros_field=fields) as setup:
        setup.producer.publish({"q": np.array([0.0, 0.0, 0.6, 0.8]), "p": np.array([1.0, 2.0, 3.0])})
        pose = setup.arrived(1)[0].pose
        assert (pose.orientation.w, pose.position.y) == (0.8, 2.0)


def test_clouds_have_the_length_of_their_sample(ros: Ros, topic: str, path: str) -> None:
    with Topic(ros, topic, PointCloud2, np.zeros((50, 3), np.float32), variable=True) as setup:
        for count in (50, 0, 7):
            setup.producer.publish(np.full((count, 3), count, np.float32))
        with setup.producer.loan() as frame:
            frame.data[:2] = 5
            frame.length = 2
        assert [(cloud.width, len(cloud.data)) for cloud in setup.arrived(4)] == [(50, 600), (0, 0), (7, 84), (2, 24)]


def test_destroyed_node_does_not_affect_the_pool(ros: Ros, topic: str, path: str, capfd: Any) -> None:
    with Topic(ros, topic, Image, PIXELS) as setup, TensorStream("pool") as local:
        setup.producer.publish(PIXELS)
        setup.node.destroy_node()
        for number in range(2, 5):
            assert setup.producer.publish(PIXELS + number) == number
            assert local.get_last()[0, 0, 0] == number
        with setup.producer.loan() as frame:
            frame.data[:] = 9
        assert local.get_last()[0, 0, 0] == 9
        stats = setup.producer.ros_stats
        assert stats is not None
        assert (stats["published"], stats["failures"]) == (1, 4)
        assert stats["problem"]
    assert capfd.readouterr().err.count("the node or its publisher was destroyed") == 1


def test_shutdown_of_the_context_does_not_affect_the_pool(ros: Ros, topic: str, path: str) -> None:
    with Topic(ros, topic, Image, PIXELS) as setup, TensorStream("pool") as local:
        rclpy.shutdown()
        assert setup.producer.publish(PIXELS) == 1
        assert local.get_last() is not None


def test_misfits_are_counted_and_logged_once(ros: Ros, topic: str, path: str, capfd: Any) -> None:
    with Topic(ros, topic, Image, PIXELS) as setup:
        for number in (1, 2):
            assert setup.producer.publish(PIXELS, stamp=-1) == number  # ROS time cannot be negative
        assert setup.producer.publish(PIXELS, stamp=1) == 3
        setup.arrived(1)
        stats = setup.producer.ros_stats
        assert stats is not None
        assert (stats["published"], stats["misfits"], stats["failures"]) == (1, 2, 0)
    assert capfd.readouterr().err.count("the sample cannot be converted to sensor_msgs/msg/Image") == 1


@pytest.mark.parametrize("order", ["producer, node, context", "node, producer, context", "context, node, producer"])
def test_cleanup_node_and_context_end_in_any_order(ros: Ros, topic: str, order: str) -> None:
    setup = Topic(ros, topic, Image, PIXELS)
    end = {"producer": setup.producer.cleanup, "node": setup.node.destroy_node, "context": rclpy.shutdown}
    for name in order.split(", "):
        end[name]()
    setup.producer.cleanup()
    with pytest.raises(polymorph_ipc.ClosedError):
        setup.producer.publish(PIXELS)


def test_cleanup_removes_the_publisher(ros: Ros, topic: str) -> None:
    setup = Topic(ros, topic, Image, PIXELS)
    assert setup.listener.count_publishers(topic) == 1
    setup.producer.cleanup()
    ros.spin(setup.listener, lambda: setup.listener.count_publishers(topic) == 0, "no publisher on the topic")


def test_collected_producer_removes_its_publisher(ros: Ros, topic: str) -> None:
    setup = Topic(ros, topic, Image, PIXELS)
    del setup.producer
    ros.spin(setup.listener, lambda: setup.listener.count_publishers(topic) == 0, "no publisher on the topic")
    polymorph_ipc.remove_pool("pool")  # the pool of a collected producer stays, as after a kill


def test_default_publisher_is_reliable_with_depth_10(ros: Ros, topic: str) -> None:
    node = ros.node()
    qos = QoSProfile(depth=3, reliability=ReliabilityPolicy.BEST_EFFORT)
    for number, (given, depth, reliability) in enumerate(
        [
            (None, 10, ReliabilityPolicy.RELIABLE),
            (4, 4, ReliabilityPolicy.RELIABLE),
            (qos, 3, ReliabilityPolicy.BEST_EFFORT),
        ]
    ):
        with TensorProducer.from_sample(
            "pool",
            PIXELS,
            ros_node=node,
            ros_topic=f"{topic}{number}",
            ros_msg_type="sensor_msgs/msg/Image",
            ros_qos=given,
        ) as producer:
            assert producer._publication is not None
            profile = producer._publication.publisher.qos_profile
            assert (profile.depth, profile.reliability) == (depth, reliability)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"ros_msg_type": PoseStamped}, polymorph_ipc.SchemaMismatchError, "float64.*uint8"),
        ({"ros_field": "data.pixels"}, polymorph_ipc.InvalidArgumentError, "data"),
        ({"ros_field": {"": "data"}}, TypeError, "one path"),
        ({"ros_msg_type": None}, TypeError, "ros_msg_type= missing"),
        ({"ros_topic": None, "ros_node": None}, TypeError, "ros_node= and ros_topic= missing"),
        ({"ros_msg_type": int}, TypeError, "message class"),
        ({"ros_msg_type": "sensor_msgs/msg/Picture"}, TypeError, "no message 'Picture'"),
        ({"ros_msg_type": "dent_msgs/msg/Dent"}, ImportError, "pip install ros-dent-msgs"),
        ({"ros_qos": "much"}, TypeError, "QoSProfile"),
        ({"ros_node": "node"}, TypeError, "rclpy.node.Node"),
        ({"ros_topic": "no topic"}, Exception, "topic name"),
        ({"metadata": {"encoding": "mono16"}}, polymorph_ipc.SchemaMismatchError, "mono16"),
        ({"metadata": {"encoding": {"a": 1}}}, polymorph_ipc.InvalidArgumentError, "encoding"),
    ],
)
def test_invalid_arguments_are_refused_before_a_pool_is_made(
    ros: Ros, topic: str, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    arguments = {"ros_node": ros.node(), "ros_topic": topic, "ros_msg_type": Image, **changes}
    with pytest.raises(error, match=words):
        TensorProducer.from_sample("pool", PIXELS, **arguments)
    assert polymorph_ipc.list_pools() == []


def test_import_loads_neither_ros_nor_the_tools() -> None:
    program = "import sys, polymorph_ipc; print([m for m in ('rclpy', 'typer', 'rich', 'yaml') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_producer_without_rclpy_names_the_install_command(ros: Ros, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rclpy", None)
    with pytest.raises(ImportError, match="pip install"):
        TensorProducer.from_sample("pool", PIXELS, ros_node=object(), ros_topic="/t", ros_msg_type=Image)

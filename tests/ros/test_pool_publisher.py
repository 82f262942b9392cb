"""PoolPublisher: every sample of the pools of one name becomes a message, in order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polymorph_ipc
import pytest
import rclpy
from polymorph_ipc import TensorProducer, _core
from polymorph_ipc._ros import pool_publisher
from polymorph_ipc.ros import PoolPublisher
from sensor_msgs.msg import Image, JointState

from ros_nodes import Ros
from support.observe import pool_files, wait_until
from support.processes import Spawner

ARM = Path(__file__).parent / "programs" / "arm.py"
NAMES = {"names": ["a", "b"]}


class Bridge:
    """PoolPublishers of pool "arm/q", and the messages that a subscriber receives."""

    def __init__(self, ros: Ros, topic: str) -> None:
        self.ros = ros
        self.topic = topic
        self.node = ros.node("bridge")
        self.listener = ros.node("listener")
        self.messages: list[Any] = []
        self.listener.create_subscription(JointState, topic, self.messages.append, 1000)
        self.publishers: list[PoolPublisher] = []

    def start(self, msg_type: Any = JointState, **options: Any) -> PoolPublisher:
        publisher = PoolPublisher(self.node, "arm/q", self.topic, msg_type, **options)
        self.publishers.append(publisher)
        if msg_type is not None:
            self.ros.spin(self.listener, lambda: self.node.count_subscribers(self.topic), "a match")
        return publisher

    def until(self, condition: Callable[[], Any], what: str = "the condition") -> None:
        self.ros.spin(self.listener, condition, what)

    def counted(self, publisher: PoolPublisher, count: int) -> None:
        """Wait for the counter: a message may arrive before the call that sent it has returned."""
        self.until(lambda: publisher.stats["published"] == count, f"{count} messages counted")

    def arrived(self, count: int) -> list[Any]:
        self.until(lambda: len(self.messages) >= count, f"message {count}")
        return self.messages


@pytest.fixture
def bridge(ros: Ros, topic: str) -> Iterator[Bridge]:
    made = Bridge(ros, topic)
    yield made
    for publisher in made.publishers:
        publisher.cleanup()


def positions(messages: list[Any]) -> list[float]:
    return [message.position[0] for message in messages]


@pytest.mark.parametrize("path", ["fast", "portable"])
def test_every_sample_arrives_in_order_with_its_stamp(
    bridge: Bridge, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == "portable":
        monkeypatch.setattr(_core, "rcl_available", lambda: False)
    publisher = bridge.start()
    with TensorProducer.from_sample("arm/q", np.zeros(2), history_len=300, metadata=NAMES) as producer:
        for number in range(1, 201):
            producer.publish(np.full(2, float(number)), stamp=number)
        messages = bridge.arrived(200)
        assert positions(messages) == list(range(1, 201))
        assert [message.header.stamp.nanosec for message in messages] == list(range(1, 201))
        assert messages[0].name == ["a", "b"]
        bridge.counted(publisher, 200)
        stats = publisher.stats
        assert (stats["path"], stats["published"], stats["dropped"], stats["connected"]) == (path, 200, 0, True)
        assert len(publisher._take_latencies()) == 200


def test_samples_that_leave_the_history_unpublished_are_dropped(bridge: Bridge) -> None:
    go = threading.Event()
    publisher = bridge.start()
    assert publisher._publication is not None
    with TensorProducer.from_sample("arm/q", np.zeros(2), history_len=5, metadata=NAMES) as producer:
        producer.publish(np.zeros(2))
        bridge.arrived(1)
        assert publisher._encoder is not None

        def publish(raw: bytes) -> None:
            go.wait()
            publisher._publication.publisher.publish(raw)

        publisher._encoder.connect(None, None, publish, publisher._publication.now, publisher._publication.failed)
        producer.publish(np.ones(2))
        slots = producer.readers
        wait_until(lambda: slots()[0].last_seq == 2, what="the second sample in the publisher")
        for number in range(2, 22):
            producer.publish(np.full(2, float(number)))
        go.set()
        messages = bridge.arrived(7)
        assert positions(messages) == [0, 1, 17, 18, 19, 20, 21]
        assert publisher.stats["dropped"] == 15


def test_start_oldest_publishes_the_history_first(bridge: Bridge) -> None:
    with TensorProducer.from_sample("arm/q", np.zeros(2), metadata=NAMES) as producer:
        for number in range(1, 4):
            producer.publish(np.full(2, float(number)))
        bridge.start(start="oldest")
        producer.publish(np.full(2, 4.0))
        assert positions(bridge.arrived(4)) == [1, 2, 3, 4]


def test_restarted_producer_is_followed(bridge: Bridge, spawn: Spawner) -> None:
    publisher = bridge.start()
    for run in range(3):
        arm = spawn(ARM, "arm/q", 500, 0, 3)
        arm.expect("ready")
        arm.send("go")
        bridge.until(lambda run=run: len(bridge.messages) > 20 * (run + 1), "messages")
        arm.kill()
    numbers = positions(bridge.messages)
    restarts = np.flatnonzero(np.diff(numbers) < 0)
    assert len(restarts) == 2
    assert set(np.delete(np.diff(numbers), restarts)) == {1.0}
    assert publisher.stats["dropped"] == 0
    polymorph_ipc.remove_pool("arm/q", force=True)


def test_new_pool_of_the_same_name_gets_a_new_encoder(bridge: Bridge) -> None:
    publisher = bridge.start()
    for joints, names in ((2, ["a", "b"]), (3, ["c", "d", "e"]), (3, ["f", "g", "h"])):
        with TensorProducer.from_sample("arm/q", np.zeros(joints), metadata={"names": names}) as producer:
            count = len(bridge.messages)
            producer.publish(np.ones(joints))
            message = bridge.arrived(count + 1)[-1]
            assert (message.name, len(message.position)) == (names, joints)
    bridge.counted(publisher, 3)
    assert publisher.stats["misfits"] == 0


def test_mismatching_pool_is_reported_once_and_the_next_is_published(bridge: Bridge, capfd: Any) -> None:
    publisher = bridge.start()
    with TensorProducer.from_sample("arm/q", np.zeros((4, 4), np.uint8)) as wrong:
        for number in range(1, 6):
            wrong.publish(np.zeros((4, 4), np.uint8))
            bridge.until(lambda number=number: publisher.stats["misfits"] >= number, "a misfit")
        assert "float64" in publisher.stats["problem"]
        assert not publisher.stats["connected"]
    with TensorProducer.from_sample("arm/q", np.zeros(2), metadata=NAMES) as producer:
        producer.publish(np.ones(2))
        bridge.arrived(1)
    assert publisher.stats["misfits"] == 5
    assert capfd.readouterr().err.count("nothing is published until a new pool replaces this one") == 1


def test_message_type_can_come_from_the_metadata(bridge: Bridge, spawn: Spawner) -> None:
    publisher = bridge.start(None)
    arm = spawn(ARM, "arm/q", 100, 0, 3)
    arm.expect("ready")
    arm.send("go")
    assert bridge.arrived(3)[0].name == ["j0", "j1", "j2"]
    assert publisher.stats["msg_type"] == "sensor_msgs/msg/JointState"
    arm.signal(signal.SIGINT)
    arm.finish()


def test_given_metadata_overrides_the_metadata_of_the_pool(bridge: Bridge) -> None:
    bridge.start(metadata={"names": ["x", "y"], "frame_id": "base"})
    with TensorProducer.from_sample("arm/q", np.zeros(2), metadata={"frame_id": "other", **NAMES}) as producer:
        producer.publish(np.ones(2))
        (message,) = bridge.arrived(1)
        assert (message.name, message.header.frame_id) == (["x", "y"], "base")


def test_publisher_has_only_the_public_attributes_of_its_class(bridge: Bridge) -> None:
    publisher = bridge.start()
    assert {name for name in dir(publisher) if not name.startswith("_")} == {
        "cleanup",
        "close",
        "pool_name",
        "running",
        "stats",
    }
    publisher.close()
    assert not publisher.running


def test_thread_ends_with_the_node(bridge: Bridge) -> None:
    publisher = bridge.start()
    with TensorProducer.from_sample("arm/q", np.zeros(2), metadata=NAMES) as producer:
        producer.publish(np.ones(2))
        bridge.arrived(1)
        bridge.node.destroy_node()
        producer.publish(np.ones(2))
        publisher._thread.join(10)
        assert not publisher.running
        assert publisher.stats["failures"] == 1
        assert producer.publish(np.ones(2)) == 3


def test_thread_ends_with_the_context(bridge: Bridge) -> None:
    publisher = bridge.start()
    rclpy.shutdown()
    publisher._thread.join(10)
    assert not publisher._thread.is_alive()
    assert not publisher.running


@pytest.mark.parametrize("order", ["cleanup, node, context", "node, cleanup, context", "context, node, cleanup"])
def test_cleanup_node_and_context_end_in_any_order(bridge: Bridge, order: str) -> None:
    publisher = bridge.start()
    with TensorProducer.from_sample("arm/q", np.zeros(2), metadata=NAMES) as producer:
        producer.publish(np.ones(2))
        bridge.arrived(1)
        end = {"cleanup": publisher.cleanup, "node": bridge.node.destroy_node, "context": rclpy.shutdown}
        for name in order.split(", "):
            end[name]()
        publisher.cleanup()
        assert not publisher._thread.is_alive()


def test_waiting_publisher_uses_no_cpu_time(bridge: Bridge) -> None:
    publisher = bridge.start()
    clock = time.pthread_getcpuclockid(publisher._thread.ident or 0)
    before = time.clock_gettime(clock)
    threading.Event().wait(1.0)
    assert time.clock_gettime(clock) - before < 0.05


def test_cleanup_interrupts_a_waiting_publisher(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_publisher, "LOOK", 3600.0)
    publisher = bridge.start()
    closing = threading.Thread(target=publisher.cleanup)
    closing.start()
    closing.join(20)
    assert not closing.is_alive()


PROGRAM = """
    import sys
    import rclpy
    from polymorph_ipc import TensorProducer
    from polymorph_ipc.ros import PoolPublisher
    import numpy as np
    from sensor_msgs.msg import JointState

    rclpy.init()
    node = rclpy.create_node("bridge")
    producer = TensorProducer.from_sample("arm/q", np.zeros(2))
    publisher = PoolPublisher(node, "arm/q", "/joints", JointState)
    producer.publish(np.zeros(2))
    send("ready")
    if sys.argv[1] == "spin":
        rclpy.spin(node)
"""


def test_program_without_cleanup_ends(spawn: Spawner, pool_folder: Path) -> None:
    program = spawn(PROGRAM, "end")
    program.expect("ready")
    program.succeed()
    assert "Traceback" not in program.stderr
    assert pool_files(pool_folder) == []


def test_ctrl_c_leaves_no_pool(spawn: Spawner, pool_folder: Path) -> None:
    program = spawn(PROGRAM, "spin")
    program.expect("ready")
    program.signal(signal.SIGINT)
    program.finish()
    assert program.stderr.count("Traceback") <= 1  # rclpy.spin's own KeyboardInterrupt
    assert pool_files(pool_folder) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"msg_type": int}, TypeError),
        ({"qos": "much"}, TypeError),
        ({"pool_name": "a//b"}, polymorph_ipc.InvalidNameError),
        ({"topic": "no topic"}, Exception),
        ({"node": None}, TypeError),
    ],
)
def test_invalid_arguments_raise_at_once(
    ros: Ros, topic: str, arguments: dict[str, Any], error: type[Exception]
) -> None:
    threads = threading.active_count()
    with pytest.raises(error):
        PoolPublisher(**{"node": ros.node(), "pool_name": "arm/q", "topic": topic, "msg_type": Image, **arguments})
    assert threading.active_count() == threads

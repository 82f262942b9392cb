"""An executor survives changes that streams make to their subscriptions in any thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import ClosedError, TensorProducer
from polymorph_ipc._ros import qos
from std_msgs.msg import Float64MultiArray

from ros_nodes import Ros, executor_of
from support.observe import wait_until

RESUBSCRIPTIONS = 5000
CLEANUPS = 500


class Spun:
    """An executor that a separate thread spins, with a node whose timer counts."""

    def __init__(self, ros: Ros, kind: str) -> None:
        self.node = ros.node()
        self.ticks = 0
        self.calls: list[Any] = []
        self.problem: BaseException | None = None
        self.timer = self.node.create_timer(0.001, self.tick)
        self.executor = executor_of(kind)
        self.executor.add_node(self.node)
        self.end = False
        self.thread = threading.Thread(target=self.spin)

    def tick(self) -> None:
        self.ticks += 1
        if self.calls:
            self.calls.pop()()

    def spin(self) -> None:
        try:
            while not self.end:  # spin_until_future_complete() of rclpy's EventsExecutor does not return
                self.executor.spin_once(timeout_sec=0.05)
        except BaseException as problem:
            self.problem = problem

    def __enter__(self) -> Spun:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end = True
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.executor.shutdown()

    def check_alive(self) -> None:
        before = self.ticks
        wait_until(lambda: self.problem or self.ticks > before + 1, what="the executor's next callback")
        assert self.problem is None


def resubscribe(stream: Any, number: int) -> None:
    source = stream._source
    with source.lock:
        source.subscription.destroy()
        source.subscribe(qos.chosen(qos.Choice(reliable=number % 2 == 0, latched=False)))


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_executor_survives_resubscriptions_from_another_thread(ros: Ros, topic: str, kind: str) -> None:
    with Spun(ros, kind) as spun:
        stream = ros.stream(spun.node, topic, Float64MultiArray, np.zeros(2))
        for number in range(RESUBSCRIPTIONS):
            resubscribe(stream, number)
            assert spun.problem is None, f"after {number} re-subscriptions"
        spun.check_alive()


def test_events_executor_survives_resubscriptions_in_a_callback(ros: Ros, topic: str) -> None:
    # rclpy's EventsExecutor deadlocks when another thread creates a subscription; streams re-subscribe in callbacks.
    spun = Spun(ros, "events")
    stream = ros.stream(spun.node, topic, Float64MultiArray, np.zeros(2))
    done = []

    def many() -> None:
        for number in range(RESUBSCRIPTIONS // 10):
            resubscribe(stream, number)
        done.append(True)

    with spun:
        for batch in range(10):
            spun.calls.append(many)
            wait_until(lambda batch=batch: spun.problem or len(done) > batch, what="a batch of re-subscriptions")
        spun.check_alive()


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_executor_survives_cleanups_from_another_thread(ros: Ros, topic: str, kind: str) -> None:
    with Spun(ros, kind) as spun:
        for number in range(CLEANUPS):
            stream = ros.stream(spun.node, topic, Float64MultiArray, np.zeros(2), pool_name="one")
            stream.cleanup()
            assert spun.problem is None, f"after {number} cleanups"
        assert len(list(spun.node.subscriptions)) == 0
        spun.check_alive()


def test_cleanup_in_another_thread_is_safe_with_an_events_executor(ros: Ros, topic: str) -> None:
    spun = Spun(ros, "events")
    streams = [ros.stream(spun.node, f"{topic}{i}", Float64MultiArray, np.zeros(2)) for i in range(20)]
    with spun:
        for stream in streams:
            stream.cleanup()
        wait_until(lambda: not list(spun.node.subscriptions), what="the end of the subscriptions")
        spun.check_alive()
    assert [timer for timer in spun.node.timers if timer is not spun.timer] == []


def test_executor_survives_producers_closed_in_another_thread(ros: Ros, topic: str) -> None:
    with Spun(ros, "multi") as spun:
        for number in range(CLEANUPS):
            producer = TensorProducer.from_sample(
                "one", np.zeros(2), ros_node=spun.node, ros_topic=topic, ros_msg_type=Float64MultiArray
            )
            producer.cleanup()
            assert spun.problem is None, f"after {number} producers"
        spun.check_alive()


@pytest.mark.parametrize("end", ["destroy_node", "shutdown"])
@pytest.mark.parametrize("wait", ["get_new", "get_next"])
def test_wait_raises_closed_error_when_its_node_or_ros_ends(ros: Ros, topic: str, end: str, wait: str) -> None:
    node = ros.node("short_lived")
    stream = ros.stream(node, topic, Float64MultiArray, np.zeros(2))
    outcome: list[BaseException | None] = []

    def waiter() -> None:
        try:
            getattr(stream, wait)(timeout=30)
            outcome.append(None)
        except BaseException as problem:
            outcome.append(problem)

    looked = threading.Event()
    inner = stream._source.end_of_ros

    def observed() -> str:
        words = inner()
        looked.set()
        return words

    stream._source.end_of_ros = observed
    thread = threading.Thread(target=waiter)
    thread.start()
    assert looked.wait(20), "the wait has begun"
    if end == "destroy_node":
        node.destroy_node()
        words = "node 'short_lived' was destroyed"
    else:
        node.context.shutdown()
        words = "ROS was shut down"
    thread.join(20)
    assert isinstance(outcome[0], ClosedError)
    assert words in str(outcome[0])
    assert topic in str(outcome[0])

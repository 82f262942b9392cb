"""A stream on the node of its user: waits, names, clocks, copies, lost pools and the end."""

from __future__ import annotations

import gc
import itertools
import os
import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import ClosedError, TensorProducer, TensorStream, WrongStateError, wait_any
from polymorph_ipc._ros.source import RosSource
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64

from ros_nodes import RGB, Ros, executor_of, image, joints
from support.observe import mappings_under, open_descriptors, pool_files, wait_until
from support.processes import Spawner

CAMERA = Path(__file__).parent / "programs" / "camera.py"

# ---- the user spins the node ----


def test_stream_never_spins_the_node(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    assert node.executor is None
    publisher = ros.publisher(Image, topic)
    wait_until(publisher.get_subscription_count)
    publisher.publish(image(1))
    assert stream.get_new(timeout=0.3) is None
    ros.spin(node, lambda: stream.stats["published"])
    assert node.executor is ros.executor


def test_wait_on_a_node_that_is_not_spun_warns_once(
    ros: Ros, topic: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from polymorph_ipc._ros import source

    monkeypatch.setattr(source, "PATIENCE", 0.4)
    stream = ros.stream(ros.node("lonely"), topic, Image, RGB)
    assert stream.get_new(timeout=0.2) is None
    assert capfd.readouterr().err == ""
    assert stream.get_new(timeout=1.2) is None
    assert stream.get_new(timeout=1.0) is None
    log = capfd.readouterr().err
    assert log.count("node 'lonely' has not been spun for") == 1
    assert "run rclpy.spin(node)" in log


def spun_in_background(ros: Ros, node: Any, kind: str = "single") -> threading.Thread:
    ros.executor = executor_of(kind)
    ros.executor.add_node(node)
    executor, end = ros.executor, threading.Event()

    def spin() -> None:
        while not end.is_set():
            executor.spin_once(timeout_sec=0.05)

    thread = threading.Thread(target=spin)
    thread.end = end  # type: ignore[attr-defined]
    thread.start()
    return thread


def stop(thread: Any) -> None:
    thread.end.set()
    thread.join()


@pytest.mark.parametrize("kind", ["single", "multi", "events"])
def test_stream_waits_in_one_thread_while_another_spins(
    ros: Ros, topic: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    thread = spun_in_background(ros, node, kind)
    try:
        wait_until(publisher.get_subscription_count)
        for value in range(1, 4):
            publisher.publish(image(value))
            assert int(stream.get_new(timeout=10).flat[0]) == value
    finally:
        stop(thread)
    assert "spun" not in capfd.readouterr().err


def run_in_callback(ros: Ros, node: Any, kind: str, act: Any) -> Any:
    """What `act` gives or raises when a timer's callback calls it."""
    outcome: list[Any] = []

    def callback() -> None:
        timer.cancel()
        try:
            outcome.append(act())
        except Exception as problem:
            outcome.append(problem)

    timer = node.create_timer(0.01, callback, callback_group=ReentrantCallbackGroup())
    ros.spin(node, lambda: outcome, kind=kind)
    return outcome[0]


@pytest.mark.parametrize("kind", ["single", "events"])
@pytest.mark.parametrize("wait", ["get_new", "get_next", "iterate"])
def test_wait_in_a_callback_of_the_spinning_thread_is_an_error(ros: Ros, topic: str, kind: str, wait: str) -> None:
    node = ros.node("busy")
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    waits = {
        "get_new": lambda: stream.get_new(timeout=30),
        "get_next": lambda: stream.get_next(),
        "iterate": lambda: next(stream),
    }
    ros.matched(node, publisher, kind=kind)
    ticks = stream._source.spinning.beats
    ros.spin(node, lambda: stream._source.spinning.beats > ticks, kind=kind)  # an executor in C++ is known by its calls
    problem = run_in_callback(ros, node, kind, waits[wait])
    assert isinstance(problem, WrongStateError)
    assert "a callback of the executor that spins node 'busy' waits for itself" in str(problem)
    assert run_in_callback(ros, node, kind, lambda: stream.get_new(timeout=0)) is None
    ros.send(node, stream, publisher, image(1), kind=kind)
    assert int(run_in_callback(ros, node, kind, lambda: stream.get_new(timeout=30)).flat[0]) == 1


def test_wait_in_a_callback_of_another_thread_is_allowed(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    ros.matched(node, publisher, kind="multi")

    def act() -> Any:
        publisher.publish(image(6))
        return stream.get_new(timeout=15)

    assert int(run_in_callback(ros, node, "multi", act).flat[0]) == 6


def test_wait_any_in_a_callback_of_the_spinning_thread_warns(
    ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    with TensorStream("another") as other:
        assert run_in_callback(ros, node, "single", lambda: wait_any([stream, other], timeout=0.3)) == []
    assert capfd.readouterr().err.count("waits for itself") == 1


def test_wait_between_two_spins_is_allowed(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    ros.send(node, stream, ros.publisher(Image, topic), image(2))
    assert int(stream.get_new(timeout=1).flat[0]) == 2
    assert stream.get_new(timeout=0.2) is None


# ---- names, clocks, nodes ----


def test_remappings_apply_to_the_topic_and_its_qos(ros: Ros, topic: str) -> None:
    node = ros.node("remapped", cli_args=["--ros-args", "-r", f"image:={topic}"])
    publisher = ros.publisher(Image, topic, QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    ros.spin(node, lambda: node.get_publishers_info_by_topic(topic))
    stream = ros.stream(node, "image", Image, RGB)
    assert stream._source.topic == topic
    assert stream.stats["reliability"] == "best_effort"
    ros.send(node, stream, publisher, image(4))
    assert int(stream.get_last().flat[0]) == 4


def test_simulated_time_without_a_clock_blocks_nothing(ros: Ros, topic: str) -> None:
    node = ros.node(parameter_overrides=[Parameter("use_sim_time", value=True)])
    stream = ros.stream(node, topic, Image, RGB)
    unstamped = ros.stream(node, f"{topic}/number", Float64)
    reliable = ros.publisher(Image, topic)
    ros.send(node, stream, reliable, image(1, seconds=9))
    unreliable = ros.publisher(Image, topic, QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    ros.spin(node, lambda: stream.stats["reliability"] == "best_effort")
    ros.send(node, stream, unreliable, image(2, seconds=10))
    assert stream.get_last(return_info=True)[1].stamp == 10 * 10**9
    ros.send(node, unstamped, ros.publisher(Float64, f"{topic}/number"), Float64(data=1.0))
    assert unstamped.get_last(return_info=True)[1].stamp == 0  # the time of the node's clock


def test_two_nodes_on_one_executor_have_a_stream_each(ros: Ros, topic: str) -> None:
    first, second = ros.node("first"), ros.node("second", namespace="/other")
    images = ros.stream(first, topic, Image, RGB)
    states = ros.stream(second, f"{topic}/joints", JointState)
    camera, arm = ros.publisher(Image, topic), ros.publisher(JointState, f"{topic}/joints")
    ros.matched(first, camera)
    ros.matched(second, arm)
    camera.publish(image(1))
    arm.publish(joints(a=2.0))
    ros.spin(first, lambda: images.stats["published"] and states.stats["published"])
    second.destroy_node()
    camera.publish(image(3))
    ros.spin(first, lambda: images.stats["published"] == 2)
    assert states.get_last().tolist() == [2.0]


# ---- copies ----


def test_pickled_ros_stream_is_a_plain_stream(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, image(5))
    with pickle.loads(pickle.dumps(stream)) as plain:
        assert plain._ros is None
        assert "path" not in plain.stats
        assert int(plain.get_last().flat[0]) == 5
    ros.send(node, stream, publisher, image(6))
    assert int(stream.get_last().flat[0]) == 6


def test_forked_childs_stream_reads_and_does_not_touch_ros(ros: Ros, topic: str) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, image(5))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert int(stream.get_last().flat[0]) == 5
            assert stream.get_new(timeout=0.05) is None
            stream.cleanup()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ros.send(node, stream, publisher, image(6))
    assert int(stream.get_last().flat[0]) == 6


def test_node_keeps_the_source_of_a_collected_stream(ros: Ros, topic: str) -> None:
    node = ros.node()
    ros.stream(node, topic, Image, RGB)
    source = ros.streams.pop()._source
    publisher = ros.publisher(Image, topic)
    ros.matched(node, publisher)
    publisher.publish(image(7))
    with TensorStream("pool0") as local:
        ros.spin(node, lambda: source.handler.published)
        assert int(local.get_last().flat[0]) == 7
    source.cleanup()


# ---- a pool that cannot be made ----


def test_busy_pool_name_is_tried_again(ros: Ros, topic: str, capfd: pytest.CaptureFixture[str]) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, expect="any")
    publisher = ros.publisher(Image, topic)
    with TensorProducer.from_sample("pool0", np.zeros(3)):
        ros.send(node, stream, publisher, image(1), image(2))
        assert (stream.stats["published"], stream.stats["failures"]) == (0, 1)
    assert capfd.readouterr().err.count("the pool could not be made") == 1
    stream._source.handler.retry_at = 0.0  # retry at once instead of a second later
    ros.send(node, stream, publisher, image(3))
    assert int(stream.get_last().flat[0]) == 3


def test_lost_pool_is_made_again(ros: Ros, topic: str, pool_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    publisher = ros.publisher(Image, topic)
    ros.send(node, stream, publisher, image(1))
    with open(os.devnull) as null:  # close the descriptor that holds the producer's lock
        for number, target in open_descriptors().items():
            if target.startswith(f"{pool_folder}/"):
                os.dup2(null.fileno(), number)
    with TensorProducer.from_sample("pool0", RGB):
        ros.send(node, stream, publisher, image(2))
    assert (stream.stats["published"], stream.stats["failures"]) == (1, 1)
    stream._source.handler.retry_at = 0.0  # retry at once instead of a second later
    ros.send(node, stream, publisher, image(3))
    assert int(stream.get_last().flat[0]) == 3
    assert capfd.readouterr().err.count("could not be published") == 1


# ---- the end ----


@pytest.mark.parametrize("order", list(itertools.permutations(["cleanup", "destroy", "shutdown"])), ids="-".join)
def test_cleanup_destroy_node_and_shutdown_work_in_any_order(
    ros: Ros, topic: str, pool_folder: Path, order: tuple[str, ...]
) -> None:
    import rclpy

    node = ros.node()
    stream = ros.stream(node, topic, Image, RGB)
    ros.send(node, stream, ros.publisher(Image, topic), image(1))
    steps = {"cleanup": stream.cleanup, "destroy": node.destroy_node, "shutdown": rclpy.shutdown}
    for step in order:
        steps[step]()
    stream.cleanup()
    assert pool_files(pool_folder) == []
    with pytest.raises(ClosedError):
        stream.get_last()


def test_opening_and_closing_streams_leaks_nothing(ros: Ros, topic: str, pool_folder: Path) -> None:
    node = ros.node()
    publisher = ros.publisher(Image, topic)

    def open_and_close() -> None:
        stream = ros.stream(node, topic, Image, RGB, pool_name="again")
        ros.send(node, stream, publisher, image(1))
        ros.streams.pop().cleanup()
        ros.spin(node, lambda: publisher.get_subscription_count() == 0)

    for _ in range(3):
        open_and_close()
    descriptors = len(open_descriptors())
    for _ in range(10):
        open_and_close()
    assert len(open_descriptors()) == descriptors
    gc.collect()
    assert mappings_under(pool_folder) == []
    assert list(node.subscriptions) == []
    left = [thing for thing in gc.get_objects() if isinstance(thing, RosSource)]
    assert len(left) <= 2  # the executor still refers to the last ones


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_cleanup_while_another_thread_spins_and_receives(ros: Ros, topic: str, pool_folder: Path, kind: str) -> None:
    node = ros.node()
    big = np.zeros((200, 300, 3), np.uint8)
    streams = [ros.stream(node, topic, Image, big) for _ in range(3)]
    publisher = ros.publisher(Image, topic)
    message = image(1, 200, 300)
    thread = spun_in_background(ros, node, kind)
    try:
        for stream in streams:
            wait_until(lambda stream=stream: publisher.publish(message) or stream.stats["published"] >= 3)
            stream.cleanup()
            publisher.publish(message)
    finally:
        stop(thread)
    assert pool_files(pool_folder) == []
    assert list(node.subscriptions) == []


SPINNER = """
    import sys
    import numpy as np
    import rclpy
    from sensor_msgs.msg import Image
    from polymorph_ipc import TensorStream
    send("imported")
    rclpy.init()
    node = rclpy.create_node("spinner")
    stream = TensorStream("camera", ros_node=node, ros_topic=sys.argv[1], ros_msg_type=Image,
                          ros_sample_data=np.zeros((480, 640, 3), np.uint8) if sys.argv[2] == "sample" else None)
    rclpy.spin(node)
"""


@pytest.mark.parametrize("sample", ["sample", "none"])
def test_ctrl_c_at_any_time_leaves_no_pool(spawn: Spawner, topic: str, pool_folder: Path, sample: str) -> None:
    spawn(CAMERA, topic, 100, 0).expect("ready")
    for milliseconds in (0, 40, 80, 130, 200, 350, 600, 1000):
        spinner = spawn(SPINNER, topic, sample)
        spinner.expect("imported")
        time.sleep(milliseconds / 1000)
        spinner.signal(signal.SIGINT)
        spinner.finish()
        assert pool_files(pool_folder) == [], f"after {milliseconds} ms: {spinner.stderr}"


def test_sigterm_leaves_no_pool(spawn: Spawner, topic: str, pool_folder: Path) -> None:
    spinner = spawn(SPINNER, topic, "sample")
    wait_until(lambda: pool_files(pool_folder))
    spinner.signal(signal.SIGTERM)
    spinner.finish()
    assert pool_files(pool_folder) == []


def test_failed_constructor_leaves_nothing(ros: Ros, topic: str, pool_folder: Path) -> None:
    node = ros.node()
    before = len(list(node.subscriptions)), len(list(node.timers))
    with pytest.raises(Exception, match="topic name"):
        ros.stream(node, "no good", Image, RGB)
    with pytest.raises(ValueError, match="start must be"):
        ros.stream(node, topic, Image, RGB, start="middle")
    assert pool_files(pool_folder) == []
    assert (len(list(node.subscriptions)), len(list(node.timers))) == before


def test_get_at_with_a_timeout_pairs_topics_and_fails_in_a_callback(ros: Ros, topic: str) -> None:
    """Each depth image is published 12 ms after its color image."""
    node = ros.node()
    stamps = ros.stream(node, f"{topic}/color", Image, RGB, ros_history_len=50)
    depths = ros.stream(node, f"{topic}/depth", Image, RGB, ros_history_len=50)
    color, depth = ros.publisher(Image, f"{topic}/color"), ros.publisher(Image, f"{topic}/depth")
    ros.matched(node, color, depth)
    executor = SingleThreadedExecutor()
    ros.executor.remove_node(node)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    pairs = 0
    for second in range(1, 37):
        color.publish(image(second, seconds=second))
        later = threading.Timer(0.012, depth.publish, (image(second, seconds=second),))
        later.start()
        info = stamps.get_new(timeout=20, return_info=True)[1]
        found = depths.get_at(info.stamp, tolerance=0.01, timeout=20)
        pairs += found is not None and int(found.flat[0]) == second
        later.join()
    assert pairs == 36

    raised: list[Exception] = []

    def in_a_callback() -> None:
        try:
            depths.get_at(10**18, timeout=20)
        except WrongStateError as wrong:
            raised.append(wrong)
        timer.cancel()

    timer = node.create_timer(0.01, in_a_callback)
    wait_until(lambda: raised, 20.0, "the error")
    assert "waits for itself" in str(raised[0])
    executor.shutdown()
    thread.join()


@pytest.mark.parametrize("sample", [RGB, None], ids=["with a sample", "without"])
def test_pool_of_a_topic_is_made_in_the_folder_of_its_stream(ros: Ros, topic: str, sample: Any) -> None:
    here = Path(os.environ["POLYMORPH_IPC_DIR"])
    folder = here / "other"
    folder.mkdir()
    node = ros.node()
    with TensorStream(
        "cam", folder=folder, ros_node=node, ros_topic=topic, ros_msg_type=Image, ros_sample_data=sample
    ) as stream:
        publisher = ros.publisher(Image, topic)
        wait_until(publisher.get_subscription_count)
        publisher.publish(image(1))
        ros.spin(node, lambda: stream.stats["published"])
        assert stream.get_last() is not None
        assert pool_files(here) == []
        assert len(pool_files(folder)) == 1
    assert pool_files(folder) == []
    folder.rmdir()

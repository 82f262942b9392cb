"""Each example does what its documentation says."""

from __future__ import annotations

import re
import signal
from typing import Any

import numpy as np
import pytest
from launcher import Launcher, Program, number
from polymorph_ipc import TensorProducer


def interrupt(program: Program) -> None:
    """End a Python producer with Ctrl-C."""
    program.signal(signal.SIGINT, exit_code=-signal.SIGINT)


def test_quickstart_consumer_started_first_gets_an_image(launch: Launcher) -> None:
    consumer = launch.python("python/quickstart_consumer.py", "60")
    consumer.read_until("Waiting for new image...")
    producer = launch.python("python/quickstart_producer.py", "20")
    assert "Got new image with shape: (480, 640, 3)" in consumer.finish()
    assert "Published frame 19" in producer.finish()


def test_quickstart_consumer_started_last_gets_both_images(launch: Launcher) -> None:
    producer = launch.python("python/quickstart_producer.py", "1000")
    producer.read_until("Published frame 0")
    output = launch.python("python/quickstart_consumer.py", "60").finish()
    assert "Got last image with shape: (480, 640, 3)" in output
    assert "Got new image with shape: (480, 640, 3)" in output
    interrupt(producer)


def test_dict_of_tensors_is_never_mixed(launch: Launcher) -> None:
    producer = launch.python("python/dict_of_tensors.py", "produce", "--seconds", "600")
    consumer = launch.python("python/dict_of_tensors.py", "consume", "--seconds", "5")
    output = consumer.finish()
    assert number(r"received (\d+) observations, 0 of them mixed", output) > 5
    assert "from wrist_camera: rgb uint8 (120, 160, 3), depth float32 (120, 160), q float64 (7,)" in output
    assert "history of q: [" in output
    interrupt(producer)


def test_point_clouds_keep_their_length(launch: Launcher) -> None:
    producer = launch.python("python/point_cloud.py", "produce", "--seconds", "600")
    producer.read_until("a longer scan made the pool larger: its capacity is 20000 points")
    producer.read_until("points without an intensity are refused")
    output = launch.python("python/point_cloud.py", "consume", "--seconds", "3").finish()
    assert number(r"received (\d+) scans, 0 of them with a wrong length", output) > 3
    assert re.search(r"points in the last three scans: \[\d+, \d+, \d+\]", output)
    interrupt(producer)


def test_example_producers_end_and_remove_their_pools(launch: Launcher) -> None:
    observations = launch.python("python/dict_of_tensors.py", "produce", "--seconds", "1")
    assert number(r"published (\d+) observations", observations.finish()) > 1
    scans = launch.python("python/point_cloud.py", "produce", "--seconds", "1")
    assert number(r"published (\d+) scans", scans.finish()) > 1
    assert number(r"arm/q: (\d+) cycles, 0 samples refused", launch.c("arm_loop", "arm/q", "0.5").finish()) == 500


@pytest.mark.parametrize("name", ["arm_loop", "camera_viewer", "follow_commands"])
def test_c_example_refuses_an_option_as_pool_name(launch: Launcher, name: str) -> None:
    assert launch.c(name, "--help").finish().startswith(f"usage: {name} [POOL [SECONDS]]")
    assert launch.c(name, "--seconds", "1").finish(exit_code=2).startswith(f"usage: {name} ")


def test_camera_viewer_started_first_shows_the_camera(launch: Launcher) -> None:
    viewer = launch.c("camera_viewer", "camera/rgb", "600")
    camera = launch.python("demo/camera.py", "--pool", "camera/rgb", "--seconds", "600")
    viewer.read_until("uint8 (480, 640, 3), frame ")
    viewer.signal(signal.SIGTERM)
    assert number(r"camera/rgb: (\d+) frames shown", viewer.output) >= 1
    camera.signal(signal.SIGTERM)


@pytest.mark.parametrize(
    "sample", [np.zeros(7, np.float32), np.zeros(6), {"q": np.zeros(7)}], ids=["dtype", "shape", "dict"]
)
def test_follow_commands_refuses_a_schema_mismatch(launch: Launcher, sample: Any) -> None:
    with TensorProducer.from_sample("arm/cmd", sample) as producer:
        producer.publish(sample)
        output = launch.c("follow_commands", "arm/cmd", "600").finish(exit_code=1)
        assert f"expected float64 (7,), got {producer.schema}" in output


@pytest.mark.parametrize(
    "sample",
    [
        np.zeros((480, 640, 3), np.int8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((10, 640, 3), np.uint8),
        {"rgb": np.zeros((480, 640, 3), np.uint8)},
    ],
    ids=["dtype", "channels", "too small", "dict"],
)
def test_camera_viewer_refuses_a_pool_that_is_not_an_image(launch: Launcher, sample: Any) -> None:
    with TensorProducer.from_sample("camera/rgb", sample) as producer:
        viewer = launch.c("camera_viewer", "camera/rgb", "600")
        while viewer.child.poll() is None:
            producer.publish(sample)
        output = viewer.finish(exit_code=1)
        assert f"expected a uint8 (height, width, 3) image, got {producer.schema}" in output


def test_wait_for_any_counts_both_pools(launch: Launcher) -> None:
    arm = launch.c("arm_loop", "arm/q", "600")
    camera = launch.python("demo/camera.py", "--pool", "camera/rgb", "--seconds", "600")
    output = launch.python("python/wait_for_any.py", "arm/q", "camera/rgb", "--seconds", "5").finish()
    assert number(r"camera/rgb: (\d+) samples", output) > 5
    assert number(r"arm/q: (\d+) samples", output) > 100
    arm.signal(signal.SIGTERM)
    camera.signal(signal.SIGTERM)


def test_follow_commands_holds_when_commands_are_stale(launch: Launcher) -> None:
    follower = launch.c("follow_commands", "arm/q", "600")
    arm = launch.c("arm_loop", "arm/q", "1")
    arm.finish()
    follower.signal(signal.SIGTERM)
    assert number(r"fresh commands for (\d+) cycles", follower.output) > 100
    assert number(r"held for (\d+),", follower.output) > 0

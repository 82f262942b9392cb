"""`polymorph bridge` as a program."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nav_msgs.msg import OccupancyGrid
from polymorph_ipc import TensorProducer, TensorStream, inspect_pool
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState

from bridge_process import POLYMORPH, Bridge
from ros_nodes import Ros
from support.observe import pool_files
from support.processes import WAIT_SECONDS, Spawner

PROGRAMS = Path(__file__).parent / "programs"
CAMERA, ARM = PROGRAMS / "camera.py", PROGRAMS / "arm.py"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_bridge_from_a_topic_fills_a_pool_and_removes_it_at_exit(
    bridge: Callable[..., Bridge], spawn: Spawner, topic: str, pool_folder: Path, number: int
) -> None:
    program = bridge("--from-ros", topic, "--to", "camera")
    waiting = program.until(lambda report: True)
    assert (waiting["state"], waiting["type"], waiting["problem"]) == ("no publisher", "", "")
    spawn(CAMERA, topic, 15, 0, "--size", "48x64")
    with TensorStream("camera") as stream:
        image, info = stream.get_new(timeout=20.0, return_info=True)
        assert image.shape == (48, 64, 3)
        assert (image == info.stamp // 10**9 % 251).all()
    report = program.until(lambda report: report["published"] > 20 and report["state"] == "running")
    assert (report["type"], report["misfits"], report["failures"]) == ("sensor_msgs/msg/Image", 0, 0)
    assert "Traceback" not in program.end(number)
    assert pool_files(pool_folder) == []


def test_bridge_follows_a_publisher_that_returns_with_another_size(
    bridge: Callable[..., Bridge], spawn: Spawner, topic: str
) -> None:
    program = bridge("--from-ros", topic, "--to", "camera")
    with TensorStream("camera", expect="any") as stream:
        for size, shape in (("48x64", (48, 64, 3)), ("48x64", (48, 64, 3)), ("24x32", (24, 32, 3))):
            camera = spawn(CAMERA, topic, 20, 0, "--size", size)
            while (image := stream.get_new(timeout=20.0)) is None or image.shape != shape:
                assert image is not None
            camera.kill()
            while stream.get_new(timeout=0.5) is not None:
                pass
    program.end()


def test_restarted_bridge_adopts_its_pool(bridge: Callable[..., Bridge], spawn: Spawner, topic: str) -> None:
    spawn(CAMERA, topic, 30, 0, "--size", "48x64")
    with TensorStream("camera") as stream:
        for _ in range(3):
            program = bridge("--from-ros", topic, "--to", "camera")
            report = program.until(lambda report: report["published"] > 3)
            assert not report["problem"]
            assert stream.get_new(timeout=20.0).shape == (48, 64, 3)
            program.child.kill()
        incarnation = inspect_pool("camera").incarnation
        program = bridge("--from-ros", topic, "--to", "camera")
        program.until(lambda report: report["published"] > 3)
        assert inspect_pool("camera").incarnation == incarnation, "adopted"
        program.end()


def test_grown_map_without_new_messages_keeps_its_pool(bridge: Callable[..., Bridge], ros: Ros, topic: str) -> None:
    def send(height: int, width: int) -> None:
        message = OccupancyGrid(data=[7] * (height * width))
        message.info.height, message.info.width = height, width
        publisher.publish(message)

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = ros.publisher(OccupancyGrid, topic, latched)
    program = bridge("--from-ros", topic, "--to", "map")
    send(4, 5)
    program.until(lambda report: report["published"] == 1)
    send(8, 9)
    program.until(lambda report: report["published"] == 2)
    for _ in range(30):  # three seconds of reports without a new message
        program.until(lambda report: True)
    with TensorStream("map") as late:
        assert late.get_last().shape == (8, 9)
    report = program.until(lambda report: True)
    assert (report["misfits"], report["problem"]) == (0, "")
    program.end()


def test_bridge_from_a_pool_survives_a_killed_producer(
    bridge: Callable[..., Bridge], spawn: Spawner, ros: Ros, topic: str
) -> None:
    listener = ros.node()
    got: list[JointState] = []
    listener.create_subscription(JointState, topic, got.append, 100)
    program = bridge("--from-pool", "arm/q", "--to", topic, "--frame-id", "base")
    assert program.until(lambda report: True)["state"] == "no pool"
    for run in (1, 2):
        arm = spawn(ARM, "arm/q", 100, 0, 3)
        arm.expect("ready")
        arm.send("go")
        ros.spin(listener, lambda run=run: len(got) > 30 * run, "messages")
        report = program.until(lambda report: report["rate_hz"] > 50 and report["latency_p99_ms"] is not None)
        assert (report["state"], report["type"], report["dropped"]) == ("running", "sensor_msgs/msg/JointState", 0)
        assert 0 < report["latency_median_ms"] <= report["latency_p99_ms"]
        arm.kill()
    assert (got[0].name, got[0].header.frame_id) == (["j0", "j1", "j2"], "base")
    program.end()
    with TensorProducer.from_sample("arm/q", np.zeros(1)):
        pass  # it replaces the orphaned pool


def test_several_bridges_are_read_from_a_file(
    bridge: Callable[..., Bridge], spawn: Spawner, ros: Ros, topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(
        f"""
        - from_ros: {topic}/image
          to: camera
          type: sensor_msgs/msg/Image
          shape: [48, 64, 3]
          dtype: uint8
          history_len: 4
          qos: {{depth: 3, reliability: reliable}}
        - from_pool: camera
          to: {topic}/again
          qos: 5
        - from_pool: arm/q
          to: {topic}/joints
          type: sensor_msgs/msg/JointState
          joints: [a, b]
        """
    )
    program = bridge(file)
    listener = ros.node()
    got: list[JointState] = []
    listener.create_subscription(JointState, f"{topic}/joints", got.append, 10)
    spawn(CAMERA, f"{topic}/image", 20, 0, "--size", "48x64", "--wait", 1)
    program.until(lambda report: report["published"] > 5, target="camera")
    program.until(lambda report: report["published"] > 5, target=f"{topic}/again")
    with TensorProducer.from_sample("arm/q", np.zeros(2)) as arm:
        program.until(lambda report: arm.readers(), target=f"{topic}/joints")
        ros.spin(listener, lambda: got or arm.publish(np.ones(2)) == 0, "a joint state")
    assert got[0].name == ["a", "b"]
    program.end()


def test_bridge_waits_for_a_pool_that_another_producer_has(
    bridge: Callable[..., Bridge], spawn: Spawner, topic: str
) -> None:
    with TensorProducer.from_sample("camera", np.zeros(1)):
        program = bridge("--from-ros", topic, "--to", "camera")
        spawn(CAMERA, topic, 20, 0, "--size", "48x64")
        program.until(lambda report: "camera" in report["problem"])
    program.until(lambda report: report["state"] == "running" and not report["problem"])
    program.end()


def test_bridge_prints_plain_lines_to_a_pipe(spawn: Spawner, topic: str) -> None:
    child = spawn(POLYMORPH, "bridge", "--from-ros", topic, "--to", "camera", "--interval", 0.1)
    assert child.expect(f"{topic} -> camera: no publisher, 0.0 Hz, latency - / - ms, 0 published")
    child.signal(signal.SIGINT)
    child.succeed()


def test_bridge_shows_a_live_table_on_a_terminal(topic: str, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    arguments = ["bridge", "--from-ros", topic, "--to", "camera", "--interval", "0.1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    command = [sys.executable, "-c", POLYMORPH, *arguments]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while (
            shown.count(b"no publisher") < 3
            and select.select([leader], [], [], max(0.0, deadline - time.monotonic()))[0]
        ):
            shown += os.read(leader, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 0
    finally:
        process.kill()
        os.close(leader)
    for word in (b"->", b"median ms", b"camera", b"misfits"):
        assert word in shown
    assert b"Traceback" not in shown


IMAGE = ["--type", "sensor_msgs/msg/Image"]
TEXT = ["--type", "std_msgs/msg/String"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--from-ros TOPIC"),
        (["--from-ros", "/x"], "--to is missing"),
        (["--from-ros", "/x", "--from-pool", "y", "--to", "z"], "exactly one of --from-ros and --from-pool"),
        (["--from-ros", "/x", "--to", "a", "--dtype", "uint8"], "--dtype needs --shape"),
        (["--from-ros", "/x", "--to", "a", "--shape", "3,x"], "--shape must be numbers"),
        (
            ["--from-ros", "/x", "--to", "a", "--frame-id", "b"],
            "valid only with --from-pool: --frame-id",
        ),
        (
            ["--from-pool", "x", "--to", "/a", "--history-len", "3"],
            "valid only with --from-ros: --history-len",
        ),
        (["--from-ros", "/x", "--to", "a", "--reliability", "very"], "--reliability must be reliable or best_effort"),
        (["--from-ros", "/x", "--to", "a", "--mode", "0644"], "--mode must be 0600, 0660, 0606, 0666, not '0644'"),
        (["--from-ros", "/x", "--to", "a", "--mode", "rw"], "--mode must be"),
        (["--from-pool", "x", "--to", "/a", "--mode", "0660"], "valid only with --from-ros: --mode"),
        (["--from-ros", "/x", "--to", "a", "--type", "unittest/__main__/X"], "'unittest/__main__/X'"),
        (["--from-ros", "/x", "--to", "a//b", *IMAGE], "a//b"),
        (["--from-ros", "no topic", "--to", "a", *IMAGE], "topic name"),
        (["--from-ros", "/x", "--to", "a", "--type", "dent_msgs/msg/Dent"], "pip install ros-dent-msgs"),
        (["--from-ros", "/x", "--to", "a", "--type", "sensor_msgs/msg/Picture"], "no message 'Picture'"),
        (["--from-ros", "/x", "--to", "a", *IMAGE, "--field", "pixels"], "no field 'pixels'"),
        (["--from-ros", "/x", "--to", "a//b"], "a//b"),
        (["--from-ros", "no topic", "--to", "a"], "'no topic' is not a valid topic name: "),
        (["--from-ros", "/x//y", "--to", "a"], "repeated '/'"),
        (["--from-pool", "x//y", "--to", "/a"], "x//y"),
        (["--from-pool", "x", "--to", "a/"], "'a/' is not a valid topic name: "),
        (
            ["--from-pool", "x", "--to", "/a", *IMAGE, "--field", "pixels"],
            "--field: sensor_msgs/msg/Image has no field",
        ),
        (["--from-pool", "x", "--to", "/a", *IMAGE, "--joints", "a,b"], "--joints: sensor_msgs/msg/Image has no field"),
        (["--from-pool", "x", "--to", "/a", *TEXT, "--frame-id", "b"], "--frame-id: std_msgs/msg/String has no field"),
        (["--from-pool", "x", "--to", "/a", "--type", "dent_msgs/msg/Dent"], "pip install ros-dent-msgs"),
        (["--from-pool", "x", "--to", "/a", "--type", "Image"], "--type must be a message class"),
        (["--from-ros", "/x", "--to", "a", *TEXT], "std_msgs/msg/String has no numbers"),
        (["--from-ros", "/x", "--to", "a", *IMAGE, "--joints", "a"], "joints"),
        (["--from-ros", "/x", "--to", "a", "--node", "no node"], "the ROS node cannot be made: "),
        (["--from-ros", "/x", "--to", "a", "--ros-args", "--bogus"], "unknown ROS arguments: ['--bogus']"),
        (["nowhere.yaml"], "cannot read nowhere.yaml"),
        (["nowhere.yaml", "--to", "x"], "not both: nowhere.yaml and --to"),
    ],
)
def test_invalid_arguments_cause_one_line_of_error(spawn: Spawner, arguments: list[str], words: str) -> None:
    child = spawn(POLYMORPH, "bridge", *arguments)
    stderr = child.fail_with(1)
    assert stderr.startswith("polymorph: ")
    assert words in stderr
    assert stderr.count("\n") == 1
    assert child.lines == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not valid YAML"),
        ("a: 1", "must be a list of bridges"),
        ("[]", "must be a list of bridges"),
        ("- 7", "bridge 1: must be a mapping"),
        ("- {from_ros: /x, to: a, speed: 3}", "unknown keys: speed"),
        ("- {from_ros: /x, to: a, shape: 3}", "shape must be a list of numbers"),
        ("- {from_ros: /x, to: a, qos: {depth: 0}}", "depth must be"),
        ("- {from_ros: /x, to: a, on_change: maybe}", "on_change must be follow or refuse"),
        ("- {from_ros: /x, to: a, max_bytes: 0}", "max_bytes must be a number above 0"),
        ("- {from_ros: /x, to: a, organized: 7}", "organized must be true or false"),
        (
            "- {from_pool: a, to: /x, type: t/T, on_change: follow}",
            "valid only with from_ros: on_change",
        ),
        ("- {from_ros: /x, to: a, mode: 660}", "mode must be"),
        ("- {from_ros: /x, to: a, mode: true}", "mode must be"),
        ('- {from_ros: /x, to: a, type: "os/path/X\\e[2J"}', "X\\x1b[2J"),
        ("- {from_ros: /x}", "bridge 1: to is missing"),
        (
            "- {from_ros: /x, to: b}\n- {from_ros: /y//z, to: a}",
            "bridge 2: /y//z to a: '/y//z' is not a valid",
        ),
        (
            "- {from_pool: a, to: /x, type: sensor_msgs/Joy, field: {q: axis}}",
            "Joy has no field 'axis'",
        ),
        (
            "- {from_pool: a, to: /x, type: sensor_msgs/Joy, metadata: {frame: b}}",
            "metadata: sensor_msgs/msg/Joy has",
        ),
        ("- {from_ros: /x, to: a, type: sensor_msgs/Joy, field: {a: axes}, shape: [3]}", "shape must be a dict"),
        ("- {from_ros: /x, to: 7}", "to must be a text"),
        ("- {from_ros: /x, to: a}\n- {from_ros: /y, to: a}", "two topics cannot fill one pool: a"),
    ],
)
def test_invalid_file_causes_one_line_of_error(spawn: Spawner, tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(content)
    stderr = spawn(POLYMORPH, "bridge", file).fail_with(1)
    assert words in stderr
    assert stderr.startswith("polymorph: ")
    assert stderr.count("\n") == 1


def test_missing_extra_error_names_the_install_command(spawn: Spawner) -> None:
    hidden = """
        import importlib.util
        import sys
        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name in ("typer", "yaml") else found(name, *rest)
        from polymorph_ipc._tools.main import main
        main()
    """
    stderr = spawn(hidden, "bridge").fail_with(1)
    assert stderr == "polymorph needs typer, PyYAML: pip install 'polymorph_ipc[tools]'\n"


def test_missing_rclpy_error_names_the_install_command(spawn: Spawner) -> None:
    program = "import sys\nsys.modules['rclpy'] = None\n" + POLYMORPH
    stderr = spawn(program, "bridge", "--from-ros", "/x", "--to", "a").fail_with(1)
    assert "pip install" in stderr
    assert stderr.count("\n") == 1

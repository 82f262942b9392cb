"""The ROS examples and the ROS demo, as separate programs."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from launcher import Launcher, number
from polymorph_ipc import TensorStream
from sensor_msgs.msg import JointState

from ros_nodes import Ros
from support.processes import Spawner

CAMERA = Path(__file__).parent / "programs" / "camera.py"
JOINT_STATES = [
    pytest.param(["ros/joint_states.py"], id="joint_states.py"),
    pytest.param(None, id="polymorph bridge"),
]


def test_camera_policy_acts_on_images_and_publishes_actions(launch: Launcher, spawn: Spawner) -> None:
    policy = launch.python("ros/camera_policy.py", "--seconds", "600")
    with TensorStream("policy/actions") as actions:
        camera = spawn(CAMERA, "/camera/image_raw", 30, 0)
        camera.expect("ready")
        stamps = []
        while len(stamps) < 10:
            action, info = actions.get_next(timeout=30.0, return_info=True)
            assert action is not None, policy.output
            assert action.shape == (7,)
            assert abs(action).max() <= 1
            stamps.append(info.stamp)
        assert stamps == sorted(set(stamps))
        assert all(stamp % 10**9 == 0 for stamp in stamps), "the stamps are those of the images, whole seconds"
        camera.kill()
    output = policy.signal(signal.SIGINT)
    assert number(r"(\d+) actions, ", output) >= 10
    assert "Traceback" not in output


@pytest.mark.parametrize("program", JOINT_STATES)
def test_c_loop_reaches_joint_states_with_names_and_stamps(
    launch: Launcher, ros: Ros, program: list[str] | None
) -> None:
    arguments = ["--from-pool", "arm/q", "--to", "/joint_states", "--type", "sensor_msgs/msg/JointState", "--json"]
    bridge = launch.python(*program) if program else launch.module("polymorph_ipc", "bridge", *arguments)
    arm = launch.c("arm_loop", "arm/q", "600")
    node = ros.node()
    seen: list[JointState] = []
    node.create_subscription(JointState, "/joint_states", seen.append, 100)
    ros.spin(node, lambda: len(seen) >= 200, f"200 joint states: {bridge.output}")
    for message in seen:
        assert message.name == ["a1", "a2", "a3", "a4", "a5", "a6", "sum"]
        q = list(message.position)
        assert q[6] == pytest.approx(sum(q[:6]), abs=1e-12)
    stamps = [(message.header.stamp.sec, message.header.stamp.nanosec) for message in seen]
    assert stamps == sorted(set(stamps))
    output = bridge.signal(signal.SIGINT)
    assert "Traceback" not in output
    if program:
        assert number(r"(\d+) joint states published on /joint_states", output) >= 200
    else:
        assert json.loads(output.splitlines()[-1])["published"] >= 100
    arm.signal(signal.SIGTERM)


def test_ros_demo_shows_both_directions_and_a_plain_subscriber(launch: Launcher) -> None:
    # At 10 Hz the queues hold a second of messages, so a pause of the machine loses none.
    output = launch.python("demo_ros/demo.py", "--seconds", "4", "--rate", "10", "--plain").finish()
    for name in ("camera to pool", "camera to plain rclpy", "pool to /joint_states"):
        rows = re.findall(rf"{name} +rate (\d+) Hz .*torn (\d+)  CPU ([\d.]+) %", output)
        assert rows, output
        assert rows[-1][1] == "0", output
        assert float(rows[-1][2]) > 0, output
    assert number(r"(\d+) images and \d+ joint states, none torn; no image lost", output) >= 20


def test_ros_demo_stops_at_ctrl_c_and_leaves_nothing(launch: Launcher) -> None:
    demo = launch.python("demo_ros/demo.py", "--seconds", "600", "--plain")
    demo.read_until("camera to pool")
    output = demo.signal(signal.SIGINT, exit_code=130)
    assert "stopped by Ctrl-C" in output


def test_ros_demo_names_the_process_that_ended(launch: Launcher, tmp_path: Path) -> None:
    arm = tmp_path / "arm"
    arm.write_text("#!/bin/sh\necho no encoder\nexit 3\n")
    arm.chmod(0o755)
    output = launch.python("demo_ros/demo.py", "--plain", "--arm-program", str(arm)).finish(exit_code=1)
    assert "FAILED: the arm process ended with 3: no encoder" in output

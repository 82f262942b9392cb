"""The demo: what it shows, and when it fails."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import numpy as np
from launcher import Launcher
from polymorph_ipc import TensorProducer, TensorStream


def test_demo_continues_after_the_camera_was_killed(launch: Launcher) -> None:
    output = launch.python("demo/demo.py", "--seconds", "4", "--plain").finish()
    killed = re.search(r"camera killed \(SIGKILL\); frame (\d+) is still readable", output)
    back = re.search(r"frame (\d+) arrived from the new camera on the same stream", output)
    assert killed, output
    assert back, output
    assert int(back[1]) > int(killed[1])
    assert re.search(r"\d+ frames and \d+ joint samples, none torn", output), output


def test_demo_stops_at_ctrl_c_and_leaves_nothing(launch: Launcher) -> None:
    demo = launch.python("demo/demo.py", "--seconds", "600", "--plain")
    demo.read_until("camera")
    output = demo.signal(signal.SIGINT, exit_code=130)
    assert "stopped by Ctrl-C" in output
    assert "Traceback" not in output


def test_demo_reports_why_a_camera_cannot_start(launch: Launcher) -> None:
    output = launch.python("demo/demo.py", "--seconds", "600", "--device", "/dev/no_camera").finish(exit_code=1)
    assert re.search(r"FAILED: the camera process ended with 1: camera: .*(PyAV|/dev/no_camera)", output), output


def test_demo_fails_when_samples_are_torn(launch: Launcher, tmp_path: Path) -> None:
    arm = tmp_path / "torn_arm"
    arm.write_text(
        f"#!{sys.executable}\n"
        "import signal, sys, time, numpy\n"
        "from polymorph_ipc import TensorProducer\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "producer = TensorProducer.from_sample(sys.argv[1], numpy.zeros(7), history_len=256)\n"
        "while True:\n"
        "    producer.publish(numpy.arange(7.0))\n"
        "    time.sleep(0.001)\n"
    )
    arm.chmod(0o755)
    demo = launch.python("demo/demo.py", "--seconds", "3", "--plain", "--arm-program", str(arm))
    output = demo.finish(exit_code=1)
    assert re.search(r"FAILED: \d+ frames were torn", output), output


def test_consumer_counts_torn_frames() -> None:
    from consumer import ARM_STEPS, Consumer
    from frames import moving_scene, write_checksum

    image = next(moving_scene())
    joints = np.arange(7.0)
    joints[6] = joints[:6].sum()
    with (
        TensorStream("camera") as images,
        TensorStream("arm") as arm_samples,
        TensorProducer.from_sample("camera", image) as camera,
        TensorProducer.from_sample("arm", joints, history_len=ARM_STEPS) as arm,
    ):
        consumer = Consumer(images, arm_samples)
        for _ in range(ARM_STEPS):
            arm.publish(joints)
        write_checksum(image)
        camera.publish(image)
        assert consumer.step()
        assert consumer.torn == 0
        image[240, 320, 1] ^= 1
        camera.publish(image)
        assert consumer.step()
        assert (consumer.camera.torn, consumer.arm.torn) == (1, 0)
        arm.publish(joints + 1)
        consumer.step()
        assert (consumer.camera.torn, consumer.arm.torn) == (1, 1)
        consumer.image = consumer.joints = None


def test_channel_counts_dropped_samples() -> None:
    from consumer import Channel

    channel = Channel("camera")
    channel.note(oldest=5, newest=5, age=0.0, torn=0)  # samples from before the first read are not dropped
    channel.note(oldest=6, newest=6, age=0.0, torn=0)
    channel.note(oldest=9, newest=12, age=0.0, torn=0)
    assert (channel.received, channel.dropped) == (6, 2)
    channel.note(oldest=10, newest=13, age=0.0, torn=0)  # windows overlap
    assert (channel.received, channel.dropped) == (7, 2)
    channel.note(oldest=1, newest=1, age=0.0, torn=0)  # a new pool
    assert (channel.received, channel.dropped) == (8, 2)

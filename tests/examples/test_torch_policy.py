"""The torch example. Collected only where torch is installed."""

from __future__ import annotations

import signal

from launcher import Launcher, number


def test_torch_policy_publishes_commands(launch: Launcher) -> None:
    camera = launch.python("demo/camera.py", "--pool", "camera/rgb", "--seconds", "600")
    arm = launch.c("arm_loop", "arm/q", "600")
    follower = launch.c("follow_commands", "arm/cmd", "600")
    output = launch.python("python/torch_policy.py", "--seconds", "4").finish()
    assert number(r"published (\d+) commands", output) > 10
    follower.signal(signal.SIGTERM)
    assert number(r"fresh commands for (\d+) cycles", follower.output) > 10
    arm.signal(signal.SIGTERM)
    camera.signal(signal.SIGTERM)

"""A small robot with `polymorph bridge`: camera, JPEG, lidar, a latched map that grows, two publishers of joints.
Drivers are killed, restarted and changed; samples of every kind must still arrive.

SMALL_ROBOT_ROUNDS=12 runs it for about a minute (default 2)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from polymorph_ipc import TensorStream, inspect_pool

from bridge_process import POLYMORPH
from support.observe import wait_until
from support.processes import Child, Spawner

DRIVER = Path(__file__).parent / "programs" / "driver.py"
ROUNDS = int(os.environ.get("SMALL_ROBOT_ROUNDS", "2"))
SAMPLES = 40  # of each fast kind in every round
ROBOT = """
bridges:
  - {{from_ros: {topic}/image, to: camera}}
  - {{from_ros: {topic}/jpeg, to: camera/jpeg}}
  - {{from_ros: {topic}/scan, to: lidar}}
  - {{from_ros: {topic}/map, to: map}}
  - {{from_ros: {topic}/joints, to: joints, joints: [shoulder, elbow, gripper]}}
"""


class Consumer:
    """A stream that counts its samples and shapes, and checks that each sample has one value everywhere."""

    def __init__(self, name: str) -> None:
        self.stream = TensorStream(name, expect="any")
        self.count = 0
        self.shapes: set[tuple[int, ...]] = set()

    def read(self) -> None:
        while (sample := self.stream.get_next(timeout=0)) is not None:
            self.count += 1
            self.shapes.add(sample.shape)
            assert len(np.unique(sample)) <= 1, f"{self.stream.pool_name}: torn sample"


def test_robot_under_a_bridge_survives_killed_and_changed_drivers(spawn: Spawner, topic: str, tmp_path: Path) -> None:
    config = tmp_path / "robot.yaml"
    config.write_text(ROBOT.format(topic=topic))
    drivers: dict[str, Child] = {}

    def drive(name: str, kind: str, rate: float, option: str = "") -> None:
        if name in drivers:
            drivers[name].kill()
        drivers[name] = spawn(DRIVER, kind, f"{topic}/{'joints' if kind == 'joints' else name}", rate, option)

    drive("map", "map", 2)  # latched: published before the bridge starts
    bridge = spawn(POLYMORPH, "bridge", config, "--json", "--interval", 0.5)
    sizes = ("96x128", "48x64")
    drive("jpeg", "jpeg", 30)
    drive("scan", "scan", 30)
    drive("arm", "joints", 60, "shoulder,elbow")
    drive("hand", "joints", 30, "gripper")
    consumers = {name: Consumer(name) for name in ("camera", "camera/jpeg", "lidar", "map")}
    joints = TensorStream("joints")

    def read_until(condition: Callable[[], Any], what: str) -> None:
        def read_and_check() -> Any:
            for consumer in consumers.values():
                consumer.read()
            return condition()

        wait_until(read_and_check, 60.0, what)

    for round_ in range(ROUNDS):
        before = {name: consumer.count for name, consumer in consumers.items()}
        size = sizes[round_ % 2]
        shape = (*map(int, size.split("x")), 3)
        drive("image", "image", 30, size)
        for name in ("jpeg", "scan"):
            drive(name, name, 30)
        drive("hand" if round_ % 2 else "arm", "joints", 30, "gripper" if round_ % 2 else "shoulder,elbow")
        read_until(lambda shape=shape: shape in consumers["camera"].shapes, f"images of {size}")
        for name in ("camera", "camera/jpeg", "lidar"):
            read_until(
                lambda name=name, before=before: consumers[name].count >= before[name] + SAMPLES,
                f"{SAMPLES} samples of {name} in round {round_}",
            )
        row = joints.get_last(max_age=5.0)
        assert row is not None
        assert row.shape == (3,)
        assert not np.isnan(row).any(), "the joints of both publishers are received"
        if round_ == 0:
            read_until(lambda: (80, 80) in consumers["map"].shapes, "the map at its largest")
            drivers["map"].kill()  # no more maps; the pool stays

    assert consumers["map"].stream.get_last() is not None
    assert inspect_pool("map").producer_alive
    assert {shape[0] for shape in consumers["lidar"].shapes} >= {200, 459, 460, 461, 230, 920}
    assert {shape[0] for shape in consumers["camera/jpeg"].shapes} >= {900, 30_000, 42_000, 3_000, 180_000}
    for consumer in consumers.values():
        consumer.stream.cleanup()
    joints.cleanup()
    for driver in drivers.values():
        driver.kill()
    bridge.signal(2)
    bridge.succeed()
    assert "Traceback" not in bridge.stderr
    print({name: consumer.count for name, consumer in consumers.items()}, "rounds:", ROUNDS)

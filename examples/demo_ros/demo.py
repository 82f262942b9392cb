"""A ROS camera as a pool, compared with a plain rclpy subscriber, and a 1 kHz C loop as a topic.

    make demo-ros                or    python examples/demo_ros/demo.py --seconds 20

Seven processes:

    camera_node.py ── /camera/image_raw ──┬── quickstart.py ── pool camera_stream_from_ros ── this process
                                          └── plain_subscriber.py
    arm_loop (C) ── pool demo_ros/arm ── polymorph bridge ── /joint_states ── joint_listener.py

The exit code is not 0 when a frame was torn, when an image of the reliable camera did not reach the pool, or when the
bridge did not publish every sample of the arm. Messages that the plain subscribers lose are only shown.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import demo_path
import typer
from agreed import ARM_POOL, CAMERA_POOL, JOINTS_QUEUE, JOINTS_TOPIC, LISTENER_POOL, PLAIN_POOL, number_of
from consumer import Channel
from frames import as_numpy, has_valid_checksum, torn_rows
from polymorph_ipc import PoolNotFoundError, TensorStream, list_pools, remove_pool
from processes import ARM_PROGRAM, Process, arm_process
from screen import Screen, microseconds

SNIPPET = demo_path.HERE.parent / "ros" / "quickstart.py"
START_SECONDS = 60.0  # limit for six cold starts of Python on a busy machine, and discovery
SETTLE_SECONDS = 2.0  # not counted, while the last process starts
FRAME_TIMEOUT_SECONDS = 0.05
COLUMNS = ("", "rate", "latency p50", "p99", "received", "lost", "torn", "CPU")
CAPTION = (
    "Latency: from the message's stamp to this process; to the plain subscriber's array; to the listener's callback.\n"
    "CPU: of the process with the stream, of the plain subscriber, of `polymorph bridge`; 100 % is one core.\n"
    "Lost: messages of reliable publishers that never arrived. Torn: samples with a wrong checksum."
)


class ProcessEnded(Exception):
    """A process ended early."""


class Row:
    """One row of the table: the counters of one path of samples, and the process that does its work."""

    def __init__(self, name: str, process: Process) -> None:
        self.channel = Channel(name)
        self.process = process
        self.unread = 0  # samples that arrived, but left the pool before the demo read them
        self.since = 0.0
        self.cpu_before = 0.0

    @property
    def lost(self) -> int:
        return max(self.channel.dropped - self.unread, 0)

    def begin(self) -> None:
        """Reset the counters. Called when all processes work."""
        self.channel = Channel(self.channel.name)
        self.unread = 0
        self.since, self.cpu_before = time.monotonic(), self.process.cpu_seconds()

    def cpu_percent(self) -> float:
        passed = time.monotonic() - self.since
        return 100 * (self.process.cpu_seconds() - self.cpu_before) / passed if self.since and passed else 0.0

    def cells(self) -> tuple[str, ...]:
        channel = self.channel
        return (
            channel.name,
            f"{channel.rate():.0f} Hz",
            microseconds(channel.latency(50)),
            microseconds(channel.latency(99)),
            f"{channel.received}",
            f"{self.lost}",
            f"{channel.torn}",
            f"{self.cpu_percent():.1f} %",
        )


class Demo:
    """Reads the four pools and counts their samples."""

    def __init__(self, rows: tuple[Row, Row, Row]) -> None:
        self.camera, self.plain, self.joints = rows
        self.images = TensorStream(CAMERA_POOL, backend="numpy")
        self.plain_seen = TensorStream(PLAIN_POOL, backend="numpy")
        self.arm = TensorStream(ARM_POOL, backend="numpy")
        self.joints_seen = TensorStream(LISTENER_POOL, backend="numpy")
        self.pending: deque[tuple[int, int]] = deque()  # (stamp, sequence number) of the arm's samples

    def run(self, seconds: float, *after_each_step: Callable[[], None]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()
            for act in after_each_step:
                act()

    def step(self) -> None:
        image, info = self.images.get_next(timeout=FRAME_TIMEOUT_SECONDS, return_info=True)
        if image is not None:
            number, latency = number_of(image), (time.time_ns() - info.stamp) / 1e9
            self.camera.unread += info.dropped
            self.camera.channel.note(number, number, latency, torn=0 if has_valid_checksum(image) else 1)
        self.read_plain()
        self.read_joints()

    def read_plain(self) -> None:
        seen, info = self.plain_seen.get_all_new(return_info=True)
        if seen is None:
            return
        self.plain.unread += info.dropped
        for number, latency in zip(seen["number"].tolist(), seen["latency_ns"].tolist(), strict=True):
            self.plain.channel.note(number, number, latency / 1e9, torn=0)

    def read_joints(self) -> None:
        """Find the arm's sample of each joint state by its stamp. Skipped samples were lost."""
        seen, seen_info = self.joints_seen.get_all_new(return_info=True)
        sent, sent_info = self.arm.get_all_new(return_info=True)  # after `seen`: it contains them all
        if sent is not None:
            self.pending.extend(zip(sent_info.stamp.tolist(), sent_info.seq.tolist(), strict=True))
        if seen is None:
            return
        self.joints.unread += seen_info.dropped
        self.joints.channel.torn += torn_rows(as_numpy(seen["position"]))
        for stamp, latency in zip(seen["stamp"].tolist(), seen["latency_ns"].tolist(), strict=True):
            while self.pending and self.pending[0][0] < stamp:
                self.pending.popleft()
            if self.pending and self.pending[0][0] == stamp:
                _, seq = self.pending.popleft()
                self.joints.channel.note(seq, seq, latency / 1e9, torn=0)

    @property
    def has_begun(self) -> bool:
        return all(row.channel.received for row in self.rows)

    @property
    def rows(self) -> tuple[Row, Row, Row]:
        return self.camera, self.plain, self.joints

    def close(self) -> None:
        for stream in (self.images, self.plain_seen, self.arm, self.joints_seen):
            stream.cleanup()


class Processes:
    """The child processes, in the order in which they are started."""

    def __init__(self, longest: float, rate: float, arm_program: Path) -> None:
        here, python = demo_path.HERE, sys.executable
        bridge = [python, "-m", "polymorph_ipc", "bridge", "--from-pool", ARM_POOL, "--to", JOINTS_TOPIC]
        bridge += ["--type", "sensor_msgs/msg/JointState", "--depth", str(JOINTS_QUEUE), "--json"]
        # The snippet ends as with Ctrl-C, by a KeyboardInterrupt.
        interrupted = {"end_with": signal.SIGINT, "exit_codes": (-signal.SIGINT, 128 + signal.SIGINT)}
        self.snippet = Process("snippet", [python, str(SNIPPET)], **interrupted)
        # rclpy's spin does not always end on SIGTERM when no message arrives. Their results are in their pools.
        killed = {"end_with": signal.SIGKILL, "exit_codes": (-signal.SIGKILL,)}
        self.plain = Process("plain subscriber", [python, str(here / "plain_subscriber.py")], **killed)
        self.listener = Process("joint listener", [python, str(here / "joint_listener.py")], **killed)
        self.bridge = Process("bridge", bridge)
        self.arm = arm_process(ARM_POOL, longest, arm_program)
        self.camera = Process("camera", [python, str(here / "camera_node.py"), str(rate)])
        self.output: dict[str, str] = {}
        self.all = (self.snippet, self.plain, self.listener, self.bridge, self.arm, self.camera)

    def start(self) -> None:
        for process in self.all:
            process.start()

    def check(self) -> None:
        for process in self.all:
            if process.ended_early():
                raise ProcessEnded(process.name)

    def stop(self) -> None:
        for process in reversed(self.all):
            self.output[process.name] = process.stop()
        for pool in (PLAIN_POOL, LISTENER_POOL):
            with contextlib.suppress(PoolNotFoundError):
                remove_pool(pool, force=True)  # this program's streams are still connected

    def not_bridged(self) -> int:
        """The number of samples that the bridge did not publish, from its last report."""
        reports = [line for line in self.output["bridge"].splitlines() if line.startswith("{")]
        last = json.loads(reports[-1]) if reports else {}
        return sum(last.get(key, 0) for key in ("dropped", "misfits", "failures"))


def verdict(demo: Demo, processes: Processes) -> list[str]:
    """A text for everything that failed."""
    problems = [process.failure for process in processes.all if process.failure]
    silent = [row.channel.name for row in demo.rows if not row.channel.received]
    if silent:
        problems.append(f"no sample arrived: {', '.join(silent)}")
    torn = demo.camera.channel.torn + demo.joints.channel.torn
    if torn:
        problems.append(f"{torn} frames were torn")
    if demo.camera.lost:
        problems.append(f"{demo.camera.lost} images of a reliable publisher did not reach the pool")
    if processes.not_bridged():
        problems.append(f"{processes.not_bridged()} samples of the arm were not published on {JOINTS_TOPIC}")
    left = [pool.name for pool in list_pools() if pool.name in (CAMERA_POOL, ARM_POOL)]
    if left:
        problems.append(f"pools were left over: {', '.join(left)}")
    return problems


def run_demo(seconds: float, plain: bool, rate: float, arm_program: Path) -> int:
    processes = Processes(seconds + 2 * START_SECONDS, rate, arm_program)
    rows = (
        Row("camera to pool", processes.snippet),
        Row("camera to plain rclpy", processes.plain),
        Row("pool to /joint_states", processes.bridge),
    )
    demo = Demo(rows)
    interrupted = False
    try:
        processes.start()
        deadline = time.monotonic() + START_SECONDS
        while not demo.has_begun and time.monotonic() < deadline:
            demo.step()
            processes.check()
        demo.run(SETTLE_SECONDS, processes.check)
        for row in rows:
            row.begin()
        screen = Screen("polymorph_ipc and ROS 2", COLUMNS, CAPTION, lambda: [row.cells() for row in rows], plain)
        with screen:
            demo.run(seconds, processes.check, screen.show)
    except KeyboardInterrupt:
        interrupted = True
    except ProcessEnded:
        pass  # verdict() names the process and the reason
    finally:
        processes.stop()
        demo.close()
    problems = verdict(demo, processes)
    if interrupted:
        print("stopped by Ctrl-C")
        return 130
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    if not problems:
        images, joints = demo.camera.channel.received, demo.joints.channel.received
        print(f"{images} images and {joints} joint states, none torn; no image lost, every sample of the arm published")
    return 1 if problems else 0


def main(
    seconds: Annotated[float, typer.Option(min=2.0, help="How long to run.")] = 20.0,
    plain: Annotated[bool, typer.Option(help="Print lines instead of a live table, as on a pipe.")] = False,
    rate: Annotated[float, typer.Option(min=1.0, help="Images per second.")] = 30.0,
    arm_program: Annotated[Path, typer.Option(help="The arm process.")] = ARM_PROGRAM,
) -> None:
    """Run a camera topic as a pool, a plain subscriber to compare with, and a pool as a topic."""
    if not arm_program.exists():
        raise typer.BadParameter(f"{arm_program} does not exist: run `make demo-ros`, which builds it")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background; stop() sends SIGINT
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # A separate domain on this machine, so that other nodes neither disturb the demo nor see it.
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    raise typer.Exit(run_demo(seconds, plain or not sys.stdout.isatty(), rate, arm_program))


if __name__ == "__main__":
    typer.run(main)

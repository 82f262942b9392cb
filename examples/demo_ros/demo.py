"""A ROS camera as a pool beside a plain rclpy subscriber, and a 1 kHz loop in C as a topic.

    make demo-ros                or    python examples/demo_ros/demo.py --seconds 20

Seven processes:

    camera_node.py ── /camera/image_raw ──┬── the README's snippet ── pool camera_stream_from_ros ── this one
                                          └── plain_subscriber.py
    arm_loop (C) ── pool demo_ros/arm ── polymorph bridge ── /joint_states ── joint_listener.py

Exits non-zero when a frame was torn, when one that the camera published reliably did not reach the pool, or when the
bridge did not hand every sample of the arm to ROS. What the plain subscribers lose because they are slow is shown only.
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
from frames import as_numpy, is_whole, torn_rows
from polymorph_ipc import PoolNotFoundError, TensorStream, list_pools, remove_pool
from processes import ARM_PROGRAM, Process, arm_process
from screen import Screen, microseconds

SNIPPET = demo_path.HERE.parent / "ros" / "quickstart.py"
START_SECONDS = 60.0  # six cold starts of Python on a busy machine, and discovery
SETTLE_SECONDS = 2.0  # of samples that are not counted, while the last of them starts
FRAME_TIMEOUT_SECONDS = 0.05
COLUMNS = ("", "rate", "latency p50", "p99", "received", "lost", "torn", "CPU")
CAPTION = (
    "Latency: from the message's stamp to this process; to the plain subscriber's array; to the listener's callback.\n"
    "CPU: of the process that runs the snippet, of the plain subscriber, of `polymorph bridge`; 100 % is one core.\n"
    "Lost: numbers that never came, of reliable publishers. Torn: the checksum does not fit the content."
)


class ProcessEnded(Exception):
    """A process ended by itself."""


class Row:
    """What is shown of one way that samples take, and of the process that does the work on it."""

    def __init__(self, name: str, process: Process) -> None:
        self.channel = Channel(name)
        self.process = process
        self.passed_over = 0  # samples that arrived, but left the pool before the demo looked
        self.since = 0.0
        self.cpu_before = 0.0

    @property
    def lost(self) -> int:
        return max(self.channel.dropped - self.passed_over, 0)

    def begin(self) -> None:
        """Everything counts from here: from when all the processes are at work."""
        self.channel = Channel(self.channel.name)
        self.passed_over = 0
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
    """Reads the four pools and accounts for what is in them."""

    def __init__(self, rows: tuple[Row, Row, Row]) -> None:
        self.camera, self.plain, self.joints = rows
        self.images = TensorStream(CAMERA_POOL, backend="numpy")
        self.plain_seen = TensorStream(PLAIN_POOL, backend="numpy")
        self.arm = TensorStream(ARM_POOL, backend="numpy")
        self.joints_seen = TensorStream(LISTENER_POOL, backend="numpy")
        self.on_the_way: deque[tuple[int, int]] = deque()  # (stamp, sequence number) of the arm's samples

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
            self.camera.passed_over += info.dropped
            self.camera.channel.note(number, number, latency, torn=0 if is_whole(image) else 1)
        self.read_plain()
        self.read_joints()

    def read_plain(self) -> None:
        seen, info = self.plain_seen.get_all_new(return_info=True)
        if seen is None:
            return
        self.plain.passed_over += info.dropped
        for number, latency in zip(seen["number"].tolist(), seen["latency_ns"].tolist(), strict=True):
            self.plain.channel.note(number, number, latency / 1e9, torn=0)

    def read_joints(self) -> None:
        """Find the arm's sample of each joint state by its stamp: what is passed over was lost."""
        seen, seen_info = self.joints_seen.get_all_new(return_info=True)
        sent, sent_info = self.arm.get_all_new(return_info=True)  # after `seen`, so that it has all of those
        if sent is not None:
            self.on_the_way.extend(zip(sent_info.stamp.tolist(), sent_info.seq.tolist(), strict=True))
        if seen is None:
            return
        self.joints.passed_over += seen_info.dropped
        self.joints.channel.torn += torn_rows(as_numpy(seen["position"]))
        for stamp, latency in zip(seen["stamp"].tolist(), seen["latency_ns"].tolist(), strict=True):
            while self.on_the_way and self.on_the_way[0][0] < stamp:
                self.on_the_way.popleft()
            if self.on_the_way and self.on_the_way[0][0] == stamp:
                _, seq = self.on_the_way.popleft()
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
    """All of them, in the order in which they are started."""

    def __init__(self, longest: float, rate: float, arm_program: Path) -> None:
        here, python = demo_path.HERE, sys.executable
        bridge = [python, "-m", "polymorph_ipc", "bridge", "--from-pool", ARM_POOL, "--to", JOINTS_TOPIC]
        bridge += ["--type", "sensor_msgs/msg/JointState", "--depth", str(JOINTS_QUEUE), "--json"]
        # The snippet ends as whoever typed Ctrl-C would see it end: with a KeyboardInterrupt.
        interrupted = {"end_with": signal.SIGINT, "exit_codes": (-signal.SIGINT, 128 + signal.SIGINT)}
        self.snippet = Process("snippet", [python, str(SNIPPET)], **interrupted)
        # rclpy's spin does not always end on SIGTERM when nothing arrives any more. All they know is in their pools.
        killed = {"end_with": signal.SIGKILL, "exit_codes": (-signal.SIGKILL,)}
        self.plain = Process("plain subscriber", [python, str(here / "plain_subscriber.py")], **killed)
        self.listener = Process("joint listener", [python, str(here / "joint_listener.py")], **killed)
        self.bridge = Process("bridge", bridge)
        self.arm = arm_process(ARM_POOL, longest, arm_program)
        self.camera = Process("camera", [python, str(here / "camera_node.py"), str(rate)])
        self.said: dict[str, str] = {}
        self.all = (self.snippet, self.plain, self.listener, self.bridge, self.arm, self.camera)

    def start(self) -> None:
        for process in self.all:
            process.start()

    def check(self) -> None:
        for process in self.all:
            if process.died():
                raise ProcessEnded(process.name)

    def stop(self) -> None:
        for process in reversed(self.all):
            self.said[process.name] = process.stop()
        for pool in (PLAIN_POOL, LISTENER_POOL):
            with contextlib.suppress(PoolNotFoundError):
                remove_pool(pool, force=True)  # the streams of this program still look at it

    def not_bridged(self) -> int:
        """Samples that the bridge, by its own last report, did not hand to ROS."""
        reports = [line for line in self.said["bridge"].splitlines() if line.startswith("{")]
        last = json.loads(reports[-1]) if reports else {}
        return sum(last.get(key, 0) for key in ("dropped", "misfits", "failures"))


def verdict(demo: Demo, processes: Processes) -> list[str]:
    """Everything that went wrong, in words."""
    problems = [process.failure for process in processes.all if process.failure]
    silent = [row.channel.name for row in demo.rows if not row.channel.received]
    if silent:
        problems.append(f"nothing came: {', '.join(silent)}")
    torn = demo.camera.channel.torn + demo.joints.channel.torn
    if torn:
        problems.append(f"{torn} frames were torn")
    if demo.camera.lost:
        problems.append(f"{demo.camera.lost} images of a reliable publisher did not reach the pool")
    if processes.not_bridged():
        problems.append(f"{processes.not_bridged()} samples of the arm were not handed to ROS")
    ours = (CAMERA_POOL, ARM_POOL)
    left = [pool.name for pool in list_pools() if pool.name in ours]
    if left:
        problems.append(f"pools were left behind: {', '.join(left)}")
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
        pass  # the verdict says which one, and why
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
        print(f"{images} images and {joints} joint states, none torn; no image lost, no sample of the arm left out")
    return 1 if problems else 0


def main(
    seconds: Annotated[float, typer.Option(min=2.0, help="How long to run.")] = 20.0,
    plain: Annotated[bool, typer.Option(help="Lines instead of a live table; always so on a pipe.")] = False,
    rate: Annotated[float, typer.Option(min=1.0, help="Images a second.")] = 30.0,
    arm_program: Annotated[Path, typer.Option(help="The arm process.")] = ARM_PROGRAM,
) -> None:
    """Show a camera topic as a pool beside a plain subscriber, and a pool as a topic."""
    if not arm_program.exists():
        raise typer.BadParameter(f"{arm_program} is not built: run `make demo-ros`")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background; the snippet is to be interrupted
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nobody else's /camera/image_raw, and nothing of ours outside this machine.
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    raise typer.Exit(run_demo(seconds, plain or not sys.stdout.isatty(), rate, arm_program))


if __name__ == "__main__":
    typer.run(main)

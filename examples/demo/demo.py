"""A camera in Python, an arm in C, and a consumer that continues when the camera is killed.

    make demo                    or    python examples/demo/demo.py --seconds 20

The exit code is not 0 when a frame was torn, when the consumer did not continue, or when a pool was left over.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from typing import Annotated, Optional

import typer
from consumer import Consumer
from polymorph_ipc import TensorStream, explain_faults, list_pools, wait_connected
from processes import ARM_PROGRAM, Process, arm_process, camera_process
from screen import CAPTION, COLUMNS, Screen, rows_of

CAMERA_POOL = "demo/camera"
ARM_POOL = "demo/arm"
START_SECONDS = 30.0  # limit for a cold start of Python on a busy machine
OUTAGE_SECONDS = 1.0


class ProcessEnded(Exception):
    """The camera or the arm ended early."""


class Demo:
    """Runs the consumer's loop, and kills and restarts the camera."""

    def __init__(self, consumer: Consumer, camera: Process, arm: Process, screen: Screen) -> None:
        self.consumer = consumer
        self.camera_process = camera
        self.arm_process = arm
        self.screen = screen
        self.continued = False

    def wait_for_producers(self) -> None:
        streams = [self.consumer.camera_stream, self.consumer.arm_stream]
        deadline = time.monotonic() + START_SECONDS
        while not wait_connected(streams, timeout=0.5) and time.monotonic() < deadline:
            self.check_producers()

    def run(self, seconds: float) -> None:
        start = time.monotonic()
        self.step_until(start + seconds / 2)
        self.interrupt_camera(min(OUTAGE_SECONDS, seconds / 8))
        self.step_until(start + seconds)

    def step_until(self, end: float) -> None:
        while time.monotonic() < end:
            self.step()

    def step(self) -> bool:
        new_image = self.consumer.step()
        self.screen.show()
        self.check_producers()
        return new_image

    def check_producers(self) -> None:
        for process in (self.camera_process, self.arm_process):
            if process.ended_early():
                raise ProcessEnded(process.name)

    def interrupt_camera(self, outage: float) -> None:
        """Kill the camera, wait, start it again, and wait for its first frame."""
        camera, arm = self.consumer.camera, self.consumer.arm
        self.camera_process.kill()
        killed = time.monotonic()
        while self.consumer.step():  # read the rest of its frames
            pass
        last, arm_before = camera.newest, arm.newest
        readable = self.consumer.camera_stream.get_last() is not None
        self.screen.event(f"camera killed (SIGKILL); frame {last} is {'still' if readable else 'no longer'} readable")
        self.step_until(killed + outage)

        self.camera_process.start()
        self.screen.event("camera restarted")
        deadline = time.monotonic() + START_SECONDS
        while not self.step():
            if time.monotonic() > deadline:
                self.screen.event("no frame arrived from the new camera")
                return
        self.continued = readable and camera.newest > last and arm.newest > arm_before
        self.screen.event(
            f"frame {camera.newest} arrived from the new camera on the same stream, {time.monotonic() - killed:.1f} s "
            f"after the kill; the arm published {arm.newest - arm_before} samples in that time"
        )


def verdict(demo: Demo, processes: tuple[Process, ...]) -> list[str]:
    """A text for everything that failed."""
    problems = [process.failure for process in processes if process.failure]
    if demo.consumer.torn:
        problems.append(f"{demo.consumer.torn} frames were torn")
    if not demo.continued and not problems:
        problems.append("the consumer did not continue after the camera was killed")
    if demo.consumer.arm.received == 0:
        problems.append("no sample arrived from the arm")
    left = [pool.name for pool in list_pools() if pool.name in (CAMERA_POOL, ARM_POOL)]
    if left:
        problems.append(f"pools were left over: {', '.join(left)}")
    return problems


def run_demo(seconds: float, plain: bool, source: list[str], arm_program: Path) -> int:
    backend = "torch" if importlib.util.find_spec("torch") else "numpy"
    longest = seconds + 2 * START_SECONDS  # the processes end by themselves if the demo is killed
    camera = camera_process(CAMERA_POOL, longest, source)
    arm = arm_process(ARM_POOL, longest, arm_program)
    interrupted = False
    with TensorStream(CAMERA_POOL, backend=backend) as images, TensorStream(ARM_POOL, backend=backend) as joints:
        consumer = Consumer(images, joints)
        title = f"polymorph_ipc: two producers, one {backend} consumer"
        screen = Screen(title, COLUMNS, CAPTION, lambda: rows_of(consumer), plain)
        demo = Demo(consumer, camera, arm, screen)
        try:
            camera.start()
            arm.start()
            demo.wait_for_producers()
            with screen:
                demo.run(seconds)
        except KeyboardInterrupt:
            interrupted = True
        except ProcessEnded:
            pass  # verdict() names the process and the reason
        finally:
            camera.stop()
            print(arm.stop())
    problems = verdict(demo, (camera, arm))
    if interrupted and not consumer.torn:
        print("stopped by Ctrl-C")
        return 130
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    if not problems:
        print(f"{consumer.camera.received} frames and {consumer.arm.received} joint samples, none torn")
    return 1 if problems else 0


def main(
    seconds: Annotated[float, typer.Option(min=2.0, help="How long to run.")] = 20.0,
    plain: Annotated[bool, typer.Option(help="Print lines instead of a live table, as on a pipe.")] = False,
    device: Annotated[Optional[str], typer.Option(help="Use a webcam, /dev/video0 for example.")] = None,  # noqa: UP045
    video: Annotated[Optional[Path], typer.Option(help="Use a video file, played in a loop.")] = None,  # noqa: UP045
    arm_program: Annotated[Path, typer.Option(help="The arm process.")] = ARM_PROGRAM,
) -> None:
    """Run two producers and a consumer, and kill the camera after half of the time."""
    if not arm_program.exists():
        raise typer.BadParameter(f"{arm_program} does not exist: run `make demo`, which builds it")
    explain_faults()
    source = ["--device", device] if device else ["--video", str(video)] if video else []
    raise typer.Exit(run_demo(seconds, plain or not sys.stdout.isatty(), source, arm_program))


if __name__ == "__main__":
    typer.run(main)

"""The demo's other two processes: a camera in Python and an arm in C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARM_PROGRAM = HERE.parents[1] / "build" / "release" / "examples" / "arm_loop"
GRACE_SECONDS = 5.0


class Process:
    """A child process that can be started again after it was killed."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.child: subprocess.Popen[str] | None = None
        self.failure: str | None = None

    def start(self) -> None:
        self.child = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        assert self.child is not None
        self.child.kill()
        self.child.communicate()
        self.child = None

    def stop(self) -> str:
        """Ask it to end, and return what it had to say. Sets `failure` unless it ended now, and well."""
        if self.child is None:
            return ""
        early = self.died()
        if not early:
            self.child.send_signal(signal.SIGTERM)
        try:
            said, _ = self.child.communicate(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            said, _ = self.child.communicate()
        if early or self.child.returncode != 0:
            self.failure = f"the {self.name} process ended with {self.child.returncode}: {said.strip()}"
        self.child = None
        return said.strip()

    def died(self) -> bool:
        """Whether it has ended although nobody asked it to."""
        return self.child is not None and self.child.poll() is not None


def camera_process(pool: str, seconds: float, source: list[str]) -> Process:
    command = [sys.executable, str(HERE / "camera.py"), "--pool", pool, "--seconds", str(seconds), *source]
    return Process("camera", command)


def arm_process(pool: str, seconds: float, program: Path) -> Process:
    return Process("arm", [str(program), pool, str(seconds)])

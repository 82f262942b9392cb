"""The child processes of the demo: a camera in Python and an arm in C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARM_PROGRAM = HERE.parents[1] / "build" / "release" / "examples" / "arm_loop"
GRACE_SECONDS = 20.0


class Process:
    """A child process that can be killed and started again."""

    def __init__(
        self,
        name: str,
        command: list[str],
        end_with: signal.Signals = signal.SIGTERM,
        exit_codes: tuple[int, ...] = (0,),
    ) -> None:
        self.name = name
        self.command = command
        self.end_with = end_with
        self.exit_codes = exit_codes
        self.child: subprocess.Popen[str] | None = None
        self.failure: str | None = None

    def start(self) -> None:
        self.child = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def kill(self) -> None:
        """Send SIGKILL, so that the process cannot clean up."""
        assert self.child is not None
        self.child.kill()
        self.child.communicate()
        self.child = None

    def stop(self) -> str:
        """End the process. Returns its output. Sets `failure` if it had ended early or with another exit code."""
        if self.child is None:
            return ""
        early = self.ended_early()
        if not early:
            self.child.send_signal(self.end_with)
        try:
            output, _ = self.child.communicate(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            output, _ = self.child.communicate()
        if early or self.child.returncode not in self.exit_codes:
            self.failure = f"the {self.name} process ended with {self.child.returncode}: {output.strip()}"
        self.child = None
        return output.strip()

    def cpu_seconds(self) -> float:
        """User and system time that it has used so far."""
        if self.child is None:
            return 0.0
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ended_early(self) -> bool:
        """Whether it has ended before stop() or kill()."""
        return self.child is not None and self.child.poll() is not None


def camera_process(pool: str, seconds: float, source: list[str]) -> Process:
    command = [sys.executable, str(HERE / "camera.py"), "--pool", pool, "--seconds", str(seconds), *source]
    return Process("camera", command)


def arm_process(pool: str, seconds: float, program: Path) -> Process:
    return Process("arm", [str(program), pool, str(seconds)])

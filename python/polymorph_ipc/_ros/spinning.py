"""Who spins the node: nobody, this very thread, or another one. The streams' waits ask before they sleep."""

from __future__ import annotations

import sys
import threading
import time
from types import CodeType, FrameType
from typing import Any

PATIENCE = 3.0  # seconds without a sign of life after which nobody spins
PAUSE = 0.5  # seconds between two looks that make them two waits


class Spinning:
    """What is known of the executor that runs a node's callbacks. `beat` is called from them."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.last_beat = time.monotonic()
        self.beats = self.beats_seen = 0
        self.site: tuple[int, CodeType, int] | None = None
        self.wait_began = 0.0
        self.last_look = 0.0

    def beat(self) -> None:
        """A callback of ours runs: somebody spins. Called for every message, so that no clock is read here."""
        self.beats += 1

    def beat_from(self, frame: FrameType | None) -> None:
        """The same, and remember where: `frame` called into the executor. Executors in Python have frames of their own;
        one in C++ shows only the call that entered it, which is on the stack as long as it spins."""
        self.beat()
        if frame is not None:
            self.site = (threading.get_ident(), frame.f_code, frame.f_lasti)

    def is_mine(self) -> bool:
        """Whether the calling thread is inside a callback of the executor that the node is in, and that executor has no
        other thread: whatever it waits for from the node cannot come."""
        executor = self.node.executor
        if executor is None or "MultiThreaded" in type(executor).__name__:
            return False
        frame: FrameType | None = sys._getframe(1)
        here = threading.get_ident()
        while frame is not None:
            code = frame.f_code
            if code.co_filename.endswith(("rclpy/executors.py", "rclpy\\executors.py")):
                if frame.f_locals.get("self") is executor:
                    return True
            elif self.site == (here, code, frame.f_lasti) and not hasattr(executor, "_wait_for_ready_callbacks"):
                return True
            frame = frame.f_back
        return False

    def silence(self) -> float:
        """For how long a wait has been going on while nobody has spun; 0.0 when somebody does."""
        now = time.monotonic()
        if self.beats != self.beats_seen:
            self.beats_seen = self.beats
            self.last_beat = now
        if now - self.last_look > PAUSE:
            self.wait_began = now
        self.last_look = now
        return now - max(self.last_beat, self.wait_began)

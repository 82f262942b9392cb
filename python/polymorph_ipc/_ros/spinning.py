"""Which thread spins the node: none, the calling thread, or another one. Waits of streams ask before they sleep."""

from __future__ import annotations

import sys
import threading
import time
from types import CodeType, FrameType
from typing import Any

PATIENCE = 3.0  # seconds without a callback after which the node counts as not spun
PAUSE = 0.5  # seconds between two calls of silence() that belong to different waits


class Spinning:
    """Facts about the executor that runs a node's callbacks. The callbacks call `beat`."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.last_beat = time.monotonic()
        self.beats = self.beats_seen = 0
        self.site: tuple[int, CodeType, int] | None = None
        self.wait_began = 0.0
        self.last_look = 0.0

    def beat(self) -> None:
        """Note that a callback runs: the node is spun. Called for every message, so it reads no clock."""
        self.beats += 1

    def beat_from(self, frame: FrameType | None) -> None:
        """Note that a callback runs, and which frame called into the executor. Executors in Python have frames of their
        own. Of an executor in C++ only the call that entered it is visible, which is on the stack while it spins."""
        self.beat()
        if frame is not None:
            self.site = (threading.get_ident(), frame.f_code, frame.f_lasti)

    def is_in_callback(self) -> bool:
        """Whether the calling thread is inside a callback of the node's executor, and that executor has no other
        thread: a wait for a message of the node cannot end."""
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
        """The seconds that the present wait has run without a callback of the node; near 0 when it is spun."""
        now = time.monotonic()
        if self.beats != self.beats_seen:
            self.beats_seen = self.beats
            self.last_beat = now
        if now - self.last_look > PAUSE:
            self.wait_began = now
        self.last_look = now
        return now - max(self.last_beat, self.wait_began)

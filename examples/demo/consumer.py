"""The demo's consumer: it reads as a policy does at every step, and measures latency and loss."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from frames import as_numpy, has_valid_checksum, torn_rows
from polymorph_ipc import TensorStream

ARM_STEPS = 200
RATE_WINDOW_SECONDS = 2.0
FRAME_TIMEOUT_SECONDS = 0.05


@dataclass
class Channel:
    """The counters of one stream."""

    name: str
    received: int = 0
    dropped: int = 0  # samples that were published and never read
    torn: int = 0  # samples with a wrong checksum
    newest: int = 0  # sequence number
    published: float = 0.0  # of the newest, seconds on the monotonic clock
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=2000))
    progress: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, oldest: int, newest: int, age: float, torn: int) -> None:
        """Count the samples oldest..newest. The newest was `age` seconds old when it was read."""
        now = time.monotonic()
        if newest < self.newest:
            self.newest = oldest - 1  # another pool of the same name: its sequence numbers start again
        if self.newest:
            self.dropped += max(oldest - self.newest - 1, 0)
        if self.received:  # the first read finds samples from before it
            self.latencies.append(age)
        self.received += newest - max(self.newest, oldest - 1)
        self.newest = newest
        self.torn += torn
        self.published = now - age
        self.progress.append((now, self.received))

    def rate(self) -> float:
        """Samples a second during the last two seconds."""
        now = time.monotonic()
        while len(self.progress) > 1 and now - self.progress[0][0] > RATE_WINDOW_SECONDS:
            self.progress.popleft()
        if not self.progress:
            return 0.0
        since, count = self.progress[0]
        return (self.received - count) / max(now - since, 1e-3)

    def latency(self, percent: float) -> float:
        """A percentile of the time from publication to arrival, in seconds."""
        return float(np.percentile(self.latencies, percent)) if self.latencies else float("nan")

    def age(self) -> float:
        """Seconds since the newest sample was published."""
        return time.monotonic() - self.published if self.received else float("nan")


class Consumer:
    """Waits for a new image and reads the last 200 joint samples, both as views."""

    def __init__(self, camera: TensorStream, arm: TensorStream) -> None:
        self.camera_stream = camera
        self.arm_stream = arm
        self.camera = Channel("camera")
        self.arm = Channel("arm")
        # An observation is held until the next one replaces it, as in a policy.
        self.image: Any = None
        self.joints: Any = None

    def step(self) -> bool:
        """One step of the loop. Returns False when no new image arrived in time. The arm is read in both cases."""
        image, image_info = self.camera_stream.get_new(timeout=FRAME_TIMEOUT_SECONDS, return_info=True)
        joints, joints_info = self.arm_stream.get_history(ARM_STEPS, return_info=True)
        if joints is not None:
            self.joints = joints
            seqs = joints_info.seq
            broken = int(np.count_nonzero(np.diff(seqs) != 1))
            torn = torn_rows(as_numpy(joints)) + broken
            self.arm.note(int(seqs[0]), int(seqs[-1]), float(joints_info.age[-1]), torn)
        if image is None:
            return False
        self.image = image
        torn = 0 if has_valid_checksum(as_numpy(image)) else 1
        self.camera.note(image_info.seq, image_info.seq, image_info.age, torn)
        return True

    @property
    def torn(self) -> int:
        return self.camera.torn + self.arm.torn

"""The demo's consumer: what a policy does at every step, and what it measures while doing so."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from frames import as_numpy, is_whole, torn_rows
from polymorph_ipc import TensorStream

ARM_STEPS = 200
RATE_WINDOW_SECONDS = 2.0
FRAME_TIMEOUT_SECONDS = 0.05


@dataclass
class Channel:
    """What was seen of one stream."""

    name: str
    received: int = 0
    dropped: int = 0  # samples that were published and never looked at
    torn: int = 0  # samples whose checksum did not fit their content
    newest: int = 0  # sequence number
    published: float = 0.0  # of the newest, seconds on the monotonic clock
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=2000))
    progress: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, oldest: int, newest: int, age: float, torn: int) -> None:
        """Account for the samples oldest..newest, the last of which was `age` seconds old when it arrived."""
        now = time.monotonic()
        if newest < self.newest:
            self.newest = oldest - 1  # another pool of the same name: its numbers begin anew
        if self.newest:
            self.dropped += max(oldest - self.newest - 1, 0)
        if self.received:  # what the first look finds had been waiting for it
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
    """Waits for a new image; takes the last 200 joint samples to go with it. Copies neither."""

    def __init__(self, camera: TensorStream, arm: TensorStream) -> None:
        self.camera_stream = camera
        self.arm_stream = arm
        self.camera = Channel("camera")
        self.arm = Channel("arm")
        # An observation lives until the next one replaces it, as it would in a policy.
        self.image: Any = None
        self.joints: Any = None

    def step(self) -> bool:
        """One turn of the loop; False when no new image came in time. The arm is read either way."""
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
        torn = 0 if is_whole(as_numpy(image)) else 1
        self.camera.note(image_info.seq, image_info.seq, image_info.age, torn)
        return True

    @property
    def torn(self) -> int:
        return self.camera.torn + self.arm.torn

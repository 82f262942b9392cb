"""The cost of a library's two calls alone: send without a receiver, and the newest sample as an array."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import peers
from peers.adapter import Receiver, Sender

from harness.serve import Operation, statement


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """``send`` uses a topic without a receiver, ``newest`` another topic."""
    peer = peers.ALL[arguments["adapter"]]
    sample = numpy.arange(int(arguments["bytes"]) // 8, dtype=numpy.float64)
    unread = peer.open_sender(f"bench/{peer.key}_{os.getpid()}_unread", sample)
    topic = f"bench/{peer.key}_{os.getpid()}_read"
    sender = peer.open_sender(topic, sample)
    receiver = peer.open_receiver(topic, sample)
    _connect(sender, receiver, sample)
    batch = 100 if sample.nbytes < 65536 else 10
    if peer.newest_consumes:
        newest = _read_each_once(sender, receiver, sample)
    else:
        newest = statement("receiver.newest()", batch, receiver=receiver)
    yield {"send": statement("sender.send(sample)", batch, sender=unread, sample=sample), "newest": newest}
    receiver.close()
    sender.close()
    unread.close()


def _connect(sender: Sender, receiver: Receiver, sample: numpy.ndarray) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        sender.send(sample)
        if receiver.receive(0.2) is not None:
            return
    raise RuntimeError("nothing was received")


def _read_each_once(sender: Sender, receiver: Receiver, sample: numpy.ndarray) -> Operation:
    """For libraries that return each sample once: a new sample before every read, outside the measured time."""

    def run(count: int) -> float:
        durations = []
        clock = time.perf_counter_ns
        for _ in range(count):
            sender.send(sample)
            deadline = time.monotonic() + 1.0
            while True:
                before = clock()
                array = receiver.newest()
                after = clock()
                if array is not None:
                    break
                if time.monotonic() > deadline:
                    raise RuntimeError("a sample was lost")
            durations.append(after - before)
            del array
        return statistics.median(durations) - _clock_cost()

    return run


def _clock_cost() -> float:
    clock = time.perf_counter_ns
    readings = []
    for _ in range(1001):
        before = clock()
        after = clock()
        readings.append(after - before)
    return statistics.median(readings)

"""One-way latency through an adapter: half a round trip to a partner process that returns every array."""

from __future__ import annotations

import math
import os
import resource
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import peers
from peers.adapter import Receiver, Sender

from harness.serve import Operation

CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 2.0
MAX_LOSSES = 5


class Ping:
    """This side of the pair: it sends numbered arrays and measures their return.

    With ``must_sleep``, only trips in which this process slept count: otherwise each of two processes on two cores may
    find the other's answer just before it would sleep.
    """

    def __init__(
        self,
        sender: Sender,
        receiver: Receiver,
        partner: subprocess.Popen[bytes],
        sample: numpy.ndarray,
        must_sleep: bool,
    ) -> None:
        self._sender, self._receiver, self._partner = sender, receiver, partner
        self._payload = sample
        self._must_sleep = must_sleep
        self._sleeps = 0
        self._number = 0

    def connect(self) -> None:
        """Send until an array returns: some libraries need time to connect and lose earlier messages."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline:
            self._next_number()
            self._sender.send(self._payload)
            if self._await_number(0.2):
                return
        raise RuntimeError(f"no array returned within {CONNECT_SECONDS:.0f} s")

    def one_way(self, messages: int) -> float:
        """Median nanoseconds per message one way, over about this many messages."""
        trips = max(1, messages // 2)
        warm_up = 1 + trips // 10
        self._order(self._number + 1, self._number + warm_up + trips)
        for _ in range(warm_up):
            self._trip()
        durations = [duration for duration in (self._trip() for _ in range(trips)) if duration is not None]
        return statistics.median(durations) / 2 if durations else math.nan

    def _order(self, first: int, last: int) -> None:
        assert self._partner.stdin is not None
        self._partner.stdin.write(f"{first} {last}\n".encode())
        self._partner.stdin.flush()

    def _next_number(self) -> None:
        self._number += 1
        self._payload[0] = self._payload[-1] = self._number

    def _trip(self) -> int | None:
        self._next_number()
        for _ in range(MAX_LOSSES):
            before = time.perf_counter_ns()
            self._sender.send(self._payload)
            if self._await_number(ANSWER_SECONDS):
                return self._answered - before if not self._must_sleep or self._has_slept() else None
        raise RuntimeError(f"message {self._number} was lost {MAX_LOSSES} times")

    def _has_slept(self) -> bool:
        sleeps = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        slept = sleeps != self._sleeps
        if not slept:
            time.sleep(0.0002)  # so that both sides sleep in the next trip
            sleeps = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        self._sleeps = sleeps
        return slept

    def _await_number(self, timeout: float) -> bool:
        """Wait for the array with the current number; skip late answers to earlier ones."""
        number = self._number
        while True:
            array = self._receiver.receive(timeout)
            self._answered = time.perf_counter_ns()
            if array is None:
                return False
            if array[0] == number:
                if array[-1] != number:
                    raise RuntimeError(f"torn: {array[0]} ... {array[-1]}")
                return True


def echo(sender: Sender, receiver: Receiver) -> None:
    """The partner's side. It returns every array until the first order arrives, and then the ordered numbers."""
    while not select.select([sys.stdin], [], [], 0)[0]:
        array = receiver.receive(0.05)
        if array is not None:
            sender.send(array)
        del array
    for line in sys.stdin:
        first, last = (int(word) for word in line.split())
        silent_since = time.monotonic()
        while True:
            array = receiver.receive(0.5)
            if array is None:
                if time.monotonic() - silent_since > MAX_LOSSES * ANSWER_SECONDS:
                    raise RuntimeError("no array from the other side")
                continue
            silent_since = time.monotonic()
            number = array[0]
            if number >= first:
                sender.send(array)
            del array
            if number == last:
                break


@contextmanager
def open_case(case: str, arguments: dict[str, str]) -> Iterator[dict[str, Operation]]:
    """Start the partner, connect, and offer the operation ``message``."""
    peer = peers.ALL[arguments["adapter"]]
    sample = numpy.zeros(int(arguments["bytes"]) // 8)
    there, back = (f"bench/{peer.key}_{os.getpid()}_{way}" for way in ("there", "back"))
    sender = peer.open_sender(there, sample)
    command = [sys.executable, "-m", "harness.case_pair", peer.key, str(sample.size), there, back, arguments["partner"]]
    partner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert partner.stdin is not None
    assert partner.stdout is not None
    try:
        while (line := partner.stdout.readline()).strip() != b"ready":
            if not line:
                raise RuntimeError("the partner process ended before it was ready")
        receiver = peer.open_receiver(back, sample)
        two_cores = arguments["core"] != arguments["partner"]
        ping = Ping(sender, receiver, partner, sample, must_sleep=two_cores and peer.waits == "sleeps")
        ping.connect()
        yield {"message": ping.one_way}
        receiver.close()
    finally:
        partner.stdin.close()
        try:
            partner.wait(timeout=2)
        except subprocess.TimeoutExpired:
            partner.kill()
            partner.wait()
    sender.close()


def partner_main() -> None:
    """``python -m harness.case_pair ADAPTER ELEMENTS THERE BACK CORE``, as started by open_case."""
    key, elements, there, back, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    peer = peers.ALL[key]
    sample = numpy.zeros(int(elements))
    sender = peer.open_sender(back, sample)
    receiver = peer.open_receiver(there, sample)
    print("ready", flush=True)
    os.dup2(2, 1)  # libraries may print; the pipe is not read any more
    echo(sender, receiver)
    receiver.close()
    sender.close()


if __name__ == "__main__":
    partner_main()

"""The Python binding of iceoryx2: publish-subscribe for the data; waiting with an event service, or spinning."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy

from peers.adapter import Peer

POLLS_BETWEEN_CLOCK_READINGS = 1_000


def _services(topic: str) -> tuple[Any, Any]:
    import iceoryx2

    iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
    node = iceoryx2.NodeBuilder.new().signal_handling_mode(iceoryx2.SignalHandlingMode.Disabled)
    node = node.create(iceoryx2.ServiceType.Ipc)
    data = (
        node.service_builder(iceoryx2.ServiceName.new(topic))
        .publish_subscribe(iceoryx2.Slice[ctypes.c_uint8])  # version 0.10 miscounts elements of wider types
        .payload_alignment(iceoryx2.Alignment.new(64))
        .subscriber_max_buffer_size(2)
        .subscriber_max_borrowed_samples(2)
        .open_or_create()
    )
    event = node.service_builder(iceoryx2.ServiceName.new(topic + "/event")).event().open_or_create()
    return (node, data), event


class SampleSender:
    """Loans a slice, fills it, sends it, and notifies."""

    notifies = True

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        self._service, event = _services(topic)
        self._length = sample.nbytes
        self._publisher = self._service[1].publisher_builder().initial_max_slice_len(sample.nbytes).create()
        self._notifier = event.notifier_builder().create() if self.notifies else None

    def send(self, array: numpy.ndarray) -> None:
        """Copy the array into a loan."""
        loan = self._publisher.loan_slice_uninit(self._length)
        ctypes.memmove(loan.payload_ptr, array.ctypes.data, array.nbytes)
        loan.assume_init().send()
        if self._notifier is not None:
            self._notifier.notify()

    def close(self) -> None:
        """Drop the ports and the node."""
        del self._publisher, self._notifier, self._service


class SilentSender(SampleSender):
    """For receivers that spin."""

    notifies = False


class SampleReceiver:
    """Waits on the event, then takes the sample."""

    def __init__(self, topic: str, sample: numpy.ndarray) -> None:
        import iceoryx2

        self._duration = iceoryx2.Duration
        self._service, event = _services(topic)
        self._subscriber = self._service[1].subscriber_builder().create()
        self._listener = event.listener_builder().create()
        self._sample: Any = None

    def newest(self) -> numpy.ndarray | None:
        """A view of the next sample. The receiver holds the sample until the next call, because the view does not."""
        self._sample = None
        self._sample = sample = self._subscriber.receive()
        if sample is None:
            return None
        return numpy.frombuffer(sample.payload().as_memory_view(), numpy.float64)

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """Check for a sample before waiting: the event may belong to an earlier sample."""
        deadline = time.monotonic() + timeout
        while (array := self.newest()) is None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            self._listener.timed_wait(self._duration.from_millis(max(1, int(remaining * 1000))))
        return array

    def close(self) -> None:
        """Drop the ports and the node."""
        self._sample = None
        del self._subscriber, self._listener, self._service


class SpinningReceiver(SampleReceiver):
    """Polls without a pause."""

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """Polls without a pause."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for _ in range(POLLS_BETWEEN_CLOCK_READINGS):
                array = self.newest()
                if array is not None:
                    return array
        return None


PEERS = [
    Peer("iceoryx2", "iceoryx2, event", "iceoryx2", "iceoryx2", "sleeps", SampleSender, SampleReceiver),
    Peer("iceoryx2_spin", "iceoryx2", "iceoryx2", "iceoryx2", "spins", SilentSender, SpinningReceiver, True, True),
]

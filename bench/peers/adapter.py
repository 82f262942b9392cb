"""What every library that is compared has to offer: one way for arrays from one process to another.

All arrays of a topic are float64, one-dimensional and of one length; the benchmark writes a number into the first and
last element of each, so that a lost, old or torn one is noticed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy


class Sender(Protocol):
    """The sending end of a topic."""

    def send(self, array: numpy.ndarray) -> None:
        """Send the array's contents; the array may be changed afterwards."""

    def close(self) -> None:
        """Let go of the topic."""


class Receiver(Protocol):
    """The receiving end of a topic."""

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """The next array, waiting for it the way the library waits. Valid until the next call. None when time is up."""

    def newest(self) -> numpy.ndarray | None:
        """The newest array without waiting, if the library has such a call."""

    def close(self) -> None:
        """Let go of the topic."""


@dataclass(frozen=True)
class Peer:
    """A library and one way of using it."""

    key: str
    title: str
    module: str
    pip: str
    waits: str
    open_sender: Callable[[str, numpy.ndarray], Sender]
    open_receiver: Callable[[str, numpy.ndarray], Receiver]
    # Whether the two calls alone (send, newest) can be measured, and whether newest() hands out each array only once.
    has_calls: bool = False
    newest_consumes: bool = False

    @property
    def installed(self) -> bool:
        """Whether the library can be imported."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

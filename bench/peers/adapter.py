"""The interface of an adapter: it moves arrays from one process to another.

All arrays of a topic are float64 and one-dimensional and have the same length. The benchmark writes a number into the
first and the last element of each array, so that it detects lost, old and torn arrays.
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
        """Send the content of the array. The array may be changed afterwards."""

    def close(self) -> None:
        """Close the topic."""


class Receiver(Protocol):
    """The receiving end of a topic."""

    def receive(self, timeout: float) -> numpy.ndarray | None:
        """Wait for the next array as the library does. Valid until the next call. None after the timeout."""

    def newest(self) -> numpy.ndarray | None:
        """The newest array, without waiting, if the library has such a call."""

    def close(self) -> None:
        """Close the topic."""


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
    # Whether the calls send and newest can be measured alone, and whether newest() returns each array only once.
    has_calls: bool = False
    newest_consumes: bool = False

    @property
    def installed(self) -> bool:
        """Whether the library can be imported."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

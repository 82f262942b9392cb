"""Waiting on several streams at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from . import _core

StreamT = TypeVar("StreamT", bound=_core.Stream)


def wait_any(streams: Iterable[StreamT], timeout: float | None = None) -> list[StreamT]:
    """Wait until at least one of the streams has a sample above its cursor, and return those that have.

    Takes nothing from any of them: call `get_new` or `get_next` on what it returns. Pools that do not exist yet are
    waited for too. No cursor moves.

    Args:
        streams: up to 127 streams are one sleep; more, or pools that do not exist yet, are looked at every 20 ms.
        timeout: seconds; 0 polls; None waits forever.

    Returns: the streams that have something new, in the order given; empty when the timeout ran out.

    Raises:
        ValueError: no streams, or a negative timeout. SchemaMismatchError and the other errors of `get_new`, for the
        stream that has them. KeyboardInterrupt at once on Ctrl-C.

    Example:
        >>> for stream in wait_any([camera, arm], timeout=1.0):
        ...     handle(stream.pool_name, stream.get_new(timeout=0))
    """
    return _core.wait_any(listed(streams), timeout)


def wait_connected(streams: Iterable[_core.Stream], timeout: float | None = None) -> bool:
    """Wait until the pools of all the streams exist and the streams are connected to them.

    Args:
        streams: the streams.
        timeout: seconds; 0 polls; None waits forever.

    Returns: True when all are connected, False when the timeout ran out. A pool whose producer died counts as
    connected: see `stream.producer_alive`.

    Raises: as wait_any.

    Example:
        >>> if not wait_connected([camera, arm], timeout=10):
        ...     raise SystemExit("start the camera and the arm first")
    """
    return _core.wait_connected(listed(streams), timeout)


def listed(streams: Iterable[StreamT]) -> list[StreamT]:
    """A list of them. A stream alone is an iterable too, of its samples, and never ends."""
    if isinstance(streams, _core.Stream):
        raise TypeError(
            "streams must be a list of streams, not one stream: its own get_new and wait_connected wait for it"
        )
    return list(streams)

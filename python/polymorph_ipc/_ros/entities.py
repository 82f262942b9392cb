"""Subscriptions and timers of rclpy that any thread may destroy while an executor runs.

An executor of rclpy collects the entities of its nodes, waits, and then uses their handles again. When another thread
destroys an entity in between, `handle.pointer` or `add_to_wait_set` raises InvalidHandle in the executor, and the
executor ends. Two rules prevent that:

- A handle made here is not destroyed on request. It is removed from its node, and freed with the last reference to it.
  An executor holds references to the handles that it uses.
- A subscription has no event handlers: rclpy adds them to the wait set even when they were destroyed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

_making = threading.Lock()
_maker: int | None = None  # the thread that is making an entity here


@cache
def _lasting_class(original: Any) -> Any:
    """A class derived from rclpy's handle class `original`."""

    class LastingHandle(original):  # type: ignore[misc]
        take: Callable[[int], None] | None = None

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            # While this class replaces rclpy's, other threads still get instances of rclpy's.
            if threading.get_ident() != _maker:
                return original(*args, **kwargs)
            return super().__new__(cls, *args, **kwargs)

        def take_message(self, msg_type: Any, raw: bool) -> Any:
            """Called by an executor for a subscription. `take` takes the message in C, and the executor gets none."""
            take = self.take
            if take is None:
                return super().take_message(msg_type, raw)
            return take(self.pointer)

        def destroy_when_not_in_use(self) -> None:
            self.take = None

    return LastingHandle


@contextlib.contextmanager
def lasting(kind: str) -> Iterator[None]:
    """In this context, handles of class `kind` ("Subscription", "Timer") that the calling thread makes are of a class
    that is not destroyed on request."""
    global _maker
    from rclpy.impl import implementation_singleton

    implementation: Any = implementation_singleton.rclpy_implementation
    with _making:
        original = getattr(implementation, kind)
        _maker = threading.get_ident()
        setattr(implementation, kind, _lasting_class(original))
        try:
            yield
        finally:
            setattr(implementation, kind, original)
            _maker = None


def no_subscription_events() -> Any:
    """The argument `event_callbacks` of a subscription without event handlers."""
    try:
        from rclpy.event_handler import SubscriptionEventCallbacks
    except ImportError:  # Humble
        from rclpy.qos_event import SubscriptionEventCallbacks
    return SubscriptionEventCallbacks(use_default_callbacks=False)


def no_publisher_events() -> Any:
    """The argument `event_callbacks` of a publisher without event handlers: they are in the wait set too."""
    try:
        from rclpy.event_handler import PublisherEventCallbacks
    except ImportError:  # Humble
        from rclpy.qos_event import PublisherEventCallbacks
    return PublisherEventCallbacks(use_default_callbacks=False)


def may_destroy_here(node: Any) -> bool:
    """Whether this thread may destroy entities of the node. An executor made in C++ (EventsExecutor) deadlocks with
    another thread that destroys them: it waits for the GIL while that thread waits for the executor. Then the next
    callback destroys them."""
    executor = node.executor
    return executor is None or hasattr(executor, "_wait_for_ready_callbacks")

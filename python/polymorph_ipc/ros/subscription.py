"""One subscription on the user's node, in one of two ways.

fast      The rclpy executor asks its subscription for a message by `take_message`. Ours is of a class derived from
          rclpy's own whose `take_message` has the C library take it, so that a message is copied once, from the
          middleware, and decoded into the pool, without the GIL. The executor is told that there was none.
portable  Where that cannot be done (rcl is not in this process under its name, rclpy has changed, or an executor made
          in C++, such as rclpy's EventsExecutor, asks rclpy's own class), the callback gets the message as bytes.

Everything else (callback groups, QoS events, destroying) is what `node.create_subscription(raw=True)` makes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from .. import _core

making = threading.Lock()
maker: int | None = None  # the thread that is making a subscription of ours


@cache
def taking_class(original: Any) -> Any:
    """rclpy's subscription class, with a take of our own."""

    class TakingSubscription(original):  # type: ignore[misc]
        take: Callable[[int], None] | None = None

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            # While it stands in the place of rclpy's, other threads still get rclpy's.
            if threading.get_ident() != maker:
                return original(*args, **kwargs)
            return super().__new__(cls, *args, **kwargs)

        def take_message(self, msg_type: Any, raw: bool) -> Any:
            take = self.take
            if take is None:
                return super().take_message(msg_type, raw)
            return take(self.pointer)

    return TakingSubscription


class Subscription:
    """A subscription that has `take` take its messages, by its rcl pointer, or gives them to `receive` as bytes."""

    def __init__(
        self,
        node: Any,
        message_class: Any,
        topic: str,
        profile: Any,
        group: Any,
        take: Callable[[int], None],
        receive: Callable[[bytes], None],
        incompatible: Callable[[], None],
    ) -> None:
        self.node = node
        self.profile = profile
        self.subscription = self.make(message_class, topic, group, receive, incompatible)
        if _core.ros_rcl_is_here():
            self.take_with(take)

    def take_with(self, take: Callable[[int], None] | None) -> None:
        handle = self.subscription.handle
        if hasattr(type(handle), "take"):  # else rclpy made one of its own class after all
            handle.take = take

    def make(
        self,
        message_class: Any,
        topic: str,
        group: Any,
        receive: Callable[[bytes], None],
        incompatible: Callable[[], None],
    ) -> Any:
        global maker
        from rclpy.impl import implementation_singleton

        rclpy_implementation: Any = implementation_singleton.rclpy_implementation

        with making:
            original = rclpy_implementation.Subscription
            maker = threading.get_ident()
            rclpy_implementation.Subscription = taking_class(original)
            try:
                return self.node.create_subscription(
                    message_class,
                    topic,
                    receive,
                    self.profile,
                    callback_group=group,
                    event_callbacks=event_callbacks(incompatible),
                    raw=True,
                )
            finally:
                rclpy_implementation.Subscription = original
                maker = None

    @property
    def topic(self) -> str:
        """Its full name, remappings applied."""
        handle = self.subscription.handle
        with handle:
            return str(handle.get_topic_name())

    def destroy(self) -> None:
        """Harmless when the node is destroyed already."""
        self.take_with(None)
        self.node.destroy_subscription(self.subscription)


def event_callbacks(incompatible: Callable[[], None]) -> Any:
    """Have it told when a publisher appears that the subscription asks too much of. Where there are no
    events the timer finds out."""
    try:
        from rclpy.event_handler import SubscriptionEventCallbacks
    except ImportError:  # Humble
        from rclpy.qos_event import SubscriptionEventCallbacks

    def on_incompatible(_event: Any) -> None:
        incompatible()

    return SubscriptionEventCallbacks(incompatible_qos=on_incompatible)

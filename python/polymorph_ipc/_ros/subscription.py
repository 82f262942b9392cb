"""One subscription on the user's node, in one of two ways.

fast      The rclpy executor asks its subscription for a message by `take_message`. Ours is of a class derived from
          rclpy's own (entities.py) whose `take_message` has the C library take it, so that a message is copied once,
          from the middleware, and decoded into the pool, without the GIL. The executor gets no message.
portable  Where that cannot be done (rcl is not in this process under its name, rclpy has changed, or an executor made
          in C++, such as rclpy's EventsExecutor, asks rclpy's own class), the callback gets the message as bytes.

Everything else (callback groups, the graph) is what `node.create_subscription(raw=True)` makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _core
from . import entities


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
    ) -> None:
        self.node = node
        self.profile = profile
        self.subscription = self.make(message_class, topic, group, receive)
        if _core.rcl_available():
            self.take_with(take)

    def take_with(self, take: Callable[[int], None] | None) -> None:
        handle = self.subscription.handle
        if hasattr(type(handle), "take"):  # else rclpy made one of its own class after all
            handle.take = take

    def make(self, message_class: Any, topic: str, group: Any, receive: Callable[[bytes], None]) -> Any:
        with entities.lasting("Subscription"):
            return self.node.create_subscription(
                message_class,
                topic,
                receive,
                self.profile,
                callback_group=group,
                event_callbacks=entities.no_subscription_events(),
                raw=True,
            )

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

"""One subscription on the user's node. Messages arrive on one of two paths.

fast      The executor of rclpy takes a message by `take_message` of the subscription's handle. The handle is of a class
          derived from rclpy's (entities.py), whose `take_message` takes the message in C: it is copied once, from the
          middleware, and decoded into the pool, without the GIL. The executor gets no message.
portable  When that is not possible, the callback gets the message as bytes: rcl is not in this process under its name,
          rclpy has changed, or an executor made in C++, such as rclpy's EventsExecutor, uses rclpy's class.

Callback groups and the graph are as `node.create_subscription(raw=True)` makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _core
from . import entities


class Subscription:
    """A subscription whose messages `take` takes, by its rcl pointer, or `receive` gets as bytes."""

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
        """Set the function that takes messages; None: rclpy takes them."""
        handle = self.subscription.handle
        if hasattr(type(handle), "take"):  # otherwise rclpy made a handle of its own class
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
        """The full name of the topic, with remappings applied."""
        handle = self.subscription.handle
        with handle:
            return str(handle.get_topic_name())

    def destroy(self) -> None:
        """Destroy the subscription. Without effect when the node is destroyed."""
        self.take_with(None)
        self.node.destroy_subscription(self.subscription)

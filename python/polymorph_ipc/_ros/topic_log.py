"""Warnings about one topic, logged by the user's node."""

from __future__ import annotations

from typing import Any

from .._describe import printable


class TopicLog:
    """Logs texts about the way from a topic to its pool. `topic` becomes the full name when it is known."""

    def __init__(self, node: Any, pool_name: str, topic: str) -> None:
        self.node = node
        self.pool_name = pool_name
        self.topic = topic
        self.warned: set[str] = set()

    def prefixed(self, text: str) -> str:
        return printable(f"pool '{self.pool_name}' from topic '{self.topic}': {text}")

    def info(self, text: str) -> None:
        self.node.get_logger().info(self.prefixed(text))

    def warn(self, text: str) -> None:
        self.node.get_logger().warning(self.prefixed(text))

    def warn_once(self, kind: str, text: str) -> None:
        """Log a warning, unless one of this kind was logged before."""
        if kind not in self.warned:
            self.warned.add(kind)
            self.warn(text)

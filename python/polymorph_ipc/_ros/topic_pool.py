"""The pool that a topic fills: made, replaced and removed."""

from __future__ import annotations

import json
from typing import Any

from .. import _core, _samples
from .._producer import TensorProducer
from .._registry import inspect_pool
from .request import Request
from .topic_log import TopicLog

MAX_BYTES = 1 << 30  # of a pool whose shape the messages decide


class TopicPool:
    """The producer of a topic's pool, and what its pool was when it was last looked at."""

    def __init__(self, name: str, folder: str, request: Request, log: TopicLog) -> None:
        self.name = name
        self.folder = folder
        self.request = request
        self.log = log
        self.producer: TensorProducer | None = None
        self.incarnation = 0
        self.shape: Any = None

    @property
    def is_open(self) -> bool:
        return self.producer is not None and not self.producer.closed

    def make(self, schema: _core.Schema, metadata: dict[str, Any]) -> None:
        """Make the pool: adopt or replace the pool of a dead producer. If this producer has a pool already, a new one
        replaces it with the next sample."""
        if self.producer is not None and not self.producer.closed:
            self.producer._replace(schema, json.dumps(metadata) if metadata else None)
            return
        self.producer = TensorProducer(
            self.name,
            schema,
            self.request.history_len,
            metadata=metadata,
            mode=self.request.mode,
            max_bytes=self.max_bytes(schema),
            folder=self.folder,
            origin="numpy" if self.request.sample is None else _samples.origin_of(self.request.sample),
        )
        self.look()

    def max_bytes(self, schema: _core.Schema) -> int:
        """The maximum bytes of the pool. A sample may ask for any size, messages may not."""
        if self.request.max_bytes is not None:
            return self.request.max_bytes
        if self.request.sample is None:
            return MAX_BYTES
        return max(MAX_BYTES, 2 * (schema.nbytes + 4096) * (self.request.history_len + 2 * _core.DEFAULT_SPARE))

    def carries(self, schema: _core.Schema, metadata: dict[str, Any]) -> bool:
        """Whether the pool exists and has this schema and metadata."""
        producer = self.producer
        return (
            producer is not None and not producer.closed and producer.metadata == metadata and producer.schema == schema
        )

    def look(self) -> None:
        """Note which pool file the producer has now, and its shape."""
        if self.producer is not None:
            self.incarnation, self.shape = self.producer.incarnation, self.producer.shape

    def report_growth(self) -> None:
        """Log that the last sample has replaced the pool by a larger one."""
        before = self.shape
        self.look()
        if self.shape != before:
            self.log.info(
                f"a message was longer than the pool had room for; the pool has room for {self.shape} now, {before} "
                "before"
            )

    def remove_stale(self) -> None:
        """Before the first message, remove the pool of a dead producer that no stream is connected to: its samples are
        not this topic's. A pool with connected streams stays; the pool of the first message adopts or replaces it.

        Raises PoolBusyError when the pool has a live producer."""
        try:
            _core.registry_remove(self.name, self.folder, False)
        except _core.PoolNotFoundError:
            pass
        except _core.PoolBusyError:
            if self.has_live_producer():
                raise

    def has_live_producer(self) -> bool:
        try:
            return inspect_pool(self.name, folder=self.folder).producer_alive
        except _core.PoolNotFoundError:
            return False

    def cleanup(self) -> None:
        if self.producer is not None:
            self.producer.cleanup()

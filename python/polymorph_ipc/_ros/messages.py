"""Messages of a topic become samples of its pool: learned from, decoded, counted."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Literal

from .. import _core
from . import qos, types
from .changes import SETTLE, Changes
from .request import Request
from .topic_log import TopicLog
from .topic_pool import TopicPool

SMALL = 65536  # bytes of a sample below which several waiting messages are taken at once
RETRY = 1.0  # seconds until a pool that could not be made is tried again
MAX_KINDS = 32  # kinds of misfits that are counted separately
MISFITS = ("SCHEMA_MISMATCH", "CORRUPT", "UNSUPPORTED")  # statuses of messages that do not fit the pool
NUMBERS = re.compile(r"\d+(?:\.\d+)?")


@dataclass
class Misfit:
    """One kind of misfit: the text of the first, and their number."""

    text: str
    count: int = 0


class MessageHandler:
    """Decodes messages into the pool. Called by one thread at a time, the one that spins the node; `lock` keeps
    cleanup() in another thread from closing it while it makes the pool."""

    def __init__(self, request: Request, pool: TopicPool, log: TopicLog, lock: threading.RLock) -> None:
        self.request = request
        self.pool = pool
        self.log = log
        self.lock = lock
        self.closed = False
        self.clock = request.node.get_clock()
        self.is_simulated = self.clock.ros_time_is_active
        self.decoder = request.decoder()
        self.learned: tuple[_core.Schema, str] | None = None  # schema and metadata of the first message
        self.running = False  # the pool carries what was learned
        self.at_once = 1  # messages taken in one callback
        self.changes: Changes | None = None  # None: messages of another kind are left out
        self.changed = 0
        self.lost_before = self.in_place_before = 0  # counted by earlier decoders
        self.retry_at = 0.0
        self.path: Literal["fast", "portable"] | None = None
        self.messages = 0
        self.published = 0
        self.misfits = 0
        self.misfit_kinds: dict[str, Misfit] = {}
        self.failures = 0
        self.problem = ""  # the text of the last failure
        sample = request.sample_schema()
        if sample is not None:
            self.pool.make(self.decoder.expect(sample), {"ros_type": types.type_name(request.message_class)})
        else:
            self.pool.remove_stale()

    @property
    def lost(self) -> int:
        return self.lost_before + self.decoder.lost

    @property
    def in_place(self) -> int:
        return self.in_place_before + self.decoder.in_place

    def now(self) -> int:
        """The stamp of messages without one: the node's clock, which is the wall clock unless time is simulated."""
        return int(self.clock.now().nanoseconds) if self.is_simulated else _core.STAMP_NOW

    # ---- messages

    def take_waiting(self, pointer: int) -> None:
        """Take up to `at_once` of the messages that wait in rcl: a callback costs far more than a small message."""
        for _ in range(self.at_once):
            if not self.take_one(pointer):
                break

    def take_one(self, pointer: int) -> bool:
        """Take the next message. Returns whether there was one."""
        producer = self.pool.producer
        if not self.running or self.closed or producer is None:
            message = self.decoder.take_bytes(pointer)
            if message is None:
                return False
            self.handle(message)
        else:
            outcome = self.decoder.take(producer, pointer, self.now())
            if outcome is None:
                return False
            if outcome == 0:
                return True  # a latched publisher has sent it again to a new subscription
            if outcome.__class__ is int:
                self.published += 1
                if producer.incarnation != self.pool.incarnation:
                    self.pool.report_growth()
            else:
                self.account(outcome)
        self.path = "fast"
        self.messages += 1
        return True

    def receive(self, message: bytes) -> None:
        """A message that the executor has taken."""
        self.path = "portable"
        self.messages += 1
        self.handle(message)

    def handle(self, message: bytes) -> None:
        if self.closed:
            return
        if not self.running and not self.begin(message):
            return
        if self.pool.producer is not None:
            before = self.published
            self.account(self.decoder.publish(self.pool.producer, message, self.now()))
            # While nothing was published, the next message decides about the pool.
            self.running = self.running and (before != self.published or before > 0)

    def account(self, outcome: int | tuple[str, str]) -> None:
        """Count the result of a message."""
        if isinstance(outcome, int):
            self.published += 1
            if self.pool.producer is not None and self.pool.producer.incarnation != self.pool.incarnation:
                self.pool.report_growth()
        elif outcome[0] in MISFITS:
            if outcome[0] != "SCHEMA_MISMATCH" or not self.follow(outcome[1]):
                self.count_misfit(*outcome)
        elif not self.closed:
            self.count_failure(outcome[0], f"messages could not be published: {outcome[1]}")
            if outcome[0] == "LOST":  # another process has removed the pool or taken its name: make it again
                self.running = False
                self.retry_at = time.monotonic() + RETRY
                self.pool.cleanup()

    def count_misfit(self, status: str, text: str) -> None:
        self.misfits += 1
        kind = f"{status} {NUMBERS.sub('#', text)}"
        if kind not in self.misfit_kinds:
            if len(self.misfit_kinds) == MAX_KINDS:
                return
            self.misfit_kinds[kind] = Misfit(text)
            self.log.warn(
                f"a message does not fit the pool and is left out: {text}. Others of this kind are counted in the "
                "stats only"
            )
        self.misfit_kinds[kind].count += 1

    def count_failure(self, status: str, text: str) -> None:
        self.failures += 1
        self.problem = text
        self.log.warn_once(status, text)

    # ---- what the pool carries

    def begin(self, message: bytes) -> bool:
        """Learn from the first message and make the pool. Returns whether the pool is ready for the message."""
        with self.lock:
            if self.closed:
                return False
            if time.monotonic() < self.retry_at:
                return False
            if self.learned is None:
                try:
                    self.learned = self.decoder.learn(message)
                except (_core.SchemaMismatchError, _core.PoolCorruptError, _core.UnsupportedError) as problem:
                    self.count_misfit(problem.status, str(problem))
                    return False
            schema, metadata_json = self.learned
            metadata = json.loads(metadata_json)
            if not self.pool.carries(schema, metadata):
                try:
                    self.pool.make(schema, metadata)
                except _core.PolymorphError as problem:
                    self.retry_at = time.monotonic() + RETRY
                    self.count_failure(
                        problem.status,
                        f"the pool could not be made; a message after {RETRY:g} s tries again: {problem}",
                    )
                    self.forget()
                    return False
            self.set_batch(schema)
            if self.request.follows and self.changes is None:
                self.changes = Changes(self.request, schema, metadata)
                self.decoder.keeps_refused = True
            self.running = True
            return True

    def set_batch(self, schema: _core.Schema) -> None:
        self.at_once = qos.DEPTH if schema.nbytes <= SMALL else 1

    def forget(self) -> None:
        """Learn from the next message instead: this one may be an exception that asks for gigabytes."""
        self.use(self.request.decoder())
        self.learned = None
        sample = self.request.sample_schema()
        if sample is not None:
            self.decoder.expect(sample)

    def use(self, decoder: _core.RosDecoder) -> None:
        """Use another decoder from now on."""
        self.lost_before += self.decoder.lost
        self.in_place_before += self.decoder.in_place
        decoder.keeps_refused = self.decoder.keeps_refused
        self.decoder = decoder

    def follow(self, text: str) -> bool:
        """Replace the pool if the message that was just refused, with this text, is of another kind. Returns whether
        the pool was replaced."""
        message = self.decoder.take_refused()
        producer = self.pool.producer
        if self.changes is None or message is None or producer is None or producer.closed:
            return False
        found = self.changes.candidate(message)
        if found is None:
            if self.changes.goes_back:
                self.log.warn_once(
                    "goes back",
                    "messages of different kinds come on this topic, possibly from several publishers. The pool does "
                    f"not go back to a kind that it had within the last {SETTLE:g} s; these are left out: {text}",
                )
            return False
        decoder, schema, metadata_json = found
        try:
            producer._replace(schema, metadata_json)
        except _core.PolymorphError as problem:
            self.warn_of_replacing(problem.status, str(problem))
            return False
        outcome = decoder.publish(producer, message, self.now())
        if not isinstance(outcome, int):
            self.warn_of_replacing(*outcome)
            return False
        self.use(decoder)
        self.learned = (schema, metadata_json)
        self.changes.followed(schema, json.loads(metadata_json))
        self.changed += 1
        self.published += 1
        self.set_batch(schema)
        self.pool.look()
        self.log.warn(
            f"the messages are of another kind from now on, and the pool was replaced by one of {schema}: {text}. "
            'Streams with expect="any" follow; ros_on_change="refuse" leaves such messages out'
        )
        return True

    def warn_of_replacing(self, status: str, text: str) -> None:
        self.log.warn_once(f"change {status}", f"the pool cannot be replaced by one for other messages: {text}")

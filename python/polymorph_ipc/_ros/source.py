"""What feeds a `TensorStream` with `ros_node=`: a subscription on the user's node, and the pool that it fills."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .. import _core, _samples
from .._describe import printable
from .._producer import TensorProducer
from .._registry import inspect_pool
from . import entities, qos, types
from .changes import SETTLE, Changes
from .request import Request
from .spinning import PATIENCE, Spinning
from .subscription import Subscription

if TYPE_CHECKING:
    from .._infos import RosStats

TICK = 0.5  # seconds between two looks at the topic's publishers
SILENCE = 5.0  # seconds without a message after which best effort is suspected
SMALL = 65536  # bytes of a sample below which all messages that wait are taken at once
MANY_LOST = 10  # messages
RETRY = 1.0  # seconds until a pool that could not be made is tried again
MAX_KINDS = 32  # of misfits that are told apart
MISFITS = ("SCHEMA_MISMATCH", "CORRUPT", "UNSUPPORTED")
MAX_BYTES = 1 << 30  # of a pool that messages decide about
NUMBERS = re.compile(r"\d+(?:\.\d+)?")


@dataclass
class Kind:
    """One kind of misfit: the words of the first, and how many there were."""

    words: str
    count: int = 0


class RosSource:
    """Subscribes on the user's node and publishes what arrives into a pool. Never spins, never touches an executor.

    Its callbacks run one at a time, in a callback group of their own, on whatever thread spins the node. The node owns
    it: it goes on until `cleanup()`, `node.destroy_node()` or the process's end, also when nobody holds its stream.
    """

    def __init__(self, pool_name: str, request: Request, folder: str) -> None:
        request = request.checked()
        self.pool_name = pool_name
        self.folder = folder
        self.request = request
        self.node = request.node
        self.node_name = str(self.node.get_name())
        self.topic: str = request.topic
        self.type_name = types.type_name(request.message_class)
        self.decoder = request.decoder()
        self.spinning = Spinning(self.node)
        self.clock = self.node.get_clock()
        self.is_simulated = self.clock.ros_time_is_active
        self.at_once = 1
        self.generation = _core.fork_generation()
        self.lock = threading.RLock()
        self.closed = False
        self.learned: tuple[_core.Schema, str] | None = None  # schema and metadata of the first message
        self.running = False  # the pool carries what was learned
        self.changes: Changes | None = None  # None: messages of another kind are left out
        self.changed = 0
        self.lost_before = self.in_place_before = 0  # counted by earlier readers
        self.incarnation = 0  # of the pool when it was looked at
        self.capacity: Any = None
        self.retry_at = 0.0
        self.producer: TensorProducer | None = None
        self.subscription: Subscription | None = None
        self.timer: Any = None
        self.path: Literal["fast", "portable"] | None = None
        self.messages = 0
        self.published = 0
        self.misfits = 0
        self.failures = 0
        self.problem = ""  # the last failure
        self.kinds: dict[str, Kind] = {}
        self.warned: set[str] = set()
        self.publishers = 0
        self.messages_seen = 0
        self.last_message = time.monotonic()
        self.alone_until = time.monotonic()
        sample = request.sample_schema()
        if sample is not None:
            self.make_pool(self.decoder.expect(sample), {"ros_type": self.type_name})
        else:
            self.remove_stale_pool()

    # ---- the pool

    def make_pool(self, schema: _core.Schema, metadata: dict[str, Any]) -> None:
        """Make the pool: adopt or replace what a dead producer left. When there is one already, another takes its place
        with the next sample."""
        if self.producer is not None and not self.producer.closed:
            self.producer._replace(schema, json.dumps(metadata) if metadata else None)
            return
        is_torch = self.request.sample is not None and _samples.origin_of(self.request.sample) == _core.ORIGIN_TORCH
        self.producer = TensorProducer(
            self.pool_name,
            schema,
            self.request.history_len,
            metadata=metadata,
            mode=self.request.mode,
            max_bytes=self.max_bytes(schema),
            folder=self.folder,
            origin="torch" if is_torch else "numpy",
        )
        self.note_capacity()

    def max_bytes(self, schema: _core.Schema) -> int:
        """What the pool may take: messages are not trusted, a sample is."""
        if self.request.max_bytes is not None:
            return self.request.max_bytes
        if self.request.sample is None:
            return MAX_BYTES
        return max(MAX_BYTES, 2 * (schema.nbytes + 4096) * (self.request.history_len + 2 * _core.DEFAULT_SPARE))

    def note_capacity(self) -> None:
        if self.producer is not None:
            self.incarnation, self.capacity = self.producer.incarnation, self.producer.shape

    def notice_growth(self) -> None:
        """Another pool has taken the place of the one so far, with the last sample."""
        before = self.capacity
        self.note_capacity()
        if self.capacity != before:
            self.node.get_logger().info(
                f"pool '{self.pool_name}' from topic '{self.topic}': a message was longer than the pool had room for; "
                f"it has room for {self.capacity} now, {before} before"
            )

    def remove_stale_pool(self) -> None:
        """Until the first message there is no pool: not one of somebody live (PoolBusyError), and no dead one's that
        nobody reads, whose frames would be taken for this topic's. One that streams are connected to stays; the first
        message's pool continues or replaces it."""
        try:
            _core.registry_remove(self.pool_name, self.folder, False)
        except _core.PoolNotFoundError:
            pass
        except _core.PoolBusyError:
            if self.has_living_producer():
                raise

    def has_living_producer(self) -> bool:
        try:
            return inspect_pool(self.pool_name, folder=self.folder).producer_alive
        except _core.PoolNotFoundError:
            return False

    # ---- the subscription

    def start(self) -> None:
        """Begin to listen."""
        from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
        from rclpy.clock import Clock
        from rclpy.clock_type import ClockType

        self.group = MutuallyExclusiveCallbackGroup()
        # Without publishers: reliable, because the next look finds out when one is not, and that one promised nothing;
        # best effort until then would lose the first messages of one that is reliable. And volatile, because a
        # latched publisher sends again what it has when the next look finds it.
        choice = qos.wanted(self.find_publishers(self.request.topic), qos.Choice(reliable=True, latched=False))
        self.subscribe(qos.chosen(choice) if self.request.qos is None else qos.as_given(self.request.qos))
        clock = Clock(clock_type=ClockType.STEADY_TIME)  # the node's own stands still under simulated time
        with entities.lasting("Timer"):
            self.timer = self.node.create_timer(TICK, self.on_tick, callback_group=self.group, clock=clock)

    def subscribe(self, profile: Any) -> None:
        self.subscription = Subscription(
            self.node,
            self.request.message_class,
            self.request.topic,
            profile,
            self.group,
            self.on_take,
            self.on_bytes,
        )
        self.topic = self.subscription.topic

    def find_publishers(self, topic: str) -> list[Any]:
        """The publishers of our type, also of a name that remappings change."""
        found = self.node.get_publishers_info_by_topic(self.node.resolve_topic_name(topic))
        return [info for info in found if info.topic_type == self.type_name]

    def choose_again(self) -> None:
        """Subscribe anew when what the publishers offer asks for another reliability or durability."""
        publishers = self.find_publishers(self.request.topic)
        if self.messages != self.messages_seen:
            self.messages_seen = self.messages
            self.last_message = time.monotonic()
        if not publishers:
            self.alone_until = time.monotonic()
        self.publishers = len(publishers)
        if self.subscription is None:
            return
        if self.request.qos is not None:
            if any(qos.offers_less(info.qos_profile, self.subscription.profile) for info in publishers):
                self.warn_once(
                    "qos",
                    "a publisher of the topic offers less than ros_qos asks for: nothing arrives from it. Ask for "
                    "less, or leave ros_qos out: it is then chosen by what the publishers offer",
                )
            return
        now = qos.choice_of(self.subscription.profile)
        wanted = qos.wanted(publishers, now)
        if wanted != now:
            self.drain()
            self.subscription.destroy()
            self.subscribe(qos.chosen(wanted))

    def drain(self) -> None:
        """Take what waits in a subscription that is about to go."""
        if self.path != "fast" or self.subscription is None:
            return
        handle = self.subscription.subscription.handle
        with handle:
            for _ in range(qos.DEPTH):
                if not self.take_one(handle.pointer):
                    break

    # ---- callbacks, on the thread that spins the node

    def on_take(self, pointer: int) -> None:
        """Messages wait in rcl. Small ones are all taken: coming here costs far more than a message does."""
        self.spinning.beats += 1
        for _ in range(self.at_once):
            if not self.take_one(pointer):
                break

    def take_one(self, pointer: int) -> bool:
        """Take the next message. Returns whether there was one."""
        if not self.running or self.closed or self.producer is None:
            message = self.decoder.take_bytes(pointer)
            if message is None:
                return False
            self.handle(message)
        else:
            outcome = self.decoder.take(self.producer, pointer, self.now())
            if outcome is None:
                return False
            if outcome == 0:
                return True  # a latched publisher has sent it again to a new subscription
            if outcome.__class__ is int:
                self.published += 1
                if self.producer.incarnation != self.incarnation:
                    self.notice_growth()
            else:
                self.account(outcome)
        self.path = "fast"
        self.messages += 1
        return True

    def on_bytes(self, message: bytes) -> None:
        """The executor has taken a message itself."""
        self.spinning.beat_from(sys._getframe(1))
        self.path = "portable"
        self.messages += 1
        self.handle(message)

    def on_tick(self) -> None:
        self.spinning.beat_from(sys._getframe(1))
        with self.lock:
            if self.closed:
                self.destroy_entities()  # cleanup() ran in a thread that must not
                return
            self.is_simulated = self.clock.ros_time_is_active
            self.choose_again()
        self.suspect_best_effort()

    # ---- messages

    def now(self) -> int:
        """The stamp of messages that have none: the node's clock, which is the wall clock unless time is simulated."""
        return int(self.clock.now().nanoseconds) if self.is_simulated else _core.STAMP_NOW

    def handle(self, message: bytes) -> None:
        if self.closed:
            return
        if not self.running and not self.begin(message):
            return
        if self.producer is not None:
            before = self.published
            self.account(self.decoder.publish(self.producer, message, self.now()))
            self.running = self.running and (before != self.published or before > 0)  # else the next message begins

    def begin(self, message: bytes) -> bool:
        """Learn from the first message, and make the pool that says of itself what the message says."""
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
            old = self.producer
            if old is None or old.closed or old.metadata != metadata or old.schema != schema:
                try:
                    self.make_pool(schema, metadata)
                except _core.PolymorphError as problem:
                    self.retry_at = time.monotonic() + RETRY
                    self.count_failure(problem.status, f"the pool could not be made, which is tried again: {problem}")
                    self.forget()
                    return False
            self.at_once = qos.DEPTH if schema.nbytes <= SMALL else 1
            if self.request.follows and self.changes is None:
                self.changes = Changes(self.request, schema, metadata)
                self.decoder.keeps_refused = True
            self.running = True
            return True

    def forget(self) -> None:
        """Let the next message decide what this one could not: it may be the odd one that asks for gigabytes."""
        self.use(self.request.decoder())
        self.learned = None
        sample = self.request.sample_schema()
        if sample is not None:
            self.decoder.expect(sample)

    def use(self, decoder: _core.RosDecoder) -> None:
        """Read with another decoder from now on."""
        self.lost_before += self.decoder.lost
        self.in_place_before += self.decoder.in_place
        decoder.keeps_refused = self.decoder.keeps_refused
        self.decoder = decoder

    def follow(self, words: str) -> bool:
        """Replace the pool, if the message that it has just refused is of another kind. Whether that was done."""
        message = self.decoder.take_refused()
        if self.changes is None or message is None or self.producer is None or self.producer.closed:
            return False
        found = self.changes.candidate(message)
        if found is None:
            if self.changes.goes_back:
                self.warn_once(
                    "goes back",
                    "messages of different kinds come on this topic, maybe from several publishers. The pool does not "
                    f"go back to a kind that it left within the last {SETTLE:g} s; these are left out: {words}",
                )
            return False
        decoder, schema, metadata_json = found
        try:
            self.producer._replace(schema, metadata_json)
        except _core.PolymorphError as problem:
            self.warn_once(
                f"change {problem.status}", f"the pool cannot be replaced by one for other messages: {problem}"
            )
            return False
        outcome = decoder.publish(self.producer, message, self.now())
        if not isinstance(outcome, int):
            self.warn_once(
                f"change {outcome[0]}", f"the pool cannot be replaced by one for other messages: {outcome[1]}"
            )
            return False
        self.use(decoder)
        self.learned = (schema, metadata_json)
        self.changes.followed(schema, json.loads(metadata_json))
        self.changed += 1
        self.published += 1
        self.at_once = qos.DEPTH if schema.nbytes <= SMALL else 1
        self.note_capacity()
        self.warn(
            f"the messages are of another kind from now on, and the pool was replaced by one of {schema}: {words}. "
            'Streams with expect="any" follow; ros_on_change="refuse" would leave such messages out'
        )
        return True

    def account(self, outcome: int | tuple[str, str]) -> None:
        """Count what became of a message."""
        if isinstance(outcome, int):
            self.published += 1
            if self.producer is not None and self.producer.incarnation != self.incarnation:
                self.notice_growth()
        elif outcome[0] in MISFITS:
            if outcome[0] != "SCHEMA_MISMATCH" or not self.follow(outcome[1]):
                self.count_misfit(*outcome)
        elif not self.closed:
            self.count_failure(outcome[0], f"messages could not be published: {outcome[1]}")
            if outcome[0] == "LOST":  # somebody has removed it, or taken its name: try to have it back
                self.running = False
                self.retry_at = time.monotonic() + RETRY
                if self.producer is not None:
                    self.producer.cleanup()

    def count_misfit(self, status: str, words: str) -> None:
        self.misfits += 1
        kind = f"{status} {NUMBERS.sub('#', words)}"
        if kind not in self.kinds:
            if len(self.kinds) == MAX_KINDS:
                return
            self.kinds[kind] = Kind(words)
            self.warn(f"a message does not fit the pool and is left out (this is said once, stats count it): {words}")
        self.kinds[kind].count += 1

    def count_failure(self, status: str, words: str) -> None:
        self.failures += 1
        self.problem = words
        self.warn_once(status, words)

    # ---- words

    def warn(self, words: str) -> None:
        self.node.get_logger().warning(printable(f"pool '{self.pool_name}' from topic '{self.topic}': {words}"))

    def warn_once(self, kind: str, words: str) -> None:
        if kind not in self.warned:
            self.warned.add(kind)
            self.warn(words)

    def suspect_best_effort(self) -> None:
        """Large messages of a best-effort topic get lost between processes, and nobody says so."""
        if self.subscription is None or self.publishers == 0 or qos.is_reliable(self.subscription.profile):
            return
        if time.monotonic() - max(self.last_message, self.alone_until) > SILENCE:
            seen = f"no message for {SILENCE:g} s, though there are publishers. If they do send, what they send is lost"
        elif self.lost() >= MANY_LOST and self.lost() * 10 > self.messages:
            seen = f"{self.lost()} messages were lost, {self.messages} arrived"
        else:
            return
        self.warn_once(
            "best effort",
            f"{seen}. The topic is best effort: with Fast DDS's default settings messages over 0.5 MB do not fit its "
            "shared memory between processes and rarely survive UDP. Have them published reliably, or enlarge the "
            "segment (a shared memory transport profile of 32 MB) or the system's net.core.rmem_max",
        )

    def before_wait(self, alone: bool) -> None:
        """A stream of the pool is about to sleep until something is published."""
        if self.closed or self.generation != _core.fork_generation():
            return
        end = self.end_of_ros()
        if end:
            raise _core.ClosedError(
                f"pool '{self.pool_name}': {end}, so no message can arrive on '{self.topic}' while this stream is "
                "waited for. What was published before can be read without waiting, or by another process"
            )
        if self.spinning.is_mine():
            words = (
                f"a wait inside a callback of the executor that spins node '{self.node_name}' waits for itself: "
                f"no message can arrive on '{self.topic}' before the callback returns. Use get_last() or timeout=0 "
                "there, wait in another thread or process, or spin with a MultiThreadedExecutor"
            )
            if alone:
                raise _core.WrongStateError(f"pool '{self.pool_name}': {words}")
            self.warn_once("own callback", words)
            return
        silence = self.spinning.silence()
        if silence > PATIENCE:
            self.warn_once(
                "spin",
                f"nobody has spun node '{self.node_name}' for {silence:.0f} s, so no message can arrive while "
                "this stream is waited for: run rclpy.spin(node) in this or another thread",
            )

    def end_of_ros(self) -> str:
        """Why nothing can arrive any more; "" while the node lives."""
        if not self.node.context.ok():
            return "ROS was shut down (rclpy.shutdown(), or a signal that rclpy handles)"
        try:
            with self.node.handle:
                return ""
        except Exception:  # rclpy's InvalidHandle, which is not public under one name in every version
            return f"node '{self.node_name}' was destroyed"

    def lost(self) -> int:
        return self.lost_before + self.decoder.lost

    def stats(self) -> RosStats:
        subscription = self.subscription
        choice = qos.Choice(False, False) if subscription is None else qos.choice_of(subscription.profile)
        return {
            "path": self.path,
            "messages": self.messages,
            "published": self.published,
            "in_place": self.in_place_before + self.decoder.in_place,
            "lost": self.lost(),
            "misfits": self.misfits,
            "misfit_reasons": {kind.words: kind.count for kind in self.kinds.values()},
            "failures": self.failures,
            "problem": self.problem,
            "changes": self.changed,
            "publishers": self.publishers,
            "reliability": "reliable" if choice.reliable else "best_effort",
            "durability": "transient_local" if choice.latched else "volatile",
            "joint_stamps": dict(zip(self.request.joints or [], self.decoder.joint_stamps(), strict=False)),
        }

    # ---- the end

    def cleanup(self) -> None:
        """Stop listening and remove the pool. Idempotent; in any order with destroy_node() and rclpy.shutdown(). In a
        forked child nothing of ROS is touched."""
        with self.lock if self.generation == _core.fork_generation() else contextlib.nullcontext():
            was_closed, self.closed = self.closed, True
        if was_closed or self.generation != _core.fork_generation():
            return
        try:
            if entities.may_destroy_here(self.node) or self.spinning.is_mine():
                self.destroy_entities()
            elif self.subscription is not None:
                self.subscription.take_with(None)  # the next tick destroys it
        finally:
            if self.producer is not None:
                self.producer.cleanup()

    def destroy_entities(self) -> None:
        """Destroy subscription and timer. Idempotent."""
        subscription, timer = self.subscription, self.timer
        self.subscription = self.timer = None
        # What rclpy raises when its node or context is gone already.
        with contextlib.suppress(RuntimeError, ValueError, AttributeError):
            if timer is not None:
                self.node.destroy_timer(timer)
        with contextlib.suppress(RuntimeError, ValueError, AttributeError):
            if subscription is not None:
                subscription.destroy()

"""The source of a `TensorStream` with `ros_node=`: a subscription on the user's node, and the pool that it fills."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from .. import _core
from . import entities, qos, types
from .messages import MessageHandler
from .request import Request
from .spinning import PATIENCE, Spinning
from .subscription import Subscription
from .topic_log import TopicLog
from .topic_pool import TopicPool

if TYPE_CHECKING:
    from .._infos import RosStats

TICK = 0.5  # seconds between two checks of the topic's publishers
SILENCE = 5.0  # seconds without a message after which a best-effort topic is suspected of losing them
MANY_LOST = 10  # messages


class RosSource:
    """Subscribes on the user's node and publishes each message into a pool. Never spins, never uses an executor.

    Its callbacks run one at a time, in a callback group of their own, on the thread that spins the node. The node owns
    it: it runs until `cleanup()`, `node.destroy_node()` or the end of the process, also when its stream is gone.
    """

    def __init__(self, pool_name: str, request: Request, folder: str) -> None:
        request = request.checked()
        self.request = request
        self.node = request.node
        self.node_name = str(self.node.get_name())
        self.type_name = types.type_name(request.message_class)
        self.log = TopicLog(self.node, pool_name, request.topic)
        self.lock = threading.RLock()
        self.pool = TopicPool(pool_name, folder, request, self.log)
        self.handler = MessageHandler(request, self.pool, self.log, self.lock)
        self.spinning = Spinning(self.node)
        self.generation = _core.fork_generation()
        self.subscription: Subscription | None = None
        self.timer: Any = None
        self.publishers = 0
        self.messages_seen = 0
        self.last_message = time.monotonic()
        self.alone_until = time.monotonic()  # when the topic last had no publisher

    @property
    def topic(self) -> str:
        """The full name of the topic."""
        return self.log.topic

    # ---- the subscription

    def start(self) -> None:
        """Subscribe."""
        from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
        from rclpy.clock import Clock
        from rclpy.clock_type import ClockType

        self.group = MutuallyExclusiveCallbackGroup()
        # Without publishers: reliable and volatile. The next check notices a best-effort publisher, which promises
        # nothing, while best effort would lose the first messages of a reliable one. A latched publisher sends its
        # messages again when the next check subscribes to it.
        choice = qos.wanted(self.find_publishers(self.request.topic), qos.Choice(reliable=True, latched=False))
        self.subscribe(qos.chosen(choice) if self.request.qos is None else qos.as_given(self.request.qos))
        clock = Clock(clock_type=ClockType.STEADY_TIME)  # the node's clock may stand still in simulated time
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
        self.log.topic = self.subscription.topic

    def find_publishers(self, topic: str) -> list[Any]:
        """The publishers of the topic, with remappings applied, that publish messages of our type."""
        found = self.node.get_publishers_info_by_topic(self.node.resolve_topic_name(topic))
        return [info for info in found if info.topic_type == self.type_name]

    def choose_again(self) -> None:
        """Subscribe again when the publishers now offer another reliability or durability."""
        publishers = self.find_publishers(self.request.topic)
        if self.handler.messages != self.messages_seen:
            self.messages_seen = self.handler.messages
            self.last_message = time.monotonic()
        if not publishers:
            self.alone_until = time.monotonic()
        self.publishers = len(publishers)
        if self.subscription is None:
            return
        if self.request.qos is not None:
            if any(qos.offers_less(info.qos_profile, self.subscription.profile) for info in publishers):
                self.log.warn_once(
                    "qos",
                    "a publisher of the topic offers less than ros_qos asks for: nothing arrives from it. Ask for "
                    "less, or omit ros_qos: it is then chosen by what the publishers offer",
                )
            return
        now = qos.choice_of(self.subscription.profile)
        wanted = qos.wanted(publishers, now)
        if wanted != now:
            self.drain()
            self.subscription.destroy()
            self.subscribe(qos.chosen(wanted))

    def drain(self) -> None:
        """Take the messages that wait in a subscription before it is destroyed."""
        if self.handler.path != "fast" or self.subscription is None:
            return
        handle = self.subscription.subscription.handle
        with handle:
            for _ in range(qos.DEPTH):
                if not self.handler.take_one(handle.pointer):
                    break

    # ---- callbacks, on the thread that spins the node

    def on_take(self, pointer: int) -> None:
        """Messages wait in rcl."""
        self.spinning.beats += 1
        self.handler.take_waiting(pointer)

    def on_bytes(self, message: bytes) -> None:
        """The executor has taken a message itself."""
        self.spinning.beat_from(sys._getframe(1))
        self.handler.receive(message)

    def on_tick(self) -> None:
        self.spinning.beat_from(sys._getframe(1))
        with self.lock:
            if self.handler.closed:
                self.destroy_entities()  # cleanup() ran in a thread that may not destroy them
                return
            self.handler.is_simulated = self.handler.clock.ros_time_is_active
            self.choose_again()
        self.suspect_best_effort()

    def suspect_best_effort(self) -> None:
        """Warn once when a best-effort topic seems to lose messages between processes, which ROS does not report."""
        if self.subscription is None or self.publishers == 0 or qos.is_reliable(self.subscription.profile):
            return
        lost, arrived = self.handler.lost, self.handler.messages
        if time.monotonic() - max(self.last_message, self.alone_until) > SILENCE:
            seen = f"no message for {SILENCE:g} s, though there are publishers. If they do send, what they send is lost"
        elif lost >= MANY_LOST and lost * 10 > arrived:
            seen = f"{lost} messages were lost, {arrived} arrived"
        else:
            return
        self.log.warn_once(
            "best effort",
            f"{seen}. The topic is best effort: with Fast DDS's default settings messages over 0.5 MB do not fit its "
            "shared memory between processes and rarely survive UDP. Publish them reliably, or enlarge the segment (a "
            "shared memory transport profile of 32 MB) or the system's net.core.rmem_max",
        )

    # ---- waits of streams

    def before_wait(self, alone: bool) -> None:
        """Called when a stream of the pool is about to sleep. Raises when no message can arrive during the sleep."""
        if self.handler.closed or self.generation != _core.fork_generation():
            return
        end = self.end_of_ros()
        if end:
            raise _core.ClosedError(
                f"pool '{self.pool.name}': {end}, so no message can arrive on '{self.topic}' during this wait. "
                "Published samples can be read without waiting, or by another process"
            )
        if self.spinning.is_in_callback():
            text = (
                f"a wait inside a callback of the executor that spins node '{self.node_name}' waits for itself: "
                f"no message can arrive on '{self.topic}' before the callback returns. Use get_last() or timeout=0 "
                "there, wait in another thread or process, or spin with a MultiThreadedExecutor"
            )
            if alone:
                raise _core.WrongStateError(f"pool '{self.pool.name}': {text}")
            self.log.warn_once("own callback", text)
            return
        silence = self.spinning.silence()
        if silence > PATIENCE:
            self.log.warn_once(
                "spin",
                f"node '{self.node_name}' has not been spun for {silence:.0f} s, so no message can arrive during this "
                "wait: run rclpy.spin(node) in this or another thread",
            )

    def end_of_ros(self) -> str:
        """Why no message can arrive any more; "" while the node exists."""
        if not self.node.context.ok():
            return "ROS was shut down (rclpy.shutdown(), or a signal that rclpy handles)"
        try:
            with self.node.handle:
                return ""
        except Exception:  # rclpy's InvalidHandle, whose public name differs between versions
            return f"node '{self.node_name}' was destroyed"

    # ---- the stream's own

    def stats(self) -> RosStats:
        handler, subscription = self.handler, self.subscription
        choice = qos.Choice(False, False) if subscription is None else qos.choice_of(subscription.profile)
        return {
            "path": handler.path,
            "messages": handler.messages,
            "published": handler.published,
            "in_place": handler.in_place,
            "lost": handler.lost,
            "misfits": handler.misfits,
            "misfit_reasons": {kind.text: kind.count for kind in handler.misfit_kinds.values()},
            "failures": handler.failures,
            "problem": handler.problem,
            "changes": handler.changed,
            "publishers": self.publishers,
            "reliability": "reliable" if choice.reliable else "best_effort",
            "durability": "transient_local" if choice.latched else "volatile",
            "joint_stamps": dict(zip(self.request.joints or [], handler.decoder.joint_stamps(), strict=False)),
        }

    def cleanup(self) -> None:
        """Unsubscribe and remove the pool. Idempotent; allowed before and after destroy_node() and rclpy.shutdown(). In
        a forked child it does not touch ROS."""
        in_this_process = self.generation == _core.fork_generation()
        with self.lock if in_this_process else contextlib.nullcontext():
            was_closed, self.handler.closed = self.handler.closed, True
        if was_closed or not in_this_process:
            return
        try:
            if entities.may_destroy_here(self.node) or self.spinning.is_in_callback():
                self.destroy_entities()
            elif self.subscription is not None:
                self.subscription.take_with(None)  # the next tick destroys it
        finally:
            self.pool.cleanup()

    def destroy_entities(self) -> None:
        """Destroy subscription and timer. Idempotent."""
        subscription, timer = self.subscription, self.timer
        self.subscription = self.timer = None
        # These errors are what rclpy raises when its node or context is gone.
        with contextlib.suppress(RuntimeError, ValueError, AttributeError):
            if timer is not None:
                self.node.destroy_timer(timer)
        with contextlib.suppress(RuntimeError, ValueError, AttributeError):
            if subscription is not None:
                subscription.destroy()

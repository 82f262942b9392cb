"""A producer and streams against a model in plain Python: any sequence of calls agrees with the model."""

from __future__ import annotations

import gc
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from polymorph_ipc import TensorProducer, TensorStream, clean_pools

from support.frames import number_of, numbered, numbers_of

pytestmark = pytest.mark.any_python

MOST_VIEWS = 7
pool_numbers = itertools.count()


@dataclass
class Sample:
    seq: int
    number: int
    stamp: int


@dataclass
class Pool:
    """The samples of a pool; the newest `history_len` can be read."""

    history_len: int
    samples: list[Sample] = field(default_factory=list)

    @property
    def head(self) -> int:
        return len(self.samples)

    @property
    def history(self) -> list[Sample]:
        return self.samples[-self.history_len :]


@dataclass
class Reader:
    """A stream and its state in the model."""

    stream: TensorStream
    connected_to: Pool | None = None
    cursor: int = 0
    first_cursor: int = 0
    takes_new: bool = False  # get_new, get_next or get_all_new was called
    has_received: bool = False
    dropped_is_known: bool = True  # unknown for a stream with start="oldest" that begins after sample 1
    closed: bool = False
    held: list[Held] = field(default_factory=list)

    def holds_views_of(self, pool: Pool) -> int:
        return sum(1 for held in self.held if held.pool is pool and not held.copied)


@dataclass
class Held:
    """A held array and the content that it must keep."""

    array: Any
    numbers: list[int]
    pool: Pool
    copied: bool

    def check(self) -> None:
        assert numbers_of(self.array) == self.numbers


class ProducerAndStreams(RuleBasedStateMachine):
    readers = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.name = f"pool/{next(pool_numbers)}"
        self.producer: TensorProducer | None = None
        self.pool: Pool | None = None  # the pool of that name
        self.all_readers: list[Reader] = []

    # -- the producer ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.producer is None)
    @rule(history_len=st.sampled_from([1, 2, 5]))
    def open_producer(self, history_len: int) -> None:
        self.producer = TensorProducer.from_sample(self.name, numbered(0), history_len=history_len)
        adopts = self.pool is not None and self.pool.history_len == history_len
        assert self.producer.adopted == adopts
        if not adopts:
            self.pool = Pool(history_len)

    @precondition(lambda self: self.producer is not None)
    @rule(stamp=st.integers(-5, 5), times=st.integers(1, 4), by_loan=st.booleans())
    def publish(self, stamp: int, times: int, by_loan: bool) -> None:
        assert self.producer is not None
        assert self.pool is not None
        for _ in range(times):
            sample = Sample(self.pool.head + 1, self.pool.head + 1000, stamp)
            if by_loan:
                with self.producer.loan() as frame:
                    frame.data[:] = sample.number
                    frame.stamp = stamp
            else:
                assert self.producer.publish(numbered(sample.number), stamp=stamp) == sample.seq
            self.pool.samples.append(sample)

    @precondition(lambda self: self.producer is not None)
    @rule()
    def drop_a_loan(self) -> None:
        assert self.producer is not None
        with self.producer.loan() as frame:
            frame.data[:] = -1
            frame.discard()

    @precondition(lambda self: self.producer is not None)
    @rule()
    def clean_up(self) -> None:
        assert self.producer is not None
        self.producer.cleanup()
        self.producer = self.pool = None

    @precondition(lambda self: self.producer is not None)
    @rule()
    def collect_producer(self) -> None:
        self.producer = None
        gc.collect()

    # -- the streams -------------------------------------------------------------------------------------------------

    @rule(target=readers, start=st.sampled_from(["newest", "oldest"]))
    def open_stream(self, start: Any) -> Any:
        if sum(not reader.closed for reader in self.all_readers) >= 3:
            return multiple()
        reader = Reader(TensorStream(self.name, start=start), self.pool)
        if self.pool is not None and start == "newest":
            reader.cursor = self.pool.head
        elif self.pool is not None and self.pool.samples:
            reader.cursor = self.pool.history[0].seq - 1
            reader.dropped_is_known = reader.cursor == 0
        reader.first_cursor = reader.cursor
        self.all_readers.append(reader)
        return reader

    @rule(reader=consumes(readers))
    def close_stream(self, reader: Reader) -> None:
        reader.stream.cleanup()
        reader.closed = True

    def drains(self, reader: Reader) -> bool:
        """Whether the stream is connected to a retired pool with a sample that it returns before it leaves the pool."""
        pool = reader.connected_to
        takes_samples = reader.takes_new or reader.cursor != reader.first_cursor or not reader.has_received
        return pool is not None and pool is not self.pool and takes_samples and pool.head > reader.cursor

    def reconnect(self, reader: Reader) -> Pool | None:
        """The pool that the next call reads. Every call begins with this: a stream leaves a retired pool that it does
        not drain, and all samples of a new pool are new."""
        if self.drains(reader):
            return reader.connected_to
        if self.pool is not None and reader.connected_to is not self.pool:
            reader.cursor, reader.first_cursor, reader.dropped_is_known = 0, 0, True
        reader.connected_to = self.pool
        return self.pool

    def keep(self, reader: Reader, array: Any, samples: list[Sample], info: Any, pool: Pool, hold: bool) -> None:
        held_before = reader.holds_views_of(pool)
        if held_before >= MOST_VIEWS:
            assert info.copied
        if held_before == 0 and len(samples) == 1:
            assert not info.copied
        if hold:
            reader.held.append(Held(array, [sample.number for sample in samples], pool, info.copied))

    def expect_one(self, reader: Reader, result: Any, expected: Sample | None, pool: Pool | None, hold: bool) -> None:
        array, info = result
        if expected is None:
            assert (array, info) == (None, None)
            return
        assert pool is not None
        reader.has_received = True
        assert (info.seq, info.stamp, number_of(array)) == (expected.seq, expected.stamp, expected.number)
        self.keep(reader, array[None], [expected], info, pool, hold)

    @rule(reader=readers, hold=st.booleans())
    def get_last(self, reader: Reader, hold: bool) -> None:
        pool = self.reconnect(reader)
        expected = pool.samples[-1] if pool is not None and pool.samples else None
        self.expect_one(reader, reader.stream.get_last(return_info=True), expected, pool, hold)
        if expected is not None:
            reader.cursor = expected.seq

    @rule(reader=readers, hold=st.booleans())
    def get_new(self, reader: Reader, hold: bool) -> None:
        reader.takes_new = True
        pool = self.reconnect(reader)
        expected = pool.samples[-1] if pool is not None and pool.head > reader.cursor else None
        self.expect_one(reader, reader.stream.get_new(timeout=0, return_info=True), expected, pool, hold)
        if expected is not None:
            reader.cursor = expected.seq

    @rule(reader=readers, hold=st.booleans())
    def get_next(self, reader: Reader, hold: bool) -> None:
        reader.takes_new = True
        pool = self.reconnect(reader)
        unseen = [sample for sample in pool.history if sample.seq > reader.cursor] if pool is not None else []
        result = reader.stream.get_next(timeout=0, return_info=True)
        self.expect_one(reader, result, unseen[0] if unseen else None, pool, hold)
        if unseen:
            if reader.dropped_is_known:
                assert result[1].dropped == unseen[0].seq - reader.cursor - 1
            reader.cursor = unseen[0].seq
            reader.dropped_is_known = True

    def expect_several(
        self, reader: Reader, result: Any, expected: list[Sample], pool: Pool | None, hold: bool
    ) -> None:
        frames, info = result
        if not expected:
            assert (frames, info) == (None, None)
            return
        assert pool is not None
        reader.has_received = True
        assert info.seq.tolist() == [sample.seq for sample in expected]
        assert info.stamp.tolist() == [sample.stamp for sample in expected]
        assert numbers_of(frames) == [sample.number for sample in expected]
        self.keep(reader, frames, expected, info, pool, hold)

    @rule(reader=readers, hold=st.booleans())
    def get_all_new(self, reader: Reader, hold: bool) -> None:
        reader.takes_new = True
        pool = self.reconnect(reader)
        unseen = [sample for sample in pool.history if sample.seq > reader.cursor] if pool is not None else []
        result = reader.stream.get_all_new(return_info=True)
        self.expect_several(reader, result, unseen, pool, hold)
        if unseen:
            if reader.dropped_is_known:
                assert result[1].dropped == unseen[0].seq - reader.cursor - 1
            reader.cursor = unseen[-1].seq
            reader.dropped_is_known = True

    @rule(reader=readers, count=st.integers(1, 6), pad=st.sampled_from([None, "repeat"]), hold=st.booleans())
    def get_history(self, reader: Reader, count: int, pad: Any, hold: bool) -> None:
        if self.drains(reader):
            return  # the retired pool stays present for a second: tests/unit/test_drain.c
        pool = self.reconnect(reader)
        if pool is not None and count > pool.history_len:
            try:
                reader.stream.get_history(count, pad)
                raise AssertionError("get_history returned more than history_len samples")
            except ValueError:
                return
        expected = pool.samples[-count:] if pool is not None else []
        if 0 < len(expected) < count:
            expected = [expected[0]] * (count - len(expected)) + expected if pad else []
        self.expect_several(reader, reader.stream.get_history(count, pad, return_info=True), expected, pool, hold)

    @rule(reader=readers, stamp=st.integers(-6, 6), method=st.sampled_from(["nearest", "before", "after"]))
    def get_at(self, reader: Reader, stamp: int, method: Any) -> None:
        if self.drains(reader):
            return  # the retired pool stays present for a second: tests/unit/test_drain.c
        pool = self.reconnect(reader)
        fitting = [
            sample
            for sample in (pool.history if pool is not None else [])
            if method == "nearest"
            or (method == "before" and sample.stamp <= stamp)
            or (method == "after" and sample.stamp >= stamp)
        ]
        expected = min(fitting, key=lambda sample: (abs(sample.stamp - stamp), -sample.seq), default=None)
        array, info = reader.stream.get_at(stamp, method, return_info=True)
        if expected is None:
            assert (array, info) == (None, None)
        else:
            reader.has_received = True
            assert abs(info.stamp - stamp) == abs(expected.stamp - stamp)
            assert (info.seq, info.stamp) == (expected.seq, expected.stamp)

    @precondition(lambda self: any(reader.held for reader in self.all_readers))
    @rule(data=st.data())
    def drop_a_view(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from([reader for reader in self.all_readers if reader.held]))
        reader.held.pop(data.draw(st.integers(0, len(reader.held) - 1)))

    # -- invariants -------------------------------------------------------------------------------------------

    @invariant()
    def held_arrays_do_not_change(self) -> None:
        for reader in self.all_readers:
            for held in reader.held:
                held.check()

    @invariant()
    def producer_and_model_agree(self) -> None:
        if self.producer is not None and self.pool is not None:
            assert self.producer.seq == self.pool.head

    @invariant()
    def streams_hold_what_the_model_holds(self) -> None:
        for reader in self.all_readers:
            if not reader.closed and reader.connected_to is not None and reader.connected_to is self.pool:
                assert reader.stream.stats["views_held"] == reader.holds_views_of(self.pool)

    def teardown(self) -> None:
        self.held_arrays_do_not_change()
        for reader in self.all_readers:
            reader.stream.cleanup()
            reader.held.clear()
        if self.producer is not None:
            self.producer.cleanup()
        clean_pools()


def test_any_sequence_of_calls_agrees_with_the_model() -> None:
    run_state_machine_as_test(
        ProducerAndStreams, settings=settings(max_examples=120, stateful_step_count=40, deadline=None)
    )

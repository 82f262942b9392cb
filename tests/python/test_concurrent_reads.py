"""Reads while a producer in another process publishes at full speed: no sample is torn or out of order."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymorph_ipc import TensorProducer, TensorStream

from support.frames import number_of, numbered, numbers_of
from support.observe import mappings_under
from support.processes import TESTS, Spawner

pytestmark = pytest.mark.any_python

PUBLISHER = TESTS / "programs" / "publisher.py"


@contextmanager
def running_producer(
    spawn: Spawner, shape: str, slots: str = "8", how: str = "run", environment: dict[str, str] | None = None
) -> Iterator[None]:
    """A child that publishes frames filled with their sequence number at full speed."""
    child = spawn(PUBLISHER, shape, environment=environment)
    child.expect("ready")
    child.send(f"open cam {slots}")
    child.expect("opened")
    child.send(how)
    child.expect({"run": "running", "fill": "filling"}[how])
    yield
    child.signal(signal.SIGINT)
    child.fail_with(-signal.SIGINT)


def is_in_the_pool(array: NDArray[Any], folder: Path) -> bool:
    """Whether every byte of an array is in mapped pages of the pool file."""
    ranges = []
    for line in mappings_under(folder):
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        assert match is not None
        ranges.append((int(match[1], 16), int(match[2], 16)))
    low, high = np.lib.array_utils.byte_bounds(array) if hasattr(np.lib, "array_utils") else np.byte_bounds(array)
    for begin, end in sorted(ranges):
        if begin <= low < end:
            low = min(end, high)
    return low == high


def test_every_history_is_a_view_of_the_pool_across_wrap_around(pool_folder: Path) -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0), history_len=5) as producer,
        TensorStream("cam") as stream,
    ):
        for number in range(1, 5 * producer.slot_count):
            producer.publish(numbered(number))
            count = min(number, 5)
            history, info = stream.get_history(count, return_info=True)
            assert not info.copied
            assert is_in_the_pool(history, pool_folder)
            assert numbers_of(history) == list(range(number - count + 1, number + 1))
            assert len({history.strides[0]}) == 1
            assert not history.flags.writeable
        assert not is_in_the_pool(stream.get_history(3, copy=True), pool_folder)


def test_get_all_new_returns_a_view_of_the_pool(pool_folder: Path) -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=6) as producer, TensorStream("cam") as stream:
        number = 0
        for size in (1, 2, 3, 4, 5, 6) * 6:
            for _ in range(size):
                number += 1
                producer.publish(numbered(number))
            batch, info = stream.get_all_new(return_info=True)
            assert not info.copied
            assert is_in_the_pool(batch, pool_folder)
            assert numbers_of(batch) == list(range(number - size + 1, number + 1))


def test_history_across_growth_is_copied_only_with_a_held_slot_between(pool_folder: Path) -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0, (8, 512)), history_len=4, spare=1) as producer,
        TensorStream("cam") as stream,
        TensorStream("cam") as hoarder,
    ):
        slots, held = producer.slot_count, []

        def publish_and_read(numbers: range) -> list[bool]:
            copied = []
            for number in numbers:
                producer.publish(numbered(number, (8, 512)))
                if 50 < number <= 150 and number % 13 == 0:
                    held.append((number, hoarder.get_last()))
                history, info = stream.get_history(min(number, 4), return_info=True)
                assert numbers_of(history) == list(range(max(1, number - 3), number + 1))
                assert is_in_the_pool(history, pool_folder) is not info.copied
                copied.append(info.copied)
            return copied

        assert not any(publish_and_read(range(1, 51))), "no slot is held, so no run is broken"
        publish_and_read(range(51, 151))
        assert producer.slot_count > slots
        assert len(held) == 8
        assert all(number_of(frame) == number for number, frame in held)
        held.clear()
        publish_and_read(range(151, 151 + 2 * producer.slot_count))
        assert not any(publish_and_read(range(151 + 2 * producer.slot_count, 251))), "no run is broken any more"


def test_histories_are_consecutive_and_unchanged_while_the_producer_runs(spawn: Spawner) -> None:
    with running_producer(spawn, "32x128"), TensorStream("cam") as stream:
        assert number_of(stream.get_new(timeout=20)) >= 1
        held: list[tuple[list[int], Any]] = []
        newest = uncopied = 0
        for _ in range(1500):
            history, info = stream.get_history(6, pad="repeat", return_info=True)
            seqs = info.seq.tolist()
            assert numbers_of(history) == seqs
            if not info.copied:
                assert seqs == list(range(seqs[0], seqs[0] + 6))
            assert seqs[-1] >= newest, "a stream never goes backwards"
            newest = seqs[-1]
            uncopied += not info.copied
            held.append((seqs, history))
            if len(held) > 5:
                for old_seqs, old in held:
                    assert numbers_of(old) == old_seqs, "a held history must not change"
                held.clear()
        assert newest > 1500, "the producer ran at the same time"
        assert uncopied > 0


@pytest.mark.parametrize("read", ["get_last", "get_new", "get_next", "get_all_new"])
def test_every_read_is_intact_and_newer_while_the_producer_runs(spawn: Spawner, read: str) -> None:
    with running_producer(spawn, "32x128"), TensorStream("cam") as stream:
        newest = reads = 0
        while reads < 800:
            if read == "get_all_new":
                batch, info = stream.get_all_new(return_info=True)
                if batch is None:
                    continue
                seqs = info.seq.tolist()
                assert numbers_of(batch) == seqs
            else:
                frame, info = getattr(stream, read)(return_info=True)
                if frame is None:
                    continue
                seqs = [info.seq]
                assert number_of(frame) == info.seq
            if read != "get_last":
                assert seqs[0] > newest
            assert seqs == list(range(seqs[0], seqs[-1] + 1))
            assert seqs[0] >= newest
            if read in ("get_next", "get_all_new"):
                assert seqs[0] == newest + info.dropped + 1 or newest == 0
            newest = seqs[-1]
            reads += 1


@pytest.mark.parametrize("read", ["get_last", "get_next", "get_history"])
def test_constantly_overrun_stream_never_sees_a_slot_change(spawn: Spawner, read: str) -> None:
    """Page-sized frames in few slots: the producer may write every slot several times during one read."""
    slots = "2 8" if read == "get_history" else "2 2"  # the fewest possible slots for the held views
    with running_producer(spawn, "504", slots=slots), TensorStream("cam") as stream:
        assert number_of(stream.get_new(timeout=20)) >= 1
        for _ in range(40_000):
            if read == "get_history":
                frames, info = stream.get_history(2, return_info=True)
                assert frames is None or (frames == info.seq[:, None]).all()
            else:
                frame, info = getattr(stream, read)(return_info=True)
                assert (frame == info.seq).all()


# glibc copies large blocks with streaming stores, which a release store does not order. This lowers the threshold to
# 16 KiB; by default it depends on the size of the machine's caches.
STREAMING_STORES = {"GLIBC_TUNABLES": "glibc.cpu.x86_non_temporal_threshold=16448"}


@pytest.mark.parametrize("how", ["run", "fill"], ids=["published", "filled in place"])
def test_frames_copied_with_streaming_stores_are_never_torn(spawn: Spawner, how: str) -> None:
    with (
        running_producer(spawn, "256x1024", slots="3", how=how, environment=STREAMING_STORES),
        TensorStream("cam") as stream,
    ):
        newest = 0
        for _ in range(300):
            frame, info = stream.get_new(timeout=20, return_info=True)
            # the bytes that were stored last are checked first
            assert int(frame[-1, -1]) == info.seq
            assert number_of(frame) == info.seq > newest
            newest = info.seq


def test_ten_concurrent_streams_see_no_torn_frame(spawn: Spawner) -> None:
    consumer = """
        import numpy as np
        from polymorph_ipc import TensorStream
        with TensorStream("cam") as stream:
            newest = 0
            for _ in range(60):
                frame, info = stream.get_new(timeout=20, return_info=True)
                assert np.unique(frame).tolist() == [info.seq]
                history, infos = stream.get_history(3, pad="repeat", return_info=True)
                assert [np.unique(each).tolist() for each in history] == [[seq] for seq in infos.seq]
                assert info.seq > newest
                newest = info.seq
        send("intact")
    """
    with running_producer(spawn, "64x64"):
        consumers = [spawn(consumer) for _ in range(10)]
        assert [child.succeed() for child in consumers] == [["intact"]] * 10

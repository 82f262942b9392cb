"""Held views: they never change, outlive handles and pools, and cost the producer bounded memory."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import PoolFullError, TensorProducer, TensorStream, inspect_pool, remove_pool

from support.frames import number_of, numbered, numbers_of
from support.observe import mappings_under, the_pool_file
from support.processes import Spawner

HISTORY_LEN = 10
SPARE = 3
PAGE_FRAME = (8, 512)  # 32 KiB of int64: whole pages, so that the pool grows by one slot at a time


def test_hoarding_consumer_gets_copies_after_seven_views() -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0, PAGE_FRAME), history_len=HISTORY_LEN) as producer,
        TensorStream("cam") as stream,
    ):
        frames, copied = [], []
        for number in range(1, 501):
            assert producer.publish(numbered(number, PAGE_FRAME)) == number
            frame, info = stream.get_new(timeout=0, return_info=True)
            frames.append(frame)
            copied.append(info.copied)
        assert numbers_of(frames) == list(range(1, 501)), "every held frame is intact"
        assert copied == [False] * 7 + [True] * 493
        assert stream.stats["copies"] == 493
        assert stream.stats["views_held"] == 7
        assert producer.slot_count <= HISTORY_LEN + SPARE + 7
        (reader,) = producer.readers()
        assert (reader.copies, reader.pinned_slots, reader.oldest_pin_seq) == (493, 7, 1)

        frames.clear()
        producer.publish(numbered(501, PAGE_FRAME))
        frame, info = stream.get_new(timeout=0, return_info=True)
        assert not info.copied, "reads return views again when the old views are released"


def test_consumers_that_hold_histories_cost_bounded_memory() -> None:
    with TensorProducer.from_sample("cam", numbered(0, PAGE_FRAME), history_len=HISTORY_LEN) as producer:
        with TensorStream("cam") as one, TensorStream("cam") as other:
            kept: list[tuple[int, Any]] = []
            for number in range(1, 20 * HISTORY_LEN + 1):
                producer.publish(numbered(number, PAGE_FRAME))
                if number % HISTORY_LEN == 0:  # no two histories of a stream have a sample in common
                    kept += [(number, stream.get_history(HISTORY_LEN)) for stream in (one, other)]
            for number, history in kept:
                assert numbers_of(history) == list(range(number - HISTORY_LEN + 1, number + 1))
            # a stream may pin history_len + 8 slots and one more whole window before it gets copies
            most_per_stream = HISTORY_LEN + 8 + HISTORY_LEN
            assert producer.slot_count <= HISTORY_LEN + SPARE + 2 * most_per_stream
            file_bytes = inspect_pool("cam").file_nbytes
            assert file_bytes < (producer.slot_count + 8) * 1.5 * numbered(0, PAGE_FRAME).nbytes


def test_hoarder_without_growth_costs_history_but_not_the_newest() -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0, PAGE_FRAME), history_len=4, spare=2, grow=False) as producer,
        TensorStream("cam") as stream,
    ):
        slots = producer.slot_count
        kept = []
        for number in range(1, 60):
            producer.publish(numbered(number, PAGE_FRAME))
            if number % 3 == 0 and len(kept) < 4:
                kept.append((number, stream.get_last()))
            assert number_of(stream.get_last()) == number
        assert all(number_of(frame) == number for number, frame in kept)
        assert producer.slot_count == slots


def test_publish_into_a_full_pool_without_growth_names_the_holder() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=1, spare=2, grow=False) as producer:
        slots = producer.slot_count
        streams = [TensorStream("cam") for _ in range(1 + slots // 7)]
        kept = []
        with pytest.raises(PoolFullError) as refusal:
            for number in range(1, slots + 3):
                producer.publish(numbered(number))
                stream = streams[(number - 1) // 7]
                kept.append(stream.get_last())
        assert str(os.getpid()) in str(refusal.value)
        assert numbers_of(kept) == list(range(1, len(kept) + 1)), "the held frames are intact"
        assert number_of(streams[0].get_last()) == len(kept), "the newest sample is still in the pool"
        assert len(kept) == slots
        kept.clear()
        assert producer.publish(numbered(1000)) == slots + 1
        for stream in streams:
            stream.cleanup()


def test_sixty_fifth_stream_is_refused_with_the_connected_pids(spawn: Spawner) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        child = spawn(
            """
    from polymorph_ipc import TensorStream
    streams = [TensorStream("cam") for _ in range(32)]
    assert all(stream.connected for stream in streams)
    send("connected")
    receive()
    """
        )
        child.expect("connected")
        streams = [TensorStream("cam") for _ in range(32)]
        assert all(number_of(stream.get_last()) == 1 for stream in streams)
        with pytest.raises(PoolFullError) as refusal, TensorStream("cam") as extra:
            extra.get_last()
        assert str(os.getpid()) in str(refusal.value)
        assert str(child.pid) in str(refusal.value)
        assert len([reader for reader in producer.readers() if reader.alive]) == 64
        streams.pop().cleanup()
        with TensorStream("cam") as successor:
            assert number_of(successor.get_last()) == 1
        for stream in streams:
            stream.cleanup()
        child.send("end")
        child.succeed()


def test_slot_is_pinned_until_the_last_reference_to_a_view_ends(pool_folder: Path) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        frame = stream.get_last()
        assert stream.stats["views_held"] == 1
        part = frame[1:3, ::2]
        del frame
        assert stream.stats["views_held"] == 1, "a slice keeps the slot"
        through_buffer = memoryview(part)
        del part
        assert stream.stats["views_held"] == 1, "a memoryview keeps the slot"
        as_array = np.asarray(through_buffer)
        del through_buffer
        for number in range(2, 60):
            producer.publish(numbered(number))
        assert number_of(as_array) == 1
        del as_array
        gc.collect()
        assert stream.stats["views_held"] == 0


def test_arrays_outlive_stream_producer_pool_and_folder(pool_folder: Path) -> None:
    producer = TensorProducer.from_sample("cam", numbered(0), history_len=4)
    stream = TensorStream("cam")
    for number in range(1, 7):
        producer.publish(numbered(number))
    frame, history = stream.get_last(), stream.get_history(3)
    stream.cleanup()
    for number in range(7, 40):
        producer.publish(numbered(number))
    assert (number_of(frame), numbers_of(history)) == (6, [4, 5, 6])
    producer.cleanup()
    del stream, producer
    gc.collect()
    shutil.rmtree(pool_folder)
    assert (number_of(frame), numbers_of(history)) == (6, [4, 5, 6])
    assert mappings_under(pool_folder), "the arrays are still views"
    del frame, history
    gc.collect()
    assert not mappings_under(pool_folder)
    pool_folder.mkdir()


def test_array_outlives_a_collected_stream_and_a_killed_producer(spawn: Spawner) -> None:
    child = spawn(
        """
    import numpy as np
    from polymorph_ipc import TensorProducer
    producer = TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64))
    producer.publish(np.full((4, 8), 1))
    send("published")
    receive()
    """
    )
    child.expect("published")

    def last_frame() -> Any:
        return TensorStream("cam").get_last()

    frame = last_frame()
    gc.collect()
    child.kill()
    with TensorProducer.from_sample("cam", numbered(0)) as successor:
        for number in range(2, 60):
            assert successor.publish(numbered(number)) == number
        assert number_of(frame) == 1
    assert number_of(frame) == 1


def test_views_of_a_replaced_pool_stay_intact() -> None:
    with TensorStream("cam") as stream:
        kept = []
        for generation in range(1, 6):
            with TensorProducer.from_sample("cam", numbered(0)) as producer:
                producer.publish(numbered(generation))
                kept.append(stream.get_new(timeout=0))
        assert numbers_of(kept) == [1, 2, 3, 4, 5]
        assert stream.stats["reconnects"] == 4


def test_views_outlive_a_pool_removed_by_force(pool_folder: Path) -> None:
    producer = TensorProducer.from_sample("cam", numbered(0))
    producer.publish(numbered(1))
    with TensorStream("cam") as stream:
        frame = stream.get_last()
        del producer
        gc.collect()
        remove_pool("cam", force=True)
        assert stream.get_last() is None
        assert number_of(frame) == 1


def test_producer_and_stream_close_in_any_order_with_held_views(pool_folder: Path) -> None:
    for order in range(6):
        producer = TensorProducer.from_sample("cam", numbered(0))
        stream = TensorStream("cam")
        producer.publish(numbered(order))
        frame = stream.get_last()
        closers = [producer.cleanup, stream.cleanup, lambda: None]
        for index in ([0, 1], [1, 0], [0, 1, 0, 1], [1, 1, 0], [0, 2, 1], [1, 2, 0])[order]:
            closers[index]()
        assert number_of(frame) == order
        del frame, closers
        gc.collect()
        assert mappings_under(pool_folder) == []


def test_connected_streams_follow_a_growing_pool(pool_folder: Path) -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0, PAGE_FRAME), history_len=2, spare=1) as producer,
        TensorStream("cam") as hoarder,
        TensorStream("cam") as other,
    ):
        size = the_pool_file(pool_folder).stat().st_size
        slots = producer.slot_count
        kept = []
        for number in range(1, 40):
            producer.publish(numbered(number, PAGE_FRAME))
            if number <= 7:
                kept.append(hoarder.get_last())
            assert number_of(other.get_new(timeout=0)) == number
            assert numbers_of(other.get_history(min(number, 2))) == list(range(max(1, number - 1), number + 1))
        assert producer.slot_count > slots
        assert the_pool_file(pool_folder).stat().st_size > size
        assert numbers_of(kept) == [1, 2, 3, 4, 5, 6, 7]

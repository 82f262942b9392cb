"""Handles shared between threads; producer and stream in one process."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import ClosedError, TensorProducer, TensorStream, WrongStateError, wait_any

from support.frames import number_of, numbered, numbers_of
from support.observe import wait_until

THREADS = 8


def run_in_threads(work: Callable[[int], None], count: int = THREADS) -> None:
    """Run `work(0)`, `work(1)`, ... in parallel threads. Raises the first error of any of them."""
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def guarded(index: int) -> None:
        try:
            start.wait(20)
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors.pop(0)


def test_eight_threads_on_one_stream_get_each_sample_once() -> None:
    count = 400
    with TensorProducer.from_sample("cam", numbered(0), history_len=count) as producer, TensorStream("cam") as stream:
        taken: list[list[int]] = [[] for _ in range(THREADS)]

        def work(index: int) -> None:
            if index == 0:
                for number in range(1, count + 1):
                    producer.publish(numbered(number))
            while (frame := stream.get_next(timeout=0.3)) is not None:
                taken[index].append(number_of(frame))

        run_in_threads(work)
        assert sorted(number for each in taken for number in each) == list(range(1, count + 1))
        assert all(each == sorted(each) for each in taken)


def test_eight_threads_mix_all_reads_on_one_stream() -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0, (16, 16)), history_len=6) as producer,
        TensorStream("cam") as stream,
    ):
        producer.publish(numbered(1, (16, 16)))
        stop = threading.Event()

        def publish() -> None:
            while not stop.is_set():
                with producer.loan() as frame:
                    frame.data[:] = frame.seq

        def read(index: int) -> None:
            kept: list[tuple[int, Any]] = []
            out = numbered(0, (16, 16))
            for turn in range(250):
                which = (turn + index) % 6
                if which == 0:
                    frame, info = stream.get_last(return_info=True)
                    assert number_of(frame) == info.seq
                    kept = [*kept[-2:], (info.seq, frame)]
                elif which == 1:
                    frame, info = stream.get_new(timeout=0, return_info=True)
                    assert frame is None or number_of(frame) == info.seq
                elif which == 2:
                    history, info = stream.get_history(3, pad="repeat", return_info=True)
                    assert numbers_of(history) == info.seq.tolist()
                elif which == 3:
                    number_of(stream.get_last(out=out))
                elif which == 4:
                    assert stream.connected
                    assert stream.producer_alive
                    assert stream.stats["views_held"] <= 7
                else:
                    assert wait_any([stream], timeout=20) == [stream]
                assert all(number_of(frame) == seq for seq, frame in kept)

        producing = threading.Thread(target=publish)
        producing.start()
        try:
            run_in_threads(read)
        finally:
            stop.set()
            producing.join(20)
        assert stream.stats["views_held"] == 0


def test_one_sample_wakes_all_threads_and_one_gets_it() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        given: list[int] = []

        def work(index: int) -> None:
            if index == 0:
                producer.publish(numbered(5))
            frame = stream.get_new(timeout=0.5)
            if frame is not None:
                given.append(number_of(frame))

        run_in_threads(work)
        assert given == [5]


def test_threads_on_one_producer_publish_one_after_another() -> None:
    with TensorProducer.from_sample("cam", numbered(0, (64, 64)), history_len=200) as producer:
        with TensorStream("cam") as stream:
            seqs: list[list[int]] = [[] for _ in range(THREADS)]

            def work(index: int) -> None:
                for _ in range(25):
                    seqs[index].append(producer.publish(numbered(index, (64, 64))))

            run_in_threads(work)
            assert sorted(seq for each in seqs for seq in each) == list(range(1, THREADS * 25 + 1))
            history, info = stream.get_history(200, return_info=True)
            by_seq = {seq: index for index, each in enumerate(seqs) for seq in each}
            assert numbers_of(history) == [by_seq[seq] for seq in info.seq.tolist()]


@pytest.mark.parametrize("pause", ["strided, copied under the gate", "contiguous, copied without the GIL"])
def test_thread_that_publishes_constantly_does_not_block_others(pause: str) -> None:
    """Waiting threads get the producer in the order of their calls, so cleanup() also gets its turn."""
    image = np.zeros((480, 640, 3), np.uint8)
    if pause.startswith("strided"):
        image = np.zeros((640, 480, 3), np.uint8).transpose(1, 0, 2)
    producer = TensorProducer.from_sample("cam", image)
    stop = threading.Event()

    def publish() -> None:
        with contextlib.suppress(ClosedError):
            while not stop.is_set():
                producer.publish(image)

    def read() -> None:
        with TensorStream("cam") as stream:
            while not stop.is_set():
                stream.get_history(3, pad="zeros", copy=True)

    def call() -> None:
        for _ in range(5):
            producer.publish(image)
        producer.cleanup()

    threads = [threading.Thread(target=work) for work in (publish, publish, read)]
    calling = threading.Thread(target=call)
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: producer.seq >= 10, what="ten samples")
        calling.start()
        calling.join(5)
        assert not calling.is_alive(), "no turn for 5 s"
    finally:
        stop.set()
        for thread in (*threads, calling):
            thread.join(20)


def test_loans_of_several_threads_never_overlap() -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=200) as producer, TensorStream("cam") as stream:
        refused = [0] * THREADS

        def work(index: int) -> None:
            done = 0
            while done < 25:
                try:
                    with producer.loan() as frame:
                        frame.data[:] = index
                except WrongStateError:
                    refused[index] += 1
                else:
                    done += 1

        run_in_threads(work)
        assert producer.seq == THREADS * 25
        assert all(0 <= number < THREADS for number in numbers_of(stream.get_history(200)))


def test_streams_are_made_and_closed_by_eight_threads_at_once() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))

        def work(_: int) -> None:
            for _ in range(30):
                with TensorStream("cam") as stream:
                    assert number_of(stream.get_last()) == 1

        run_in_threads(work)
        assert [reader for reader in producer.readers() if reader.alive] == []


def test_views_can_be_dropped_by_other_threads() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        views: list[Any] = []

        def work(index: int) -> None:
            for _ in range(200):
                if index == 0:
                    producer.publish(numbered(producer.seq + 1))
                elif index % 2:
                    frame = stream.get_last()
                    if frame is not None:
                        views.append(frame)
                elif views:
                    try:
                        number_of(views.pop())
                    except IndexError:
                        continue

        run_in_threads(work)
        assert all(number_of(frame) > 0 for frame in views)
        views.clear()
        assert stream.stats["views_held"] == 0


def test_waiting_thread_does_not_block_publishing() -> None:
    """A waiting stream releases the GIL, so other threads of its process can publish."""
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        results: list[Any] = []
        consumer = threading.Thread(target=lambda: results.append(stream.get_new(timeout=60)))
        consumer.start()
        producer.publish(numbered(1))
        consumer.join(20)
        assert not consumer.is_alive()
        assert number_of(results.pop()) == 1


def test_cleanup_while_threads_publish_and_read_does_not_crash() -> None:
    for _ in range(10):
        producer = TensorProducer.from_sample("cam", numbered(0, (200, 200)))
        stream = TensorStream("cam")
        closed: list[int] = []

        def work(
            index: int,
            producer: TensorProducer = producer,
            stream: TensorStream = stream,
            closed: list[int] = closed,
        ) -> None:
            if index == 0:
                while producer.seq < 20:
                    continue
                producer.cleanup()
            elif index < 4:
                try:
                    while True:
                        producer.publish(np.full((200, 200), 7))
                except ClosedError:
                    closed.append(index)
            else:
                while not producer.closed:
                    frame = stream.get_last()
                    assert frame is None or number_of(frame) == 7

        run_in_threads(work)
        assert sorted(closed) == [1, 2, 3]
        stream.cleanup()


LARGE = numbered(0, (1024, 1024))

COPIES: dict[str, Callable[[TensorProducer, TensorProducer, TensorStream], object]] = {
    "publish": lambda producer, _, stream: producer.publish(LARGE),
    "publish of a strided array": lambda producer, _, stream: producer.publish(LARGE.T),
    "publish of a dict": lambda _, fields, stream: fields.publish({"a": LARGE, "b": LARGE}),
    "get_last(copy=True)": lambda producer, _, stream: stream.get_last(copy=True),
    "get_history(copy=True)": lambda producer, _, stream: stream.get_history(2, copy=True),
    "get_last(out=)": lambda producer, _, stream: stream.get_last(out=np.empty_like(LARGE)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_other_threads_run_during_large_copies(copy: str) -> None:
    """The interpreter does not switch threads by itself here: another thread runs only when a call releases the GIL."""
    counted = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal counted
        while not stop.is_set():
            counted += 1
            time.sleep(0)  # releases the GIL

    counting = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    with (
        TensorProducer.from_sample("cam", LARGE, history_len=2) as producer,
        TensorProducer.from_sample("fields", {"a": LARGE, "b": LARGE}, history_len=1) as fields,
        TensorStream("cam") as stream,
    ):
        producer.publish(LARGE)
        producer.publish(LARGE)
        counting.start()
        sys.setswitchinterval(100)
        try:
            ran = False
            for _ in range(200):
                before = counted
                COPIES[copy](producer, fields, stream)
                ran = counted > before
                if ran:
                    break
        finally:
            sys.setswitchinterval(interval)
            stop.set()
            counting.join(20)
    assert ran, "no other thread ran during 200 copies of 8 MB"

"""fork with open handles and held arrays: the child never acts for its parent, and every array stays intact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, clean_pools

from support.observe import pool_files, wait_until
from support.processes import Spawner

FORK = """
    import gc, os, sys, traceback
    import numpy as np
    from polymorph_ipc import ForkedError, PolymorphError, TensorProducer, TensorStream

    def frame(number):
        return np.full((4, 8), number)

    def number(array):
        # not np.unique, which imports at its first call: a fork may catch another thread in the middle of that import
        assert (array == array.flat[0]).all(), array
        return int(array.flat[0])

    producer = TensorProducer.from_sample("cam", frame(0), history_len=4)
    stream = TensorStream("cam")
    for n in range(1, 7):
        producer.publish(frame(n))
    first, history = stream.get_last(), stream.get_history(3)

    def in_child(work):
        # run `work` in a forked child, which then exits normally; returns its pid
        pid = os.fork()
        if pid == 0:
            try:
                work()
            except Exception:
                traceback.print_exc()
                os._exit(1)
            sys.exit(0)
        return pid

    def wait_for(pid):
        status = os.waitpid(pid, 0)[1]
        assert status == 0, status

    def overwrite_free_slots():
        for _ in range(60):
            producer.publish(frame(producer.seq + 1))
"""


def run(spawn: Spawner, body: str) -> list[str]:
    return spawn(FORK + body).succeed()


def test_exit_of_a_forked_child_keeps_the_parents_pins(spawn: Spawner) -> None:
    run(
        spawn,
        """
    def work():
        assert number(first) == 6
        assert [number(each) for each in history] == [4, 5, 6]
    wait_for(in_child(work))
    overwrite_free_slots()
    assert number(first) == 6
    assert [number(each) for each in history] == [4, 5, 6]
    assert stream.stats["views_held"] == 2
    assert number(stream.get_last()) == producer.seq
    """,
    )


def test_forked_child_that_drops_inherited_objects_keeps_the_parents_pins(spawn: Spawner) -> None:
    run(
        spawn,
        """
    def work():
        global first, history, stream, producer
        del first, history, stream, producer
        gc.collect()
    wait_for(in_child(work))
    overwrite_free_slots()
    assert number(first) == 6
    assert [number(each) for each in history] == [4, 5, 6]
    del first, history
    gc.collect()
    assert stream.stats["views_held"] == 0
    """,
    )


def test_forked_childs_arrays_stay_intact_after_the_parent_drops_its_own(spawn: Spawner) -> None:
    run(
        spawn,
        """
    read_end, write_end = os.pipe()
    def work():
        os.close(write_end)
        assert os.read(read_end, 1) == b"!"
        assert number(first) == 6
        assert [number(each) for each in history] == [4, 5, 6]
    pid = in_child(work)
    del first, history
    gc.collect()
    overwrite_free_slots()
    os.write(write_end, b"!")
    wait_for(pid)
    overwrite_free_slots()
    """,
    )


def test_forked_childs_arrays_stay_intact_after_the_parent_is_killed(spawn: Spawner) -> None:
    child = spawn(
        FORK
        + """
    read_end, write_end = os.pipe()
    def work():
        os.close(write_end)
        assert os.read(read_end, 1) == b""  # the parent has ended
        with TensorProducer.from_sample("cam", frame(0), history_len=4) as successor:
            for n in range(60):
                successor.publish(frame(100 + n))
        assert number(first) == 6
        assert [number(each) for each in history] == [4, 5, 6]
        send("intact")
    in_child(work)
    os.kill(os.getpid(), 9)
    """
    )
    child.expect("intact")
    child.fail_with(-9)


def test_slots_pinned_by_a_forked_child_are_freed_when_it_ends(spawn: Spawner) -> None:
    """The pool must not grow with every forked child."""
    run(
        spawn,
        """
    sizes = []
    for _ in range(30):
        wait_for(in_child(lambda: None))
        del first
        overwrite_free_slots()
        first = stream.get_last()
        sizes.append(producer.slot_count)
    assert sizes[-1] <= sizes[9], sizes
    """,
    )


def test_forked_child_cannot_publish_on_the_parents_producer(spawn: Spawner) -> None:
    run(
        spawn,
        """
    def work():
        for call in (lambda: producer.publish(frame(666)), producer.loan):
            try:
                call()
                raise AssertionError("no error was raised")
            except ForkedError:
                pass
        producer.cleanup()
    wait_for(in_child(work))
    assert producer.publish(frame(7)) == 7
    assert number(stream.get_last()) == 7
    """,
    )


def test_forked_childs_stream_keeps_the_schema(spawn: Spawner) -> None:
    run(
        spawn,
        """
    from polymorph_ipc import SchemaMismatchError
    read_end, write_end = os.pipe()
    def work():
        os.read(read_end, 1)
        try:
            stream.get_last()
            raise AssertionError("a stream of int64 read float64")
        except SchemaMismatchError as error:
            assert "float64 (4, 8)" in str(error), error
    child = in_child(work)
    producer.cleanup()
    with TensorProducer.from_sample("cam", np.zeros((4, 8))) as successor:
        successor.publish(np.ones((4, 8)))
        os.write(write_end, b"!")
        wait_for(child)
    """,
    )


def test_forked_childs_stream_reopens_with_the_same_cursor(spawn: Spawner) -> None:
    run(
        spawn,
        """
    read_end, write_end = os.pipe()
    def work():
        assert stream.get_new(timeout=0) is None, "sample 6 was returned before the fork"
        os.write(write_end, b"!")
        assert number(stream.get_new(timeout=20)) == 7
        assert number(stream.get_last()) == 7
        stream.cleanup()
    pid = in_child(work)
    assert os.read(read_end, 1) == b"!"
    producer.publish(frame(7))
    assert number(stream.get_new(timeout=0)) == 7
    wait_for(pid)
    assert stream.connected
    producer.publish(frame(8))
    assert number(stream.get_new(timeout=0)) == 8
    """,
    )


def test_forked_child_can_open_its_own_handles(spawn: Spawner) -> None:
    run(
        spawn,
        """
    def work():
        with TensorProducer.from_sample("answers", frame(0)) as answers, TensorStream("cam") as mine:
            answers.publish(frame(number(mine.get_last())))
            with TensorStream("answers") as read_back:
                assert number(read_back.get_last()) == 6
        try:
            TensorProducer.from_sample("cam", frame(0), history_len=4)
            raise AssertionError("a second producer was opened")
        except PolymorphError:
            pass
    wait_for(in_child(work))
    assert producer.publish(frame(7)) == 7
    """,
    )


def test_pool_of_a_killed_parent_can_be_adopted_while_a_forked_child_runs(spawn: Spawner) -> None:
    """The child inherited the descriptor with the lock; it must not keep the dead parent's pool busy."""
    child = spawn(
        FORK
        + """
    read_end, write_end = os.pipe()
    def work():
        os.close(write_end)
        assert os.read(read_end, 1) == b""  # the parent has ended
        with TensorProducer.from_sample("cam", frame(0), history_len=4) as successor:
            send("adopted at", successor.publish(frame(7)))
    in_child(work)
    os.kill(os.getpid(), 9)
    """
    )
    assert child.expect("adopted at") == "7"
    child.fail_with(-9)


def test_row_of_a_killed_parent_is_freed_while_a_forked_child_runs(spawn: Spawner) -> None:
    """The child inherited the descriptor with the lock of its parent's row; the row must not outlive the parent."""
    with TensorProducer.from_sample("other", np.zeros((4, 8), np.int64)) as producer:
        producer.publish(np.ones((4, 8), np.int64))
        child = spawn(
            FORK
            + """
    reader = TensorStream("other")
    kept = reader.get_last()
    read_end, write_end = os.pipe()
    def work():
        os.close(write_end)
        os.read(read_end, 1)  # until the parent has ended
        send("parent ended")
        receive()
        assert number(kept) == 1
    in_child(work)
    send("forked")
    receive()
    os.kill(os.getpid(), 9)
    """
        )
        child.expect("forked")
        assert len({reader.pid for reader in producer.readers() if reader.alive}) == 2
        child.send("end the parent")
        child.expect("parent ended")
        wait_until(lambda: child.pid not in {reader.pid for reader in producer.readers() if reader.alive})
        assert len([reader for reader in producer.readers() if reader.alive]) == 1, (
            "the row of the forked child, for the view that it holds"
        )
        for _ in range(60):
            producer.publish(np.zeros((4, 8), np.int64))
        child.send("check")
        child.fail_with(-9)
    clean_pools()


def test_killed_forked_child_does_not_affect_its_parent(spawn: Spawner, pool_folder: Path) -> None:
    run(
        spawn,
        """
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
    overwrite_free_slots()
    assert number(first) == 6
    assert number(stream.get_last()) == producer.seq
    """,
    )
    assert pool_files(pool_folder) == []


def test_fork_while_other_threads_read_and_publish_does_not_deadlock(spawn: Spawner) -> None:
    run(
        spawn,
        """
    import threading
    stop = threading.Event()
    failures = []
    def read():
        with TensorStream("cam") as mine:
            while not stop.is_set():
                taken = mine.get_new(timeout=0.01)
                if taken is not None and not (taken == taken.flat[0]).all():
                    failures.append(taken)
    def reopen():
        while not stop.is_set():
            with TensorStream("cam") as mine:
                mine.get_last()
    def publish():
        while not stop.is_set():
            producer.publish(frame(producer.seq + 1))
    threads = [threading.Thread(target=work) for work in (read, reopen, publish)]
    for thread in threads:
        thread.start()
    def work():
        assert number(first) == 6
        with TensorStream("cam") as mine:
            assert mine.get_last() is not None
        assert stream.get_last() is not None
        os._exit(0)
    for _ in range(60):
        wait_for(in_child(work))
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert number(first) == 6
    """,
    )


@pytest.mark.parametrize("how", ["views", "handles"])
def test_grandchildren_of_a_fork_keep_arrays_intact(spawn: Spawner, how: str) -> None:
    act = {"views": "assert number(first) == 6", "handles": "assert number(stream.get_last()) >= 6"}[how]
    run(
        spawn,
        f"""
    def grandchild():
        {act}
    def work():
        {act}
        wait_for(in_child(grandchild))
        {act}
    wait_for(in_child(work))
    overwrite_free_slots()
    assert number(first) == 6
    """,
    )

"""Every orderly exit of a process removes the pools of its producers; a killed process leaves them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from polymorph_ipc import ClosedError, TensorProducer, TensorStream, clean_pools, list_pools, remove_pool

from support.frames import number_of, numbered
from support.observe import pool_files
from support.processes import Child, Spawner

OPEN = """
    import gc, os, signal, sys, threading
    import numpy as np
    from polymorph_ipc import TensorProducer, TensorStream

    def opened(**options):
        producer = TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64), **options)
        producer.publish(np.full((4, 8), 1))
        send("open")
        receive()
        return producer
"""

ENDINGS = {
    "falling off the end": ("producer = opened()", 0),
    "return from main": (
        """
    def main():
        producer = opened()
        return 3
    sys.exit(main())
    """,
        3,
    ),
    "sys.exit": ("producer = opened(); sys.exit(4)", 4),
    "uncaught exception": ("producer = opened(); raise ValueError('on purpose')", 1),
    "function-local producer collected before the end": (
        """
    def main():
        producer = opened()
    main()
    gc.collect()
    """,
        0,
    ),
    "a producer opened by a thread": (
        """
    thread = threading.Thread(target=opened)
    thread.start()
    thread.join()
    """,
        0,
    ),
    "with statement": ("with opened() as producer: pass", 0),
    "exception inside a with statement": ("with opened() as producer: raise ValueError('on purpose')", 1),
    "cleanup called twice and then the end": ("producer = opened(); producer.cleanup(); producer.cleanup()", 0),
    "handle kept alive by a cycle": ("producer = opened(); cycle = [producer]; cycle.append(cycle)", 0),
    "with a loan out": ("producer = opened(); loan = producer.loan(); frame = loan.__enter__()", 0),
    "with a stream and views alive": (
        "producer = opened(); stream = TensorStream('cam'); frame = stream.get_last(); history = stream.get_history(1)",
        0,
    ),
}


# The producer is collected; the process continues.
COLLECT = """
    def main():
        producer = opened()
    main()
    gc.collect()
    send("collected")
    receive()
"""


def started(spawn: Spawner, body: str) -> Child:
    child = spawn(OPEN + "\n    " + body)
    child.expect("open")
    return child


def with_a_collected_producer(spawn: Spawner, then: str = "") -> Child:
    child = started(spawn, COLLECT + then)
    child.send("continue")
    child.expect("collected")
    return child


@pytest.mark.parametrize("ending", ENDINGS)
def test_orderly_exit_removes_the_pool(spawn: Spawner, pool_folder: Path, ending: str) -> None:
    body, code = ENDINGS[ending]
    child = started(spawn, body)
    assert len(pool_files(pool_folder)) == 1
    child.send("end")
    child.fail_with(code)
    assert pool_files(pool_folder) == []


def test_ctrl_c_removes_the_pool(spawn: Spawner, pool_folder: Path) -> None:
    child = started(spawn, "producer = opened()")
    child.signal(signal.SIGINT)
    child.fail_with(-signal.SIGINT)
    assert pool_files(pool_folder) == []


def test_ctrl_c_during_a_wait_removes_the_pool(spawn: Spawner, pool_folder: Path) -> None:
    child = started(spawn, "producer = opened(); TensorStream('commands').get_new(timeout=None)")
    child.send("wait")
    child.signal(signal.SIGINT)
    child.fail_with(-signal.SIGINT)
    assert pool_files(pool_folder) == []


@pytest.mark.parametrize("ending", ["sys.exit(0)", "raise ValueError('on purpose')", "del producer; gc.collect()"])
@pytest.mark.leaves_pools
def test_kept_pool_stays_readable_after_an_orderly_exit(spawn: Spawner, pool_folder: Path, ending: str) -> None:
    child = started(spawn, f"producer = opened(keep=True); {ending}")
    child.send("end")
    child.finish()
    assert len(pool_files(pool_folder)) == 1
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 1
        assert not stream.producer_alive


@pytest.mark.leaves_pools
def test_kept_pool_is_adopted_with_its_sequence(spawn: Spawner) -> None:
    child = started(spawn, "producer = opened(keep=True)")
    child.send("end")
    child.succeed()
    with TensorProducer.from_sample("cam", numbered(0), keep=True) as producer:
        assert producer.publish(numbered(2)) == 2
    assert [pool.name for pool in list_pools()] == ["cam"], "keep=True applies to cleanup() also"


@pytest.mark.parametrize("ending", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
@pytest.mark.leaves_pools
def test_killed_or_aborted_process_leaves_a_readable_pool(spawn: Spawner, pool_folder: Path, ending: str) -> None:
    child = started(spawn, f"producer = opened(); {ending}")
    child.send("end")
    child.finish()
    assert len(pool_files(pool_folder)) == 1
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 1
    clean_pools()
    assert pool_files(pool_folder) == []


def test_pool_of_a_collected_producer_is_orphaned_until_exit(spawn: Spawner, pool_folder: Path) -> None:
    child = with_a_collected_producer(spawn)
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 1
        assert not stream.producer_alive
        child.send("end")
        child.succeed()
        assert pool_files(pool_folder) == []
        assert stream.get_last() is None


def test_exit_of_a_forked_child_keeps_pools_the_parent_collected(spawn: Spawner, pool_folder: Path) -> None:
    child = with_a_collected_producer(
        spawn,
        """
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    send("forked child ended with", os.waitpid(pid, 0)[1])
    receive()
    """,
    )
    child.send("fork")
    assert child.expect("forked child ended with") == "0"
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 1
    child.send("end")
    child.succeed()
    assert pool_files(pool_folder) == []


def test_pool_adopted_from_a_collected_producer_survives_its_exit(spawn: Spawner, pool_folder: Path) -> None:
    child = with_a_collected_producer(spawn)
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        assert producer.publish(numbered(2)) == 2, "adopted"
        child.send("end")
        child.succeed()
        assert len(pool_files(pool_folder)) == 1
        assert producer.publish(numbered(3)) == 3
        assert number_of(stream.get_last()) == 3


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pool_of_a_multiprocessing_child_is_removed_with_it(spawn: Spawner, pool_folder: Path, method: str) -> None:
    child = spawn(
        """
    import multiprocessing, sys
    import numpy as np
    from polymorph_ipc import TensorProducer

    def work(requests, replies):
        producer = TensorProducer.from_sample("cam", np.zeros(3))
        producer.publish(np.ones(3))
        replies.put("open")
        requests.get()
        # a global reference keeps the producer until the worker exits
        globals()["kept"] = producer

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        requests, replies = context.Queue(), context.Queue()
        worker = context.Process(target=work, args=(requests, replies))
        worker.start()
        send(replies.get(timeout=30))
        receive()
        requests.put("end")
        worker.join(30)
        send("joined", worker.exitcode)
        receive()
    """,
        method,
    )
    child.expect("open")
    assert len(pool_files(pool_folder)) == 1
    child.send("end the worker")
    assert child.expect("joined") == "0"
    assert pool_files(pool_folder) == []
    child.send("end")
    child.succeed()


def test_exit_of_a_forked_child_keeps_the_parents_pool(spawn: Spawner, pool_folder: Path) -> None:
    child = spawn(
        OPEN
        + """
    producer = opened()
    pid = os.fork()
    if pid == 0:
        sys.exit(0)  # an orderly exit, which runs the inherited exit handlers
    send("forked child ended with", os.waitpid(pid, 0)[1])
    receive()
    send("seq", producer.publish(np.full((4, 8), 2)))
    """
    )
    child.expect("open")
    child.send("fork")
    assert child.expect("forked child ended with") == "0"
    assert len(pool_files(pool_folder)) == 1
    with TensorStream("cam") as stream:
        assert stream.producer_alive
        child.send("publish")
        assert child.expect("seq") == "2"
    child.succeed()
    assert pool_files(pool_folder) == []


def test_producer_refuses_to_publish_after_cleanup() -> None:
    producer = TensorProducer.from_sample("cam", numbered(0))
    producer.cleanup()
    producer.cleanup()
    with pytest.raises(ClosedError):
        producer.publish(numbered(1))
    with pytest.raises(ClosedError), producer.loan():
        pass


def test_stream_refuses_to_read_after_cleanup() -> None:
    stream = TensorStream("cam")
    stream.cleanup()
    stream.cleanup()
    reads = [stream.get_last, stream.get_all_new, lambda: stream.get_new(timeout=0), lambda: stream.get_next(timeout=0)]
    for read in [*reads, lambda: stream.get_history(1), lambda: stream.get_at(0)]:
        with pytest.raises(ClosedError):
            read()


ABANDON = """
    import gc, sys
    import numpy as np
    from polymorph_ipc import TensorProducer

    def abandon(name):
        producer = TensorProducer.from_sample(name, np.zeros((4, 8), np.int64))
        producer.publish(np.full((4, 8), 1))
"""


@pytest.mark.leaves_pools
def test_kept_pool_adopted_from_a_collected_producer_survives_its_exit(spawn: Spawner, pool_folder: Path) -> None:
    child = spawn(ABANDON + '\n    abandon("cam"); gc.collect(); send("collected"); receive()')
    child.expect("collected")
    with TensorProducer.from_sample("cam", numbered(0), keep=True) as producer:
        assert producer.adopted
        producer.publish(numbered(2))
    child.send("end")
    child.succeed()
    with TensorStream("cam") as stream:
        assert number_of(stream.get_last()) == 2


def test_exit_does_not_wait_for_pools_adopted_by_others(spawn: Spawner, pool_folder: Path) -> None:
    names = [f"cam{index}" for index in range(8)]
    child = spawn(
        ABANDON
        + """
    for name in sys.argv[1:]:
        abandon(name)
    gc.collect()
    send("collected")
    receive()
    """,
        *names,
    )
    child.expect("collected")
    producers = [TensorProducer.from_sample(name, numbered(0)) for name in names]
    assert all(producer.adopted for producer in producers)
    child.send("end")
    child.succeed(timeout=5)  # waiting a second for each pool would take 8 s
    assert len(pool_files(pool_folder)) == 8
    for producer in producers:
        producer.cleanup()


def test_records_of_collected_producers_do_not_accumulate() -> None:
    from polymorph_ipc import _core

    def abandon(name: str) -> None:
        TensorProducer.from_sample(name, numbered(0))

    before = len(_core.abandoned)
    for _ in range(20):
        abandon("cam")
    assert len(_core.abandoned) == before + 1
    with TensorProducer.from_sample("cam", numbered(0)):
        assert len(_core.abandoned) == before
    abandon("cam")
    remove_pool("cam")
    assert len(_core.abandoned) == before
    abandon("cam")
    abandon("arm")
    assert sorted(clean_pools()) == ["arm", "cam"]
    assert len(_core.abandoned) == before


def test_no_producer_can_be_made_while_the_process_exits(spawn: Spawner, pool_folder: Path) -> None:
    child = spawn(
        """
        import numpy as np
        from polymorph_ipc import TensorProducer, TensorStream, WrongStateError, _lifetime

        TensorProducer.from_sample("cam", np.zeros(3)).publish(np.ones(3))
        _lifetime.clean_up()
        try:
            TensorProducer.from_sample("late", np.zeros(3))
        except WrongStateError as problem:
            send(str(problem))
        assert TensorStream("cam").get_last() is None  # reads are still possible
        """
    )
    assert "the process is ending" in child.succeed()[-1]
    assert pool_files(pool_folder) == []


def test_raising_cleanup_of_a_subclass_does_not_keep_other_pools(spawn: Spawner, pool_folder: Path) -> None:
    child = spawn("""
        import numpy as np
        from polymorph_ipc import TensorProducer

        class Logged(TensorProducer):
            def __init__(self, *arguments):
                super().__init__(*arguments)
                self.log = []

            def cleanup(self):
                self.log.append("closed")
                super().cleanup()

        kept = [TensorProducer.from_sample(f"cam{i}", np.zeros(3)) for i in range(8)]
        half = [Logged.__new__(Logged) for i in range(8)]
        for each in half:
            try:
                each.__init__("..", kept[0].schema)
            except ValueError:
                continue
    """)
    child.succeed()
    assert "cleanup() of a Logged failed at exit" in child.stderr
    assert pool_files(pool_folder) == []

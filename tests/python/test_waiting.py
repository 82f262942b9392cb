"""Waits for a sample, a pool or several streams; interrupted by signals, Ctrl-C and cleanup; without CPU time."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from polymorph_ipc import ClosedError, TensorProducer, TensorStream, remove_pool, wait_any, wait_connected

from support.frames import number_of, numbered
from support.observe import cpu_seconds, is_asleep, voluntary_switches, wait_until
from support.processes import Child, Spawner

WAITS = {
    "get_new of an absent pool": "TensorStream('absent').get_new(timeout=None)",
    "get_new of an idle pool": "TensorStream('cam').get_new(timeout=None)",
    "get_next of an idle pool": "TensorStream('cam').get_next(timeout=None)",
    "get_at in an absent pool": "TensorStream('absent').get_at(0, timeout=None)",
    "get_at in an idle pool": "TensorStream('cam').get_at(2**63 - 1, timeout=None)",
    "get_at of several stamps": "TensorStream('cam').get_at([1, 2], timeout=60)",
    "iteration": "next(iter(TensorStream('cam')))",
    "wait_connected": "TensorStream('absent').wait_connected(timeout=None)",
    "wait_any": "wait_any([TensorStream('cam'), TensorStream('cam')], timeout=None)",
    "wait_any with an absent pool": "wait_any([TensorStream('cam'), TensorStream('absent')], timeout=None)",
    "wait_connected of several": "wait_connected([TensorStream('cam'), TensorStream('absent')], timeout=None)",
}


def waiting_child(spawn: Spawner, wait: str, preparation: str = "pass") -> Child:
    child = spawn(
        f"""
    import os, signal, threading, time
    from polymorph_ipc import TensorStream, wait_any, wait_connected
    {preparation}
    send("waiting")
    result = {wait}
    send("result", result)
    """
    )
    child.expect("waiting")
    wait_until(lambda: is_asleep(child.pid), what="the child's sleep")
    return child


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_interrupts_a_wait(spawn: Spawner, wait: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)):
        child = waiting_child(spawn, WAITS[wait])
        child.signal(signal.SIGINT)
        stderr = child.fail_with(-signal.SIGINT)
        assert "KeyboardInterrupt" in stderr


def test_wait_ends_with_the_exception_of_a_signal_handler(spawn: Spawner) -> None:
    preparation = (
        "def give_up(*_): raise TimeoutError('raised by the handler')\n    signal.signal(signal.SIGUSR1, give_up)"
    )
    child = waiting_child(spawn, WAITS["get_new of an idle pool"], preparation)
    child.signal(signal.SIGUSR1)
    assert "raised by the handler" in child.fail_with(1)


@pytest.mark.parametrize("pool", ["cam", "absent"])
def test_timeout_is_kept_across_signals(spawn: Spawner, pool: str) -> None:
    """Sixty signals arrive during the wait; none ends it early or restarts its timeout."""
    with TensorProducer.from_sample("cam", numbered(0)):
        child = spawn(
            f"""
    import signal, time
    from polymorph_ipc import TensorStream
    count = 0
    def tick(*_):
        global count
        count += 1
    signal.signal(signal.SIGALRM, tick)
    stream = TensorStream("{pool}")
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    begun = time.monotonic()
    frame = stream.get_new(timeout=0.6)
    taken = time.monotonic() - begun
    signal.setitimer(signal.ITIMER_REAL, 0)
    send(frame, count, taken)
    """
        )
        frame, count, taken = child.expect("").split()  # no answer if every signal restarted the timeout
        child.succeed()
        assert frame == "None"
        assert int(count) > 5, "signals arrived during the wait"
        assert float(taken) >= 0.6


def test_samples_are_not_lost_under_constant_signals(spawn: Spawner) -> None:
    with TensorProducer.from_sample("cam", numbered(0), history_len=50) as producer:
        child = spawn(
            """
    import signal
    from polymorph_ipc import TensorStream
    signal.signal(signal.SIGALRM, lambda *_: None)
    stream = TensorStream("cam")
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    send("ready")
    for number in range(1, 31):
        frame = stream.get_next(timeout=20)
        assert frame.flat[0] == number
        send("got", number)
    signal.setitimer(signal.ITIMER_REAL, 0)
    """
        )
        child.expect("ready")
        for number in range(1, 31):
            producer.publish(numbered(number))
            child.expect(f"got {number}")
        child.succeed()


@pytest.mark.parametrize("wait", ["get_new of an absent pool", "get_new of an idle pool", "wait_any"])
def test_waiting_consumer_uses_no_cpu_time(spawn: Spawner, wait: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)):
        child = waiting_child(spawn, WAITS[wait])
        # Count wake-ups, not time: a busy machine makes a wait longer, but not its wake-ups more frequent.
        used, begun = cpu_seconds(child.pid), time.monotonic()
        wake_ups = voluntary_switches(child.pid)
        wait_until(lambda: time.monotonic() - begun > 1.5)
        wake_ups = voluntary_switches(child.pid) - wake_ups
        slices = (time.monotonic() - begun) / 0.02  # the shortest sleeps, those for a missing pool, take 20 ms
        assert wake_ups <= slices * 2 + 10, f"the process woke {wake_ups} times"
        assert cpu_seconds(child.pid) - used < 0.3, "the process uses CPU time while it waits"
        child.kill()


@pytest.mark.parametrize(
    "wait",
    [
        "TensorStream('cam').get_new(timeout=None)",
        "TensorStream('cam').get_at(0, timeout=None)",
        "wait_any([TensorStream('cam'), TensorStream('absent')], timeout=None)",
    ],
)
def test_wait_pauses_while_a_pool_can_never_be_connected(spawn: Spawner, wait: str) -> None:
    """A process that removes a pool was stopped while it held all locks: the file is there, and no stream connects."""
    producer = TensorProducer.from_sample("cam", numbered(0), keep=True)
    producer.cleanup()
    with open(os.path.join(os.environ["POLYMORPH_IPC_DIR"], "cam"), "r+b") as file:
        for byte in range(65):  # one by one, as the library takes them
            lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
        child = waiting_child(spawn, wait)
        wake_ups = voluntary_switches(child.pid)
        # A wait that spins never sleeps.
        wait_until(lambda: voluntary_switches(child.pid) > wake_ups + 100, what="100 pauses")
        child.kill()
    remove_pool("cam")


def test_get_new_waits_for_a_fresh_sample_after_a_suspend() -> None:
    """The clock of `published_ns` counts suspends and the clock of timeouts does not: here they differ by an hour."""
    program = """
import threading, time
import numpy as np
from polymorph_ipc import TensorProducer, TensorStream
with TensorProducer.from_sample("cam", np.zeros(1)) as producer, TensorStream("cam") as stream:
    producer.publish(np.zeros(1))
    time.sleep(0.1)
    threading.Timer(0.3, producer.publish, (np.ones(1),)).start()
    print(stream.get_new(timeout=20, max_age=0.05))
"""
    suspended = ["unshare", "--user", "--map-root-user", "--time", "--boottime", "3600"]
    if shutil.which("unshare") is None or subprocess.run([*suspended, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine does not permit time namespaces")
    output = subprocess.run([*suspended, sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[1.]"


def test_timeout_none_waits_and_a_number_is_seconds() -> None:
    with TensorProducer.from_sample("cam", numbered(0)), TensorStream("cam") as stream:
        begun = time.monotonic()
        assert stream.get_new(timeout=0.25) is None
        assert stream.get_next(0.25) is None
        assert time.monotonic() - begun >= 0.5


@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan")])
def test_invalid_timeout_is_refused(timeout: float) -> None:
    with TensorStream("cam") as stream:
        waits: list[Callable[[], Any]] = [
            lambda: stream.get_new(timeout=timeout),
            lambda: stream.get_next(timeout=timeout),
            lambda: stream.wait_connected(timeout=timeout),
            lambda: wait_any([stream], timeout=timeout),
            lambda: wait_connected([stream], timeout=timeout),
        ]
        for wait in waits:
            with pytest.raises(ValueError, match="timeout"):
                wait()


@pytest.mark.parametrize("timeout", [1e9, 1e18, float("inf")])
def test_very_long_timeout_is_accepted(timeout: float) -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        results: list[Any] = []
        waiter = threading.Thread(target=lambda: results.append(stream.get_new(timeout=timeout)))
        waiter.start()
        producer.publish(numbered(1))
        waiter.join(20)
        assert not waiter.is_alive()
        assert number_of(results.pop()) == 1


@pytest.mark.parametrize("pool", ["cam", "absent"])
def test_cleanup_ends_a_wait_in_another_thread_with_closed_error(pool: str) -> None:
    with TensorProducer.from_sample("cam", numbered(0)):
        stream = TensorStream(pool)
        begun, ended = threading.Event(), []

        def wait() -> None:
            begun.set()
            try:
                stream.get_new(timeout=60)
            except ClosedError as error:
                ended.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        begun.wait(20)
        stream.cleanup()
        waiter.join(20)
        assert not waiter.is_alive()
        assert len(ended) == 1
        ended.clear()


def test_wait_connected_returns_whether_the_pool_exists() -> None:
    with TensorStream("cam") as stream:
        assert stream.wait_connected(timeout=0) is False
        assert stream.wait_connected(timeout=0.05) is False
        with TensorProducer.from_sample("cam", numbered(0)):
            assert stream.wait_connected(timeout=0) is True
            assert stream.wait_connected() is True


def test_wait_connected_wakes_when_the_pool_appears(spawn: Spawner) -> None:
    child = waiting_child(spawn, WAITS["wait_connected"].replace("None", "60"))
    with TensorProducer.from_sample("absent", numbered(0)):
        assert child.expect("result") == "True"
        child.succeed()


def test_wait_connected_of_several_waits_for_all(spawn: Spawner) -> None:
    with TensorStream("cam") as one, TensorStream("arm") as other, TensorProducer.from_sample("cam", numbered(0)):
        assert wait_connected([one], timeout=0) is True
        assert wait_connected([one, other], timeout=0) is False
        assert wait_connected([one, other], timeout=0.05) is False
        child = waiting_child(spawn, "wait_connected([TensorStream('cam'), TensorStream('arm')], timeout=60)")
        with TensorProducer.from_sample("arm", numbered(0)):
            assert wait_connected([one, other], timeout=0) is True
            assert child.expect("result") == "True"
            child.succeed()


def test_wait_any_returns_streams_with_new_samples_and_takes_none() -> None:
    with (
        TensorProducer.from_sample("cam", numbered(0)) as cam,
        TensorProducer.from_sample("arm", numbered(0)) as arm,
        TensorStream("cam") as cam_stream,
        TensorStream("arm") as arm_stream,
        TensorStream("absent") as absent,
    ):
        streams = [absent, cam_stream, arm_stream]
        assert wait_any(streams, timeout=0) == []
        assert wait_any(streams, timeout=0.05) == []
        arm.publish(numbered(1))
        for _ in range(2):
            ready = wait_any(streams, timeout=20)
            assert len(ready) == 1
            assert ready[0] is arm_stream
        cam.publish(numbered(2))
        ready = wait_any(streams, timeout=20)
        assert len(ready) == 2
        assert ready[0] is cam_stream
        assert ready[1] is arm_stream
        assert number_of(arm_stream.get_new(timeout=0)) == 1
        assert [stream.pool_name for stream in wait_any(iter(streams), timeout=0)] == ["cam"]


def test_wait_any_sleeps_until_a_stream_has_a_new_sample(spawn: Spawner) -> None:
    wait = "[stream.pool_name for stream in wait_any([TensorStream('a'), TensorStream('b'), TensorStream('c')], 60)]"
    with TensorProducer.from_sample("a", numbered(0)), TensorProducer.from_sample("b", numbered(0)) as chosen:
        child = waiting_child(spawn, wait)
        chosen.publish(numbered(1))
        assert child.expect("result") == "['b']"
        child.succeed()
        child = waiting_child(spawn, wait)
        with TensorProducer.from_sample("c", numbered(0)) as late:
            late.publish(numbered(1))
            assert child.expect("result") == "['c']"
            child.succeed()


def test_wait_any_accepts_more_streams_than_one_futex_wait(spawn: Spawner) -> None:
    child = waiting_child(
        spawn,
        "[stream.pool_name for stream in wait_any(streams, 60)]",
        "streams = [TensorStream(f'pool/{number}') for number in range(140)]",
    )
    with TensorProducer.from_sample("pool/139", numbered(0)) as producer:
        producer.publish(numbered(1))
        assert child.expect("result") == "['pool/139']"
        child.succeed()


def test_wait_any_refuses_an_empty_list_and_other_types() -> None:
    with pytest.raises(ValueError, match="stream"):
        wait_any([], timeout=0)
    with pytest.raises(TypeError):
        wait_any(["cam"], timeout=0)  # type: ignore[list-item]


@pytest.mark.parametrize("read", ["get_new", "get_next"])
def test_timeout_is_kept_while_all_samples_are_older_than_max_age(spawn: Spawner, read: str) -> None:
    """max_age=0: every sample is too old when it is read, and the next one already exists."""
    child = spawn(
        """
    import numpy as np
    from polymorph_ipc import TensorProducer
    producer, frame = TensorProducer.from_sample("cam", np.zeros(7)), np.zeros(7)
    send("publishing")
    while True:
        producer.publish(frame)
    """
    )
    child.expect("publishing")
    with TensorStream("cam") as stream:
        results: list[Any] = []
        reading = threading.Thread(
            target=lambda: results.extend(getattr(stream, read)(timeout=timeout, max_age=0) for timeout in (0.2, 0))
        )
        reading.start()
        reading.join(20)
        hangs = reading.is_alive()
        child.kill()
        reading.join(20)
        assert not hangs
        assert results == [None, None]
    remove_pool("cam")


def test_timeout_is_kept_when_a_corrupt_head_is_ahead(spawn: Spawner) -> None:
    child = spawn(
        """
    import os, struct
    import numpy as np
    from polymorph_ipc import PoolCorruptError, TensorProducer, TensorStream

    producer = TensorProducer.from_sample("cam", np.zeros(7))
    for _ in range(20):
        producer.publish(np.zeros(7))
    stream = TensorStream("cam")
    # a head that is ahead of the newest sample
    file = os.open(os.path.join(os.environ["POLYMORPH_IPC_DIR"], "cam"), os.O_RDWR)
    head, = struct.unpack("<Q", os.pread(file, 8, 4096))
    os.pwrite(file, struct.pack("<Q", head + (1000 << 16)), 4096)
    try:
        assert stream.get_next(timeout=0.2) is None
    except PoolCorruptError:
        pass
    send("ended")
    os.pwrite(file, struct.pack("<Q", head), 4096)
    """
    )
    assert child.read_line() == "ended"
    child.succeed()

"""A connected stream returns the unread samples of a retired pool."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream

from support.frames import number_of, numbered

pytestmark = pytest.mark.any_python

# Publishes once to a connected reader, and exits normally after argv[2] milliseconds.
POLICY = """
import sys, time
import numpy as np
from polymorph_ipc import TensorProducer
with TensorProducer.from_sample("cmd", np.zeros(1)) as producer:
    while not producer.readers():
        time.sleep(0.001)
    producer.publish(np.full(1, float(sys.argv[1])))
    time.sleep(float(sys.argv[2]) / 1000)
"""


def publish_once(number: int, milliseconds: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", POLICY, str(number), str(milliseconds)], env=dict(os.environ))


@pytest.mark.parametrize("timeout", [20.0, 0.0], ids=["waiting", "polling"])
def test_sample_of_a_producer_that_ends_after_it_is_read(timeout: float) -> None:
    with TensorStream("cmd") as stream:
        for number in range(20):
            policy = publish_once(number, (0, 1, 5)[number % 3])
            frame, is_running = None, True
            while frame is None and is_running:
                is_running = policy.poll() is None
                frame = stream.get_next(timeout=timeout)
            assert frame is not None
            assert frame[0] == number
            assert policy.wait() == 0
            assert stream.get_next(timeout=0) is None
            assert stream.ended


def closed_after(count: int) -> TensorStream:
    producer = TensorProducer.from_sample("cam", numbered(0))
    stream = TensorStream("cam")
    for number in range(count):
        producer.publish(numbered(number))
    producer.cleanup()
    return stream


def test_each_read_drains_a_retired_pool() -> None:
    with closed_after(3) as stream:
        assert not stream.ended
        assert [number_of(stream.get_next(timeout=0)) for _ in range(3)] == [0, 1, 2]
        assert stream.get_next(timeout=0) is None
        assert stream.ended
        assert not stream.connected
    with closed_after(3) as stream:
        assert number_of(stream.get_new(timeout=0)) == 2
        assert stream.get_new(timeout=0) is None
    with closed_after(3) as stream:
        assert len(stream.get_all_new()) == 3
        assert stream.get_all_new() is None
    with closed_after(3) as stream:
        assert number_of(stream.get_last()) == 2
        assert stream.get_last() is None


def test_iteration_drains_before_the_next_producer() -> None:
    with closed_after(2) as stream, TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(9))
        frames = iter(stream)
        assert [number_of(next(frames)) for _ in range(3)] == [0, 1, 9]
        assert not stream.ended


def test_mismatch_of_the_next_schema_comes_after_the_drain() -> None:
    with closed_after(1) as stream, TensorProducer.from_sample("cam", np.zeros(3)) as producer:
        producer.publish(np.ones(3))
        assert number_of(stream.get_next(timeout=0)) == 0
        with pytest.raises(SchemaMismatchError):
            stream.get_next(timeout=0)


def test_new_stream_sees_nothing_of_a_retired_pool() -> None:
    with closed_after(2), TensorStream("cam", start="oldest") as late:
        assert late.get_last() is None
        assert not late.ended


KILLED = """
import os, signal
import numpy as np
from polymorph_ipc import TensorProducer
producer = TensorProducer.from_sample("cmd", np.zeros(1))
for _ in range(5):
    producer.publish(np.ones(1))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("adopt", [True, False])
def test_adopt_false_drops_the_history_of_a_killed_producer(adopt: bool) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], env=dict(os.environ), check=False)
    assert killed.returncode < 0
    with (
        TensorProducer.from_sample("cmd", np.zeros(1), adopt=adopt) as producer,
        TensorStream("cmd", start="oldest") as arm,
    ):
        assert producer.adopted == adopt
        frames = arm.get_all_new()
        assert (None if frames is None else len(frames)) == (5 if adopt else None)

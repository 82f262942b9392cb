"""Streams are passed to worker processes by pickle and by fork, with every start method."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from polymorph_ipc import TensorProducer, TensorStream

from support.frames import number_of, numbered
from support.processes import Spawner

WORKERS = """
    import multiprocessing, sys
    import numpy as np
    from polymorph_ipc import TensorProducer, TensorStream

    def read_argument(stream, number):
        with stream:
            frame = stream.get_last()
            return int(frame.sum()) + number

    def read_into(stream, results):
        frame = stream.get_new(timeout=20)
        results.put(int(frame.sum()))
        stream.cleanup()

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with TensorProducer.from_sample("cam", np.zeros((4, 8), np.int64)) as producer, TensorStream("cam") as stream:
            producer.publish(np.ones((4, 8), np.int64))
            frame = stream.get_last()
            with context.Pool(2) as pool:
                send("pool", pool.starmap(read_argument, [(stream, 0), (stream, 100), (stream, 200)]))
            results = context.Queue()
            worker = context.Process(target=read_into, args=(TensorStream("cam", start="oldest"), results))
            worker.start()
            send("process", results.get(timeout=30))
            worker.join(30)
            send("exit code", worker.exitcode)
            for number in range(2, 60):
                producer.publish(np.full((4, 8), number))
            send("kept", int(frame.sum()), int(stream.get_last().sum()))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_streams_can_be_passed_to_worker_processes(spawn: Spawner, method: str) -> None:
    child = spawn(WORKERS, method)
    assert child.expect("pool") == "[32, 132, 232]"
    assert child.expect("process") == "32"
    assert child.expect("exit code") == "0"
    assert child.expect("kept") == f"32 {59 * 32}"
    child.succeed()


def test_pickled_stream_is_a_new_stream_with_the_same_arguments() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer:
        producer.publish(numbered(1))
        with TensorStream("cam", start="oldest", copy=True, max_age=100.0, expect=numbered(0)) as stream:
            assert number_of(stream.get_new(timeout=0)) == 1
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                with pickle.loads(pickle.dumps(stream, protocol)) as clone:
                    assert clone.pool_name == "cam"
                    frame, info = clone.get_new(timeout=0, return_info=True)
                    assert number_of(frame) == 1, "its own cursor starts before the history"
                    assert info.copied
            assert stream.get_new(timeout=0) is None, "the original's cursor did not change"


def test_stream_of_a_missing_pool_can_be_pickled() -> None:
    with TensorStream("later") as stream, pickle.loads(pickle.dumps(stream)) as clone:
        with TensorProducer.from_sample("later", numbered(0)) as producer:
            producer.publish(numbered(1))
            assert number_of(clone.get_new(timeout=20)) == 1


def test_copied_stream_is_a_new_stream() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        with copy.copy(stream) as one, copy.deepcopy(stream) as other:
            producer.publish(numbered(1))
            assert [number_of(each.get_new(timeout=0)) for each in (stream, one, other)] == [1, 1, 1]


def test_pickling_a_producer_is_refused_with_the_alternative() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, pytest.raises(TypeError, match="name"):
        pickle.dumps(producer)


def test_frames_pickle_as_plain_arrays() -> None:
    with TensorProducer.from_sample("cam", numbered(0)) as producer, TensorStream("cam") as stream:
        producer.publish(numbered(1))
        clone = pickle.loads(pickle.dumps(stream.get_last()))
        producer.publish(numbered(2))
        assert type(clone) is np.ndarray
        assert number_of(clone) == 1
        assert pickle.loads(pickle.dumps(stream.get_last(return_info=True)[1])).seq == 2
        assert pickle.loads(pickle.dumps(stream.schema)) == stream.schema

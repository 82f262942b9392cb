"""Error texts name the pool, and the arguments as the caller wrote them."""

from __future__ import annotations

import copy
import errno
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from polymorph_ipc import (
    InvalidArgumentError,
    PolymorphError,
    PoolSpaceError,
    SchemaMismatchError,
    TensorProducer,
    TensorStream,
    inspect_pool,
    remove_pool,
    wait_any,
    wait_connected,
)

from support.frames import numbered
from support.processes import Spawner

READING: dict[str, Callable[[TensorStream], Any]] = {
    "timeout": lambda stream: stream.get_new(timeout=-1),
    "timeout of text": lambda stream: stream.get_next(timeout="1"),  # type: ignore[call-overload]
    "max_age": lambda stream: stream.get_last(max_age=-1),
    "n": lambda stream: stream.get_history(0),
    "pad": lambda stream: stream.get_history(1, pad="ones"),  # type: ignore[call-overload]
    "method": lambda stream: stream.get_at(0, method="around"),  # type: ignore[call-overload]
    "tolerance": lambda stream: stream.get_at(0, tolerance=-1),
    "stamp out of range": lambda stream: stream.get_at(1e300),
    "stamp": lambda stream: stream.get_at("now"),
    "stamps of two dimensions": lambda stream: stream.get_at(np.zeros((2, 2))),
    "stamps of another kind": lambda stream: stream.get_at(np.zeros(2, bool)),
    "mixed stamps": lambda stream: stream.get_at([1, 2.0]),
    "mixed stamps of numpy": lambda stream: stream.get_at((np.float32(1), np.int64(2))),
    "read-only out": lambda stream: stream.get_last(out=np.broadcast_to(np.int64(0), (4, 8))),
    "out": lambda stream: stream.get_last(out=[0]),
    "wait_connected": lambda stream: stream.wait_connected(timeout=-1),
}


@pytest.mark.parametrize("wrong", READING)
def test_error_of_a_read_names_the_pool(wrong: str) -> None:
    with TensorProducer.from_sample("arm/q", numbered(0)) as producer, TensorStream("arm/q") as stream:
        producer.publish(numbered(1))
        with pytest.raises((ValueError, TypeError), match=r"^pool 'arm/q'"):
            READING[wrong](stream)


def made(**options: Any) -> None:
    TensorProducer.from_sample("arm/q", options.pop("sample", np.zeros(3)), **options)


MAKING: dict[str, Callable[[], Any]] = {
    "history_len": lambda: made(history_len=0),
    "spare": lambda: made(spare=0),
    "mode": lambda: made(mode=0o1777),
    "metadata": lambda: made(metadata={"a": {1, 2}}),
    "too many fields": lambda: made(sample={f"f{index}": np.zeros(1) for index in range(33)}),
    "too many variable fields": lambda: made(sample={f"f{index}": np.zeros(1) for index in range(9)}, variable=True),
    "too many dimensions": lambda: made(sample=np.zeros((1,) * 9)),
    "a stream's max_age": lambda: TensorStream("arm/q", max_age=-1),
}


@pytest.mark.parametrize("wrong", MAKING)
def test_error_of_a_constructor_names_the_pool(wrong: str) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^pool 'arm/q'"):
        MAKING[wrong]()


def test_stamp_error_of_publish_and_loan_names_the_pool() -> None:
    with TensorProducer.from_sample("arm/q", np.zeros(3)) as producer:
        with pytest.raises(ValueError, match=r"^pool 'arm/q': stamp is out of range"):
            producer.publish(np.zeros(3), stamp=2**70)
        with producer.loan() as frame, pytest.raises(TypeError, match=r"^pool 'arm/q': stamp must be"):
            frame.stamp = "now"  # type: ignore[assignment]


def test_modes_are_octal_in_error_texts() -> None:
    with pytest.raises(InvalidArgumentError, match="mode must be 0o1 to 0o777, not 0o1777"):
        made(mode=0o1777)
    with pytest.raises(InvalidArgumentError, match="not -0o10"):
        made(mode=-8)


@pytest.mark.skipif(not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"), reason="a dtype of numpy 2")
def test_string_dtype_is_named_in_the_error() -> None:
    with pytest.raises(TypeError, match=r"StringDType.*astype"):
        made(sample=np.array(["a"], np.dtypes.StringDType()))


TRANSPORTS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "pickle": lambda error: pickle.loads(pickle.dumps(error)),
}


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=list(TRANSPORTS))
def test_copied_and_pickled_errors_keep_their_errno(transport: Callable[[Any], Any]) -> None:
    with pytest.raises(PoolSpaceError) as caught:
        TensorProducer.from_sample("cam", np.broadcast_to(np.uint8(0), (2**20, 2**20)))
    caught.value.__dict__["note"] = "kept"
    other = transport(caught.value)
    assert type(other) is PoolSpaceError
    assert (other.errno, str(other), other.args) == (errno.ENOSPC, str(caught.value), caught.value.args)
    assert other.note == "kept"
    with pytest.raises(InvalidArgumentError) as refused:
        made(history_len=0)
    assert str(transport(refused.value)) == str(refused.value)
    assert str(transport(PolymorphError("of a user", 3))) == "('of a user', 3)"


def test_stream_does_not_connect_to_a_mismatching_pool() -> None:
    with (
        TensorStream("cam", expect=np.zeros(4)) as stream,
        TensorProducer.from_sample("cam", np.zeros(3)) as producer,
    ):
        producer.publish(np.zeros(3))
        assert not stream.connected
        assert not stream.producer_alive
        with pytest.raises(SchemaMismatchError):
            stream.get_last()


def test_failed_allocation_in_return_info_is_a_memory_error(spawn: Spawner) -> None:
    pytest.importorskip("_testcapi")
    spawn(
        """
    import _testcapi
    import gc
    import numpy as np
    from polymorph_ipc import TensorProducer, TensorStream

    producer, stream = TensorProducer.from_sample("cam", np.zeros(7)), TensorStream("cam")
    producer.publish(np.zeros(7))
    gc.disable()
    refused = 0
    for number in range(1, 60):
        _testcapi.set_nomemory(number, number + 1)
        try:
            stream.get_last(return_info=True)
        except MemoryError:
            refused += 1
        finally:
            _testcapi.remove_mem_hooks()
        producer.publish(np.zeros(7))
        assert stream.get_last() is not None
    assert refused > 0
    """
    ).succeed()


SHAPE = np.zeros(3)
MISUSES: dict[str, tuple[Callable[[TensorProducer, TensorStream], Any], str]] = {
    "sample before the name": (
        lambda p, s: TensorProducer.from_sample(SHAPE, "x"),
        "pool_name must be str.*not ndarray",
    ),  # type: ignore[arg-type]
    "a stream of a number": (lambda p, s: TensorStream(5), "pool_name must be str.*not int"),  # type: ignore[arg-type]
    "inspect of nothing": (lambda p, s: inspect_pool(None), "pool_name must be str.*not NoneType"),  # type: ignore[arg-type]
    "remove of bytes": (lambda p, s: remove_pool(b"x"), "pool_name must be str.*not bytes"),  # type: ignore[arg-type]
    "the sample is not an array": (
        lambda p, s: TensorProducer.from_sample("x", "five"),
        "pool 'x': expected an array, got str",
    ),
    "None in a field": (
        lambda p, s: TensorProducer.from_sample("x", {"a": None}),
        "'a': expected an array, got None",
    ),
    "array as history_len": (
        lambda p, s: TensorProducer.from_sample("x", 5, SHAPE),
        "history_len must be int, not ndarray",
    ),  # type: ignore[arg-type]
    "text as mode": (lambda p, s: TensorProducer.from_sample("x", SHAPE, mode="600"), "mode must be int, not str"),  # type: ignore[arg-type]
    "text as spare": (lambda p, s: TensorProducer.from_sample("x", SHAPE, spare="3"), "spare must be int, not str"),  # type: ignore[arg-type]
    "sample as schema": (lambda p, s: TensorProducer("x", SHAPE), "schema must be a Schema.*from_sample"),  # type: ignore[arg-type]
    "get_last with a time": (lambda p, s: s.get_last(0.2), "no positional.*copy=, out=.*get_new.timeout=...."),  # type: ignore[call-overload]
    "get_last with a timeout": (lambda p, s: s.get_last(timeout=0.2), "'timeout'.*never waits.*get_new"),  # type: ignore[call-overload]
    "get_history with a timeout": (lambda p, s: s.get_history(2, timeout=1), "'timeout'.*n=, pad=.*never waits"),  # type: ignore[call-overload]
    "get_new with two": (lambda p, s: s.get_new(0.2, True), "at most 1 positional.*it takes timeout=, copy="),  # type: ignore[call-overload]
    "get_new with another name": (lambda p, s: s.get_new(time=1), "'time': it takes timeout=.*return_info=$"),  # type: ignore[call-overload]
    "publish, positional stamp": (
        lambda p, s: p.publish(SHAPE, 5),
        "at most 1 positional.*it takes data=, stamp=$",
    ),  # type: ignore[call-arg]
    "wait_any of one": (lambda p, s: wait_any(s), "a list of streams, not one"),
    "wait_connected of one": (lambda p, s: wait_connected(s), "a list of streams, not one"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_wrong_call_error_says_what_was_expected_and_got(misuse: str) -> None:
    call, words = MISUSES[misuse]
    with TensorProducer.from_sample("arm/q", SHAPE) as producer, TensorStream("arm/q") as stream:
        producer.publish(SHAPE)
        with pytest.raises(TypeError, match=words):
            call(producer, stream)


def test_empty_dict_error_says_what_was_expected_and_got() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"pool 'x': expected an array or a dict of 1 to 32 arrays, got an empty"
    ):
        TensorProducer.from_sample("x", {})

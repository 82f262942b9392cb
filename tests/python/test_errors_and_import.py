"""The exceptions and their builtin bases; what importing the package must not do."""

from __future__ import annotations

import numpy as np
import polymorph_ipc
import pytest
from polymorph_ipc import PolymorphError, PoolBusyError, Schema, TensorProducer, TensorStream

from support.frames import numbered
from support.processes import Spawner

BUILTINS: dict[str, tuple[type[Exception], str]] = {
    "InvalidArgumentError": (ValueError, "INVALID_ARGUMENT"),
    "InvalidNameError": (ValueError, "INVALID_NAME"),
    "PoolNotFoundError": (LookupError, "NOT_FOUND"),
    "PoolBusyError": (RuntimeError, "BUSY"),
    "PoolFullError": (RuntimeError, "FULL"),
    "SchemaMismatchError": (ValueError, "SCHEMA_MISMATCH"),
    "PoolCorruptError": (RuntimeError, "CORRUPT"),
    "PoolIncompatibleError": (RuntimeError, "INCOMPATIBLE"),
    "ClosedError": (ValueError, "CLOSED"),
    "ForkedError": (RuntimeError, "FORKED"),
    "PoolLostError": (RuntimeError, "LOST"),
    "WrongStateError": (RuntimeError, "WRONG_STATE"),
    "PoolSpaceError": (OSError, "NO_SPACE"),
    "OutOfMemoryError": (MemoryError, "NO_MEMORY"),
    "PoolPermissionError": (PermissionError, "PERMISSION"),
    "UnsupportedError": (RuntimeError, "UNSUPPORTED"),
    "SystemCallError": (OSError, "SYSTEM"),
}


@pytest.mark.parametrize("name", BUILTINS)
def test_every_error_derives_from_polymorph_error_and_a_builtin(name: str) -> None:
    error = getattr(polymorph_ipc, name)
    builtin, status = BUILTINS[name]
    assert issubclass(error, PolymorphError)
    assert issubclass(error, builtin)
    assert error.status == status
    assert error.__module__.startswith("polymorph_ipc")


def test_every_exception_of_the_package_is_in_the_table() -> None:
    exported = {
        name
        for name, value in vars(polymorph_ipc).items()
        if isinstance(value, type) and issubclass(value, BaseException) and value is not PolymorphError
    }
    assert exported == set(BUILTINS)


def test_everything_documented_is_exported_and_documented() -> None:
    names = [
        "TensorProducer",
        "TensorStream",
        "Schema",
        "list_pools",
        "inspect_pool",
        "remove_pool",
        "clean_pools",
        "wait_any",
        "wait_connected",
        "explain_faults",
    ]
    for name in names:
        assert name in polymorph_ipc.__all__
        assert getattr(polymorph_ipc, name).__doc__, name
    for handle in (TensorProducer, TensorStream):
        for name in dir(handle):
            if not name.startswith("_") and callable(getattr(handle, name)):
                assert getattr(handle, name).__doc__, f"{handle.__name__}.{name} has no docstring"


def test_import_loads_no_torch_or_ros_and_starts_no_thread(spawn: Spawner) -> None:
    child = spawn(
        """
    import os, sys, threading
    before = set(os.listdir("/proc/self/fd"))
    import polymorph_ipc
    heavy = {"torch", "rclpy", "ml_dtypes", "multiprocessing.pool", "asyncio"} & set(sys.modules)
    send(sorted(heavy), threading.active_count(), set(os.listdir("/proc/self/fd")) - before)
    """
    )
    assert child.expect("") == "[] 1 set()"
    child.succeed()


def test_numpy_pools_do_not_import_torch(spawn: Spawner) -> None:
    child = spawn(
        """
    import sys
    import numpy as np
    from polymorph_ipc import TensorProducer, TensorStream
    with TensorProducer.from_sample("cam", np.zeros(3)) as producer, TensorStream("cam") as stream:
        producer.publish(np.ones(3))
        send(stream.get_last(), stream.backend, "torch" in sys.modules)
    """
    )
    assert child.expect("") == "[1. 1. 1.] numpy False"
    child.succeed()


def test_schema_describes_a_pool_and_can_be_compared() -> None:
    schema = Schema.from_sample(numbered(0))
    assert str(schema) == "int64 (4, 8)"
    assert schema == Schema.from_sample(numbered(5))
    assert hash(schema) == hash(Schema.from_sample(numbered(5)))
    assert schema != Schema.from_sample(numbered(0, (4, 9)))
    assert schema != Schema.from_sample({"q": numbered(0)})
    assert schema.nbytes == 256
    assert not schema.is_dict
    with TensorProducer("cam", schema) as producer, TensorStream("cam", expect=schema) as stream:
        producer.publish(numbered(1))
        assert producer.schema == stream.schema == schema
        assert producer.shape == stream.shape == (4, 8)
        assert producer.dtype == stream.dtype == "int64"
        assert producer.history_len == 10
        assert stream.backend == "numpy"


def test_expect_is_checked_when_the_pool_exists() -> None:
    with TensorStream("cam", expect=numbered(0)) as early, TensorProducer.from_sample("cam", numbered(0, (4, 9))):
        with pytest.raises(polymorph_ipc.SchemaMismatchError) as refusal:
            TensorStream("cam", expect=numbered(0))
        for part in ("int64 (4, 8)", "int64 (4, 9)", "cam"):
            assert part in str(refusal.value)
        with pytest.raises(polymorph_ipc.SchemaMismatchError):
            early.get_last()


@pytest.mark.parametrize("options", [{"backend": "jax"}, {"expect": "everything"}, {"copying": True}])
def test_unknown_stream_option_is_refused(options: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        TensorStream("cam", **options)  # type: ignore[arg-type]


def test_handles_report_their_name_and_whether_they_are_closed() -> None:
    with TensorProducer.from_sample("victor/cam", numbered(0)) as producer, TensorStream("victor/cam") as stream:
        assert not producer.closed
        assert not stream.closed
    assert producer.closed
    assert stream.closed
    assert producer.pool_name == stream.pool_name == "victor/cam"
    assert stream.connected is False
    assert stream.producer_alive is False


def test_repr_of_a_handle_never_raises() -> None:
    producer = TensorProducer.from_sample("cam", np.zeros((4, 3), np.uint8))
    stream = TensorStream("cam")
    assert repr(producer) == "<TensorProducer of 'cam': uint8 (4, 3), seq 0>"
    assert repr(stream) == "<TensorStream of 'cam': uint8 (4, 3)>"
    assert "not connected yet" in repr(TensorStream("nowhere"))
    with pytest.raises(PoolBusyError, match=r"in this process .*cleanup\(\)"):
        TensorProducer.from_sample("cam", np.zeros((4, 3), np.uint8))
    producer.cleanup()
    stream.cleanup()
    assert "TensorProducer" in repr(producer)
    assert "TensorStream" in repr(stream)

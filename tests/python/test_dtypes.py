"""Every dtype of numpy and ml_dtypes is read exactly, or refused with a reason. For torch: test_torch_dtypes.py."""

from __future__ import annotations

import random
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream, inspect_pool

PLAIN = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "g", "F", "D", "G"]
DATES = ["M8[ns]", "M8[D]", "M8[25s]", "m8[us]", "m8[h]", "M8", "m8"]
TEXTS = ["S1", "S7", "U1", "U5"]
NESTED = np.dtype(
    [("t", "M8[ns]"), ("pose", [("xyz", "<f8", (3,)), ("R", ">f4", (3, 3))]), ("name", "U6"), ("ok", "?")]
)
ALIGNED = np.dtype([("a", "u1"), ("b", "f8"), ("c", "i2")], align=True)
OFFSETS = np.dtype({"names": ["x", "y"], "formats": ["f4", "<u2"], "offsets": [4, 12], "itemsize": 24})
OVERLAPPING = np.dtype({"names": ["word", "low"], "formats": ["<u4", "<u2"], "offsets": [0, 0]})
NAMES_IN_ML_DTYPES = [
    "bfloat16",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
]
ML_DTYPES = [name for name in NAMES_IN_ML_DTYPES if hasattr(ml_dtypes, name)]  # older versions have fewer


def random_bits(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """An array of any dtype with random bits. Booleans are 0 or 1."""
    count = int(np.prod(shape, dtype=np.int64))
    noise = random.Random(seed).randbytes(count * dtype.itemsize)
    array = np.frombuffer(bytearray(noise), dtype=np.uint8)
    if dtype == np.bool_:
        array &= 1
    return array.view(dtype).reshape(shape) if array.size else np.zeros(shape, dtype)


def assert_round_trip(dtype: np.dtype[Any], shape: tuple[int, ...] = (3, 2), seed: int = 0) -> None:
    sample = random_bits(dtype, shape, seed)
    with TensorProducer.from_sample("any", sample) as producer, TensorStream("any") as stream:
        producer.publish(sample)
        reads = {
            "view": stream.get_last(),
            "copy": stream.get_last(copy=True),
            "out": stream.get_last(out=np.zeros(sample.nbytes, np.uint8).view(dtype).reshape(shape)),
            "history": stream.get_history(1)[0, ...],
        }
        for how, array in reads.items():
            assert array.dtype == dtype, how
            assert array.shape == shape, how
            assert bits(array) == bits(sample), how
        assert stream.dtype == dtype


def bits(array: NDArray[Any]) -> bytes:
    """Every byte of data, without the padding between the fields of a structured dtype."""
    if array.dtype.names is None:
        return np.ascontiguousarray(array).tobytes()
    return b"".join(bits(np.ascontiguousarray(array[name])) for name in array.dtype.names)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", [*PLAIN, *DATES, *TEXTS])
def test_numpy_dtype_round_trips_bit_by_bit_in_either_byte_order(code: str, order: str) -> None:
    assert_round_trip(np.dtype(code).newbyteorder(order))


@pytest.mark.parametrize("name", ML_DTYPES)
def test_ml_dtypes_type_round_trips_bit_by_bit(name: str) -> None:
    assert_round_trip(np.dtype(getattr(ml_dtypes, name)))


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_ml_dtypes_type_is_stored_by_name(name: str) -> None:
    with TensorProducer.from_sample("any", np.zeros(3, getattr(ml_dtypes, name))) as producer:
        assert producer.schema.fields[0].dtype == name
        assert inspect_pool("any").schema.fields[0].dtype == name


@pytest.mark.parametrize(
    "dtype", [NESTED, ALIGNED, OFFSETS, OVERLAPPING, np.dtype("V5"), np.dtype([("only", "u1")])], ids=str
)
def test_structured_dtype_round_trips_with_names_and_offsets(dtype: np.dtype[Any]) -> None:
    assert_round_trip(dtype)


@pytest.mark.parametrize("kind", ["<f8", ">f8", "S3", "M8[ns]", NESTED], ids=str)
def test_structured_fields_can_be_read_in_another_process(spawn: Any, kind: Any) -> None:
    dtype = np.dtype([("value", kind), ("count", "<i4")])
    sample = random_bits(dtype, (4,), seed=1)
    with TensorProducer.from_sample("any", sample) as producer:
        producer.publish(sample)
        child = spawn(
            """
    import numpy as np
    from polymorph_ipc import TensorStream
    with TensorStream("any") as stream:
        frame = stream.get_last()
        send(frame.dtype.descr)
        send(np.ascontiguousarray(frame["count"]).tobytes().hex())
    """
        )
        assert child.expect("") == str(dtype.descr)
        assert child.expect("") == np.ascontiguousarray(sample["count"]).tobytes().hex()
        child.succeed()


scalar_types = st.one_of(
    hnp.scalar_dtypes(),
    st.sampled_from([np.dtype(getattr(ml_dtypes, name)) for name in ML_DTYPES]),
)
any_dtype = st.one_of(
    scalar_types,
    hnp.array_dtypes(subtype_strategy=hnp.scalar_dtypes(), allow_subarrays=True),
    hnp.nested_dtypes(subtype_strategy=hnp.scalar_dtypes(), max_leaves=6),
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@given(dtype=any_dtype, shape=shapes, seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
@example(dtype=np.dtype("f8"), shape=(), seed=0)
@example(dtype=np.dtype("f8"), shape=(0,), seed=0)
@example(dtype=np.dtype("f8"), shape=(3, 0, 2), seed=0)
@example(dtype=np.dtype("u1"), shape=(1, 2, 1, 2, 1, 2, 1, 2), seed=0)
def test_any_dtype_and_shape_round_trips_bit_by_bit(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int) -> None:
    if dtype.subdtype is not None:  # np.zeros turns the subarray into further dimensions
        shape, dtype = (*shape, *dtype.subdtype[1]), dtype.subdtype[0]
    if len(shape) > 8 or dtype.itemsize == 0:
        with pytest.raises((ValueError, TypeError)):
            TensorProducer.from_sample("any", np.zeros(shape, dtype))
        return
    assert_round_trip(dtype, shape, seed)


@given(first=any_dtype, second=any_dtype)
@settings(max_examples=150, deadline=None)
@example(first=np.dtype("<f8"), second=np.dtype(">f8"))
@example(first=np.dtype("i8"), second=np.dtype("m8[ns]"))
@example(first=np.dtype("M8[ns]"), second=np.dtype("M8[us]"))
@example(first=np.dtype("S4"), second=np.dtype("U1"))
@example(first=np.dtype("i1"), second=np.dtype("?"))
@example(first=np.dtype("f2"), second=np.dtype(ml_dtypes.bfloat16))
@example(first=np.dtype(ml_dtypes.float8_e5m2), second=np.dtype(ml_dtypes.float8_e4m3fn))
@example(first=np.dtype([("a", "i4")]), second=np.dtype([("b", "i4")]))
@example(first=np.dtype([("a", "i4")]), second=np.dtype("i4"))
@example(first=np.dtype("V4"), second=np.dtype("i4"))
@example(first=np.dtype("c8"), second=np.dtype("f8"))
def test_different_dtypes_are_a_mismatch(first: np.dtype[Any], second: np.dtype[Any]) -> None:
    if first == second or 0 in (first.itemsize, second.itemsize) or first.subdtype or second.subdtype:
        return
    with TensorProducer.from_sample("any", np.zeros(2, first)) as producer:
        with pytest.raises(SchemaMismatchError):
            producer.publish(np.zeros(2, second))
        assert producer.seq == 0
        with pytest.raises(SchemaMismatchError):
            TensorStream("any", expect=np.zeros(2, second)).get_last()


def test_equivalent_dtypes_match() -> None:
    """`l` and `q` are both int64 on this platform; `=f8` is `<f8` on a little-endian machine."""
    with TensorProducer.from_sample("any", np.zeros(2, np.dtype("l"))) as producer:
        assert producer.publish(np.zeros(2, np.dtype("q"))) == 1
    with TensorProducer.from_sample("any", np.zeros(2, "=f8")) as producer:
        assert producer.publish(np.zeros(2, np.dtype("d").newbyteorder("="))) == 1


@pytest.mark.parametrize(
    "dtype", [np.dtype(object), np.dtype([("a", "f8"), ("b", object)]), np.dtype((object, (2,)))], ids=str
)
def test_dtypes_with_objects_are_refused(dtype: np.dtype[Any]) -> None:
    with pytest.raises(TypeError, match="object"):
        TensorProducer.from_sample("any", np.zeros(3, dtype))


def test_too_long_dtype_description_is_refused_with_the_reason() -> None:
    dtype = np.dtype([(f"a_rather_long_field_name_{number}", "f8") for number in range(300)])
    with pytest.raises((ValueError, TypeError), match=r"descri|bytes|long"):
        TensorProducer.from_sample("any", np.zeros(3, dtype))


def test_nan_payloads_negative_zero_and_denormals_keep_their_bits() -> None:
    patterns = np.array([0x7FF8DEADBEEF0001, 0xFFF0000000000001, 0x8000000000000000, 1], np.uint64)
    with TensorProducer.from_sample("any", np.zeros(4)) as producer, TensorStream("any") as stream:
        producer.publish(patterns.view(np.float64))
        assert stream.get_last().view(np.uint64).tolist() == patterns.tolist()

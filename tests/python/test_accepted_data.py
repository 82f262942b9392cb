"""publish accepts matching arrays, and refuses others with expected and got. It never casts or reshapes data."""

from __future__ import annotations

import array
import ctypes
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from polymorph_ipc import SchemaMismatchError, TensorProducer, TensorStream

SHAPE = (3, 4)

MISMATCHES: dict[str, tuple[Any, list[str]]] = {
    "shape": (np.zeros((3, 5)), ["(3, 4)", "(3, 5)"]),
    "transposed shape": (np.zeros((4, 3)), ["(3, 4)", "(4, 3)"]),
    "flattened": (np.zeros(12), ["(3, 4)", "(12,)"]),
    "one dimension more": (np.zeros((1, 3, 4)), ["(3, 4)", "(1, 3, 4)"]),
    "0-d": (np.array(0.0), ["(3, 4)", "()"]),
    "empty": (np.zeros((0, 4)), ["(3, 4)", "(0, 4)"]),
    "float32": (np.zeros(SHAPE, np.float32), ["float64", "float32"]),
    "int64 of the same size": (np.zeros(SHAPE, np.int64), ["float64", "int64"]),
    "complex of twice the size": (np.zeros(SHAPE, np.complex128), ["float64", "complex128"]),
    "bool": (np.zeros(SHAPE, np.bool_), ["float64", "bool"]),
    "big-endian": (np.zeros(SHAPE, ">f8"), ["float64", ">f8"]),
    "datetime": (np.zeros(SHAPE, "M8[ns]"), ["float64", "datetime64[ns]"]),
    "broadcastable": (np.zeros((1, 4)), ["(3, 4)", "(1, 4)"]),
}


@pytest.mark.parametrize("mistake", MISMATCHES)
def test_mismatching_array_is_refused_with_expected_and_got(mistake: str) -> None:
    wrong, parts = MISMATCHES[mistake]
    with TensorProducer.from_sample("arm/q", np.zeros(SHAPE)) as producer, TensorStream("arm/q") as stream:
        producer.publish(np.ones(SHAPE))
        with pytest.raises(SchemaMismatchError) as refusal:
            producer.publish(wrong)
        for part in [*parts, "arm/q"]:
            assert part in str(refusal.value)
        assert producer.seq == 1, "nothing was published"
        assert np.array_equal(stream.get_last(), np.ones(SHAPE))


def masked() -> Any:
    return np.ma.masked_array(np.zeros(SHAPE), mask=np.eye(3, 4))


class PilImage:
    """An object with an array interface, as images of PIL have."""

    __array_interface__: ClassVar[dict[str, Any]] = np.zeros(SHAPE).__array_interface__


class Series:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.zeros(SHAPE)


NOT_ARRAYS: dict[str, tuple[Any, str]] = {
    "list": ([[0.0] * 4] * 3, "asarray"),
    "tuple": (((0.0,) * 4,) * 3, "asarray"),
    "numpy.matrix": (np.zeros(SHAPE).view(np.matrix), "asarray"),
    "masked array": (masked(), "filled"),
    "masked array without a masked element": (np.ma.masked_array(np.zeros(SHAPE)), "filled"),
    "None": (None, "None"),
    "str": ("frame", "str"),
    "range": (range(12), "range.*asarray"),
    "image of PIL": (PilImage(), "asarray"),
    "offers __array__": (Series(), "asarray"),
    "generator": ((x for x in ()), "generator"),
    "set": ({1.0}, "set"),
    "object": (object(), "object"),
    "type": (np.float64, "type"),
}


@pytest.mark.parametrize("thing", NOT_ARRAYS)
def test_object_that_is_not_an_array_is_refused_with_the_conversion(thing: str) -> None:
    wrong, word = NOT_ARRAYS[thing]
    with TensorProducer.from_sample("arm/q", np.zeros(SHAPE)) as producer:
        with pytest.raises(TypeError, match=word):
            producer.publish(wrong)
        assert producer.seq == 0


@pytest.mark.parametrize(
    "thing", ["list", "tuple", "numpy.matrix", "masked array", "None", "str", "set", "image of PIL"]
)
def test_object_that_is_not_an_array_is_refused_as_sample(thing: str) -> None:
    wrong, word = NOT_ARRAYS[thing]
    with pytest.raises(TypeError, match=word):
        TensorProducer.from_sample("arm/q", wrong)


def test_object_arrays_are_refused() -> None:
    with TensorProducer.from_sample("arm/q", np.zeros(SHAPE)) as producer:
        with pytest.raises((SchemaMismatchError, TypeError), match="object"):
            producer.publish(np.zeros(SHAPE, object))
        assert producer.seq == 0


if TYPE_CHECKING:
    PlainArray = np.ndarray[Any, Any]
else:
    PlainArray = np.ndarray  # numpy 1.21 cannot subscript it


class Subclass(PlainArray):
    """An ndarray subclass."""


def test_plain_subclasses_of_ndarray_are_accepted() -> None:
    pixels = np.arange(12.0).reshape(SHAPE)
    with TensorProducer.from_sample("arm/q", np.zeros(SHAPE)) as producer, TensorStream("arm/q") as stream:
        producer.publish(pixels.view(Subclass))
        frame = stream.get_last()
        assert type(frame) is np.ndarray
        assert np.array_equal(frame, pixels)


def test_read_only_arrays_and_memory_maps_are_accepted(tmp_path: Any) -> None:
    pixels = np.arange(12.0).reshape(SHAPE)
    pixels.flags.writeable = False
    on_disk = np.memmap(tmp_path / "frame", np.float64, "w+", shape=SHAPE)
    on_disk[:] = pixels
    with TensorProducer.from_sample("arm/q", np.zeros(SHAPE)) as producer, TensorStream("arm/q") as stream:
        for data in (pixels, on_disk):
            producer.publish(data)
            assert np.array_equal(stream.get_last(), pixels)


BUFFERS: dict[str, tuple[Any, Any]] = {
    "bytes": (b"abc", np.frombuffer(b"abc", np.uint8)),
    "bytearray": (bytearray(b"abc"), np.frombuffer(b"abc", np.uint8)),
    "array.array": (array.array("d", [1, 2, 3]), np.array([1.0, 2, 3])),
    "memoryview": (memoryview(array.array("h", [1, 2])), np.array([1, 2], np.int16)),
    "ctypes array": ((ctypes.c_int32 * 3)(5, 6, 7), np.array([5, 6, 7], np.int32)),
    "strided memoryview": (memoryview(b"abcdef")[::2], np.frombuffer(b"ace", np.uint8)),
}


@pytest.mark.parametrize("kind", BUFFERS)
def test_objects_with_the_buffer_protocol_are_accepted(kind: str) -> None:
    data, expected = BUFFERS[kind]
    with TensorProducer.from_sample("any", expected) as producer, TensorStream("any") as stream:
        producer.publish(data)
        frame = stream.get_last()
        assert frame.dtype == expected.dtype
        assert np.array_equal(frame, expected)


class OffersDLPack:
    """An array of an unknown library."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __dlpack__(self, **options: Any) -> Any:
        return self.held.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.held.__dlpack_device__()


@pytest.mark.skipif(not hasattr(np.ndarray, "__dlpack_device__"), reason="numpy 1.21 has no DLPack")
def test_objects_with_dlpack_are_accepted() -> None:
    pixels = np.arange(12, dtype=np.float32).reshape(SHAPE)
    with TensorProducer.from_sample("any", pixels) as producer, TensorStream("any") as stream:
        for data in (OffersDLPack(pixels), OffersDLPack(pixels[::-1, ::-1]), OffersDLPack(pixels.T.copy().T)):
            producer.publish(data)
            assert np.array_equal(stream.get_last(), np.asarray(data.held))
        with pytest.raises(SchemaMismatchError):
            producer.publish(OffersDLPack(pixels.astype(np.float64)))
        with pytest.raises(SchemaMismatchError):
            producer.publish(OffersDLPack(pixels[:2]))


SCALARS: list[tuple[str, list[Any], list[Any]]] = [
    ("?", [True, False, np.bool_(True)], [1, 0.0, "True", np.int8(1)]),
    ("u1", [0, 255, np.uint8(7)], [256, -1, 1.0, True, np.int8(1), 10**30]),
    ("i1", [-128, 127], [128, -129, 1.5]),
    ("i8", [-(2**63), 2**63 - 1, np.int64(5)], [2**63, -(2**63) - 1, 0.5, np.float64(1)]),
    ("u8", [0, 2**64 - 1], [2**64, -1]),
    ("f8", [0.5, float("inf"), np.float64(2)], [1, True, 1j, np.float32(1), "0.5"]),
    ("f4", [0.5, np.float32(2)], [1, np.float64(0.5)]),
    ("c16", [1 + 2j, np.complex128(3)], [1, 1.5, np.complex64(3)]),
]


@pytest.mark.parametrize(("code", "taken", "refused"), SCALARS, ids=[code for code, _, _ in SCALARS])
def test_zero_d_pool_accepts_only_scalars_of_its_kind_and_range(
    code: str, taken: list[Any], refused: list[Any]
) -> None:
    with TensorProducer.from_sample("n", np.zeros((), code)) as producer, TensorStream("n") as stream:
        for scalar in taken:
            producer.publish(scalar)
            frame = stream.get_last()
            assert frame.shape == ()
            assert frame.dtype == np.dtype(code)
            assert frame[()] == scalar
            producer.publish(np.array(scalar, code))
            assert stream.get_last()[()] == scalar
        published = producer.seq
        for scalar in refused:
            with pytest.raises((TypeError, ValueError, OverflowError)):
                producer.publish(scalar)
            assert producer.seq == published, f"{scalar!r} was published"


def test_scalar_is_not_broadcast_to_an_array() -> None:
    with (
        TensorProducer.from_sample("arm/q", np.zeros(SHAPE)) as producer,
        pytest.raises((SchemaMismatchError, TypeError)),
    ):
        producer.publish(0.0)


@pytest.mark.parametrize("dimensions", [9, 16])
def test_more_than_eight_dimensions_are_refused(dimensions: int) -> None:
    with pytest.raises(ValueError, match="8"):
        TensorProducer.from_sample("any", np.zeros((1,) * dimensions))


@pytest.mark.parametrize(
    "options",
    [
        {"history_len": 0},
        {"history_len": -1},
        {"history_len": 32769},
        {"history_len": 2**40},
        {"spare": -1},
        {"spare": 2**40},
        {"mode": 0o1000},
        {"mode": -1},
    ],
    ids=str,
)
def test_option_out_of_range_is_refused(options: dict[str, Any], pool_folder: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        TensorProducer.from_sample("any", np.zeros(3), **options)
    assert list(pool_folder.iterdir()) == []


def test_longest_history_can_be_read() -> None:
    with TensorProducer.from_sample("any", np.zeros(1), history_len=32768) as producer, TensorStream("any") as stream:
        for number in range(3):
            producer.publish(np.full(1, float(number)))
        assert stream.get_history(3).ravel().tolist() == [0, 1, 2]

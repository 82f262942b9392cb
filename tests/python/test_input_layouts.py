"""Arrays of any memory layout are published exactly: transposed, reversed, broadcast, sliced, overlapping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray
from polymorph_ipc import TensorProducer, TensorStream

BASE = np.arange(2 * 6 * 8, dtype=np.int32).reshape(2, 6, 8)

LAYOUTS: dict[str, NDArray[Any]] = {
    "contiguous": BASE,
    "fortran order": np.asfortranarray(BASE),
    "transposed": BASE.T,
    "axes moved": np.moveaxis(BASE, 0, -1),
    "reversed": BASE[::-1, ::-1, ::-1],
    "every other": BASE[:, ::2, 1::3],
    "every other backwards": BASE[::-1, ::-2, ::3],
    "broadcast": np.broadcast_to(BASE[0, 0], (5, 4, 8)),
    "broadcast scalar": np.broadcast_to(np.int32(7), (3, 3)),
    "sliding windows": sliding_window_view(np.arange(10, dtype=np.int32), 4),
    "one column": BASE[0, :, 3],
    "new axis": BASE[:, None, :, 2],
    "unaligned": np.frombuffer(b"x" + BASE.tobytes(), np.uint8)[1:].view(np.int32).reshape(BASE.shape),
    "field of a record": np.zeros((4, 5), [("a", "u1"), ("b", "i4"), ("c", "u1")])["b"],
    "strides of a dimension of one": as_strided(BASE[0], (1, 8), (10**9, 4)),
    "empty slice": BASE[:, 6:, :],
    "channels first of an image": np.arange(4 * 6 * 3, dtype=np.int32).reshape(4, 6, 3).transpose(2, 0, 1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_is_published_exactly_and_read_contiguous(layout: str) -> None:
    data = LAYOUTS[layout]
    with TensorProducer.from_sample("any", data) as producer, TensorStream("any") as stream:
        producer.publish(data)
        frame = stream.get_last()
        assert frame.shape == data.shape
        assert frame.flags.c_contiguous
        assert frame.tobytes() == data.tobytes()


@pytest.mark.parametrize("itemsize", [1, 2, 3, 4, 5, 8, 12, 16, 24])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_slice_of_any_transposition_is_exact_for_every_itemsize(itemsize: int, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=7))
    count = int(np.prod(shape))
    base = np.random.default_rng(0).bytes(count * itemsize)
    array = np.frombuffer(base, f"V{itemsize}").reshape(shape)
    axes = data.draw(st.permutations(range(len(shape))))
    part = array.transpose(axes)[
        data.draw(hnp.basic_indices(tuple(shape[axis] for axis in axes), allow_ellipsis=False))
    ]
    with TensorProducer.from_sample("any", part) as producer, TensorStream("any") as stream:
        producer.publish(part)
        assert stream.get_last().tobytes() == part.tobytes()
        out = np.zeros(shape, f"V{itemsize}").transpose(axes)
        if out.shape == part.shape:
            assert stream.get_last(out=out).tobytes() == part.tobytes()


LARGE = np.arange(300 * 400 * 3, dtype=np.uint16).reshape(300, 400, 3)


@pytest.mark.parametrize(
    "view",
    [LARGE.transpose(2, 0, 1), LARGE[::-1, ::2], LARGE[:, :, ::-1], LARGE[:, :, 1], np.asfortranarray(LARGE)],
    ids=["channels first", "every other column", "bgr", "one channel", "fortran"],
)
def test_large_strided_images_are_exact(view: NDArray[Any]) -> None:
    with TensorProducer.from_sample("cam", view) as producer, TensorStream("cam") as stream:
        for _ in range(3):
            producer.publish(view)
            assert np.array_equal(stream.get_last(), view)


def test_publishing_a_view_of_the_same_pool_is_exact() -> None:
    """The source array is another slot of the same file."""
    with TensorProducer.from_sample("cam", BASE) as producer, TensorStream("cam") as stream:
        producer.publish(BASE)
        for _ in range(40):
            producer.publish(stream.get_last())
        assert np.array_equal(stream.get_last(), BASE)


def test_data_may_change_after_publish_has_returned() -> None:
    frame = np.zeros((300, 400), np.int64)
    with TensorProducer.from_sample("cam", frame) as producer, TensorStream("cam") as stream:
        for number in range(1, 20):
            frame.fill(number)
            producer.publish(frame)
            frame.fill(-1)
            assert np.unique(stream.get_last()).tolist() == [number]

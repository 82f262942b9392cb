"""Metadata: JSON values of a producer, read by streams and by inspect_pool."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polymorph_ipc import TensorProducer, TensorStream, inspect_pool

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=12), json_values, max_size=5))
@settings(max_examples=60, deadline=None)
def test_metadata_round_trips_unchanged(metadata: dict[str, Any]) -> None:
    with TensorProducer.from_sample("arm/q", np.zeros(7), metadata=metadata) as producer:
        with TensorStream("arm/q") as stream:
            assert stream.metadata == metadata
            assert producer.metadata == metadata
            assert inspect_pool("arm/q").metadata == metadata


def test_pool_without_metadata_has_an_empty_dict() -> None:
    with TensorStream("arm/q") as stream:
        assert stream.metadata is None, "the stream was never connected"
        with TensorProducer.from_sample("arm/q", np.zeros(7)) as producer:
            assert stream.wait_connected(timeout=20)
            assert stream.metadata == {}
            assert producer.metadata == {}
            assert inspect_pool("arm/q").metadata == {}


def test_metadata_follows_a_new_pool_of_the_same_name() -> None:
    with TensorStream("arm/q") as stream:
        for unit in ("rad", "deg"):
            with TensorProducer.from_sample("arm/q", np.zeros(7), metadata={"unit": unit}) as producer:
                producer.publish(np.zeros(7))
                stream.get_last()
                assert stream.metadata == {"unit": unit}


def test_changing_read_metadata_changes_no_other_copy() -> None:
    given = {"joints": ["a", "b"]}
    with TensorProducer.from_sample("arm/q", np.zeros(7), metadata=given) as producer, TensorStream("arm/q") as stream:
        given["joints"].append("c")
        stream.metadata["joints"].append("d")
        assert producer.metadata == {"joints": ["a", "b"]}
        assert stream.metadata == {"joints": ["a", "b"]}
        assert inspect_pool("arm/q").metadata == {"joints": ["a", "b"]}


@pytest.mark.parametrize(
    "metadata",
    [
        {"f": np.float64},
        {"a": np.zeros(3)},
        {"o": object()},
        {1: "key"},
        {"s": {1, 2}},
        {"n": math.nan},
        ["list"],
        "text",
    ],
    ids=str,
)
def test_metadata_that_is_not_json_is_refused(metadata: Any, pool_folder: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        TensorProducer.from_sample("arm/q", np.zeros(7), metadata=metadata)
    assert list(pool_folder.iterdir()) == []


def test_metadata_of_more_than_a_megabyte_is_refused() -> None:
    metadata = {"calibration": "x" * (2**20 - 40)}
    with TensorProducer.from_sample("arm/q", np.zeros(7), metadata=metadata), TensorStream("arm/q") as stream:
        assert stream.metadata == metadata
    with pytest.raises(ValueError, match=r"1048576|1 MiB|metadata"):
        TensorProducer.from_sample("arm/q", np.zeros(7), metadata={"calibration": "x" * 2**20})

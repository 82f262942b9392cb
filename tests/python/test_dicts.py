"""Dicts of tensors: one publish for all fields, one pin for all views, errors with the field name."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from polymorph_ipc import InvalidArgumentError, SchemaMismatchError, TensorProducer, TensorStream

from support.frames import number_of, numbers_of


def observation(number: int) -> dict[str, NDArray[Any]]:
    return {
        "rgb": np.full((6, 8, 3), number, np.uint8),
        "depth": np.full((6, 8), number, np.float32),
        "q": np.full(7, number, np.float64),
        "count": np.array(number, np.int16),
    }


def numbers_in(sample: dict[str, NDArray[Any]]) -> set[int]:
    return {number_of(field) for field in sample.values()}


def test_dict_keeps_its_field_order_dtypes_and_shapes() -> None:
    with TensorProducer.from_sample("obs", observation(0)) as producer, TensorStream("obs") as stream:
        assert producer.publish(observation(5)) == 1
        sample = stream.get_last()
        assert list(sample) == ["rgb", "depth", "q", "count"]
        for name, field in observation(5).items():
            assert (sample[name].dtype, sample[name].shape) == (field.dtype, field.shape)
            assert np.array_equal(sample[name], field)
            assert not sample[name].flags.writeable
            assert sample[name].ctypes.data % 64 == 0, "fields are aligned"
        assert stream.schema.is_dict
        assert stream.shape == {name: field.shape for name, field in observation(0).items()}
        assert stream.dtype == {name: field.dtype for name, field in observation(0).items()}
        assert [field.name for field in producer.schema.fields] == list(sample)


def test_published_dict_may_have_its_keys_in_any_order() -> None:
    with TensorProducer.from_sample("obs", observation(0)) as producer, TensorStream("obs") as stream:
        producer.publish(dict(reversed(observation(3).items())))
        assert numbers_in(stream.get_last()) == {3}


def test_every_read_returns_a_dict() -> None:
    with TensorProducer.from_sample("obs", observation(0), history_len=4) as producer, TensorStream("obs") as stream:
        for number in range(1, 7):
            producer.publish(observation(number), stamp=number)
        assert numbers_in(stream.get_next(timeout=0)) == {3}
        history = stream.get_history(3)
        batch = stream.get_all_new()
        assert numbers_in(stream.get_last()) == {6}
        assert numbers_in(stream.get_at(4)) == {4}
        picked = stream.get_at(np.array([6, 3]))
        for name, field in observation(0).items():
            assert history[name].shape == (3, *field.shape)
            assert numbers_of(history[name]) == [4, 5, 6]
            assert numbers_of(batch[name]) == [4, 5, 6]
            assert numbers_of(picked[name]) == [6, 3]


def test_padding_a_dict_history_pads_every_field() -> None:
    with TensorProducer.from_sample("obs", observation(0), history_len=4) as producer, TensorStream("obs") as stream:
        producer.publish(observation(2))
        for pad, expected in (("repeat", [2, 2, 2]), ("zeros", [0, 0, 2])):
            history = stream.get_history(3, pad=pad)
            assert all(numbers_of(field) == expected for field in history.values())


def test_copies_and_out_work_for_dicts() -> None:
    with TensorProducer.from_sample("obs", observation(0)) as producer, TensorStream("obs") as stream:
        producer.publish(observation(4))
        copy, info = stream.get_last(copy=True, return_info=True)
        assert info.copied
        for field in copy.values():
            field[...] = 9
        assert numbers_in(stream.get_last()) == {4}
        out = observation(0)
        filled = stream.get_last(out=out)
        assert all(filled[name] is out[name] for name in out)
        assert numbers_in(out) == {4}
        incomplete = {name: field for name, field in out.items() if name != "q"}
        with pytest.raises(SchemaMismatchError, match="q"):
            stream.get_last(out=incomplete)


@pytest.mark.parametrize("kept", ["rgb", "depth", "q", "count"])
def test_one_held_field_pins_the_whole_sample(kept: str) -> None:
    with TensorProducer.from_sample("obs", observation(0), history_len=2) as producer, TensorStream("obs") as stream:
        producer.publish(observation(1))
        field = stream.get_last()[kept]
        assert stream.stats["views_held"] == 1, "one pin for all fields"
        for number in range(2, 40):
            producer.publish(observation(number))
        assert number_of(field) == 1
        assert stream.stats["views_held"] == 1
        del field
        gc.collect()
        assert stream.stats["views_held"] == 0


def test_seven_dicts_are_views_and_the_eighth_is_a_copy() -> None:
    with TensorProducer.from_sample("obs", observation(0)) as producer, TensorStream("obs") as stream:
        kept, copied = [], []
        for number in range(1, 10):
            producer.publish(observation(number))
            sample, info = stream.get_last(return_info=True)
            kept.append(sample)
            copied.append(info.copied)
        assert copied == [False] * 7 + [True] * 2
        assert [numbers_in(sample) for sample in kept] == [{number} for number in range(1, 10)]


def without(sample: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: field for other, field in sample.items() if other != name}


MISMATCHES: dict[str, tuple[Any, list[str]]] = {
    "missing field": (without(observation(1), "depth"), ["depth"]),
    "extra field": ({**observation(1), "wrench": np.zeros(6)}, ["wrench"]),
    "renamed field": ({**without(observation(1), "q"), "joints": np.zeros(7)}, ["q", "joints"]),
    "wrong shape": ({**observation(1), "q": np.zeros(6)}, ["q", "(7,)", "(6,)"]),
    "wrong dtype": ({**observation(1), "depth": np.zeros((6, 8))}, ["depth", "float32", "float64"]),
    "empty dict": ({}, ["rgb"]),
    "a tensor": (np.zeros(7), ["rgb", "depth", "q", "count"]),
}


@pytest.mark.parametrize("mistake", MISMATCHES)
def test_mismatching_dict_error_names_the_field_and_publishes_nothing(mistake: str) -> None:
    sample, parts = MISMATCHES[mistake]
    with TensorProducer.from_sample("obs", observation(0)) as producer, TensorStream("obs") as stream:
        producer.publish(observation(1))
        with pytest.raises((SchemaMismatchError, TypeError)) as refusal:
            producer.publish(sample)
        for part in parts:
            assert part in str(refusal.value)
        assert producer.seq == 1
        assert numbers_in(stream.get_last()) == {1}
        producer.publish(observation(2))
        assert numbers_in(stream.get_last()) == {2}


def test_dict_for_a_plain_pool_is_refused() -> None:
    with TensorProducer.from_sample("arm/q", np.zeros(7)) as producer:
        with pytest.raises((SchemaMismatchError, TypeError)) as refusal:
            producer.publish({"q": np.zeros(7)})
        assert "dict" in str(refusal.value)
        assert "arm/q" in str(refusal.value)


def test_list_in_a_dict_is_refused_with_the_field_name() -> None:
    with TensorProducer.from_sample("obs", observation(0)) as producer, pytest.raises(TypeError, match="q"):
        producer.publish({**observation(1), "q": [0.0] * 7})


@pytest.mark.parametrize(
    "sample",
    [
        {},
        {f"field_{number}": np.zeros(1) for number in range(33)},
        {"": np.zeros(1), "q": np.zeros(1)},
        {"x" * 64: np.zeros(1)},
        {"nested": {"q": np.zeros(1)}},
        {7: np.zeros(1)},
        {"q\0": np.zeros(1)},
    ],
    ids=["no field", "33 fields", "empty name", "long name", "nested", "name that is not a string", "NUL in a name"],
)
def test_dict_sample_outside_the_limits_is_refused(sample: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        TensorProducer.from_sample("obs", sample)


def test_dict_with_32_fields_and_the_longest_unicode_names_is_published() -> None:
    names = [f"{number:02d}" + "n" * 61 for number in range(31)] + ["éßλ→カメラ"]
    sample = {name: np.array([number]) for number, name in enumerate(names)}
    with TensorProducer.from_sample("wide", sample) as producer, TensorStream("wide") as stream:
        producer.publish(sample)
        assert {name: int(field[0]) for name, field in stream.get_last().items()} == {
            name: number for number, name in enumerate(names)
        }


def test_dict_with_one_field_is_read_as_a_dict() -> None:
    with TensorProducer.from_sample("obs", {"q": np.zeros(7)}) as producer, TensorStream("obs") as stream:
        producer.publish({"q": np.ones(7)})
        assert list(stream.get_last()) == ["q"]
        with pytest.raises((SchemaMismatchError, TypeError)):
            producer.publish(np.ones(7))


def test_the_same_array_may_be_published_in_two_fields() -> None:
    shared = np.arange(3.0)
    with TensorProducer.from_sample("obs", {"a": shared, "b": shared}) as producer, TensorStream("obs") as stream:
        producer.publish({"a": shared, "b": shared[::-1]})
        sample = stream.get_last()
        assert sample["a"].tolist() == [0, 1, 2]
        assert sample["b"].tolist() == [2, 1, 0]


def test_nine_variable_fields_are_refused() -> None:
    sample = {f"points_{number}": np.zeros((4, 3)) for number in range(9)}
    with pytest.raises(InvalidArgumentError, match="8"):
        TensorProducer.from_sample("obs", sample, variable=True)


def test_keys_equal_to_the_field_names_but_other_objects_are_found() -> None:
    with TensorProducer.from_sample("obs", observation(0)) as producer, TensorStream("obs") as stream:
        for number, names in enumerate((list(observation(0)), list(reversed(observation(0)))), start=1):
            producer.publish({"".join(list(name)): observation(number)[name] for name in names})
            assert numbers_in(stream.get_last()) == {number}

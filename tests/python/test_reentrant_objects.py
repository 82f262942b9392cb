"""Objects whose comparison, hash or conversion runs code that changes the arguments of the call they are passed to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from polymorph_ipc import ClosedError, Schema, SchemaMismatchError, TensorProducer, TensorStream, WrongStateError

from support.frames import number_of
from support.processes import Spawner

PREPARE = """
    import gc
    import numpy as np
    from polymorph_ipc import ClosedError, SchemaMismatchError, TensorProducer, TensorStream

    def sample(number):
        return {"a": np.full(2000, float(number)), "b": np.full(3, float(number))}

    producer = TensorProducer.from_sample("obs", sample(0))
    stream = TensorStream("obs")
    kept = []

    class Key(str):
        # found where "b" is looked up
        def __hash__(self):
            return str.__hash__("b")

        def __eq__(self, other):
            interfere()
            return str.__eq__(self, other)

        def __ne__(self, other):
            return not self == other

    data = {"a": np.full(2000, 1.0), Key("b"): np.full(3, 1.0)}
"""

INTERFERENCE = {
    "takes an array out of the dict": (
        """
    def interfere():
        data.pop("a", None)
        kept.extend(np.full(2000, 666.0) for _ in range(50))
    producer.publish(data)
    assert set(stream.get_last()["a"]) == {1.0}
    """
    ),
    "closes the producer": (
        """
    def interfere():
        producer.cleanup()
    try:
        producer.publish(data)
    except ClosedError:
        send("refused")
    """
    ),
    "publishes another sample": (
        """
    def interfere():
        producer.publish(sample(7))
    producer.publish(data)
    assert set(stream.get_last()["a"]) == {1.0}
    """
    ),
}


@pytest.mark.parametrize("interference", INTERFERENCE)
def test_key_that_runs_code_in_its_comparison_does_no_damage(spawn: Spawner, interference: str) -> None:
    spawn(PREPARE + INTERFERENCE[interference]).succeed()


def test_key_that_empties_the_dict_during_the_error_text_does_no_damage(spawn: Spawner) -> None:
    spawn(
        PREPARE
        + """
    class Emptying:
        hashed = 0
        def __hash__(self):
            Emptying.hashed += 1
            if Emptying.hashed > 1:
                wrong.clear()
                kept.extend(object() for _ in range(1000))
            return 5

    wrong = {**sample(1), Emptying(): 1}
    try:
        producer.publish(wrong)
    except SchemaMismatchError as error:
        assert "which it does not have" in str(error)
    else:
        raise AssertionError("published")
    """
    ).succeed()


def test_key_that_empties_the_out_dict_does_no_damage(spawn: Spawner) -> None:
    spawn(
        PREPARE
        + """
    def interfere():
        out.clear()
        kept.extend(np.full(2000, 666.0) for _ in range(50))
    producer.publish(sample(3))
    out = {"a": np.zeros(2000), Key("b"): np.zeros(3)}
    try:
        frame = stream.get_last(out=out)
    except SchemaMismatchError:
        pass
    else:
        assert set(frame["a"]) == {3.0}
    """
    ).succeed()


class InterferingNumber:
    """A number that calls a function when its value is read."""

    def __init__(self, value: int, interfere: Any) -> None:
        self.value = value
        self.interfere = interfere

    def __index__(self) -> int:
        self.interfere()
        return self.value


def test_length_object_that_changes_the_loans_lengths() -> None:
    sample = {"points": np.zeros((4, 3)), "labels": np.zeros(4, np.int64)}
    with TensorProducer.from_sample("scan", sample, variable=True) as producer, TensorStream("scan") as stream:
        with producer.loan() as frame:

            def interfere() -> None:
                frame.length = 5
                frame.stamp = 6

            frame.length = {"points": InterferingNumber(2, interfere), "labels": InterferingNumber(1, interfere)}
            frame.stamp = 3
            frame.data["points"][:] = 7
        scan = stream.get_last()
        assert number_of(scan["points"]) == 7
        assert [len(scan["points"]), len(scan["labels"])] == [2, 1]


def test_stamp_object_that_commits_the_loan() -> None:
    with TensorProducer.from_sample("cam", np.zeros(3)) as producer:
        loan = producer.loan()
        calls: list[int] = []

        def interfere() -> None:
            calls.append(1)
            if len(calls) == 2:
                loan.stamp = None
                loan.commit()

        loan.stamp = InterferingNumber(3, interfere)  # type: ignore[assignment]
        with pytest.raises(WrongStateError):
            loan.commit()
        assert producer.seq == 1


def test_schema_rows_that_are_cleared_while_they_are_read() -> None:
    rows: list[Any] = []

    class FalseWithSideEffect:
        def __bool__(self) -> bool:
            rows.clear()
            return False

    rows.extend([("a" * 20, 2, 64, None, 8, (3,), FalseWithSideEffect()), ("b", 2, 64, None, 8, (3,), False)])
    schema = Schema(rows)
    assert [field.name for field in schema.fields] == ["a" * 20, "b"]


@pytest.mark.parametrize("rows", ["a", [1], ["abcdefg"], [None]])
def test_schema_of_invalid_rows_names_from_sample(rows: Any) -> None:
    with pytest.raises(TypeError, match=r"Schema\.from_sample"):
        Schema(rows)


def test_publish_whose_stamp_object_closes_the_producer_is_refused() -> None:
    producer = TensorProducer.from_sample("cam", np.zeros(3))
    with pytest.raises(ClosedError):
        producer.publish(np.zeros(3), stamp=InterferingNumber(1, producer.cleanup))  # type: ignore[arg-type]


def test_mapping_is_published_and_other_objects_are_refused() -> None:
    from collections import UserDict

    sample = {"a": np.zeros(3), "b": np.zeros(2)}
    with TensorProducer.from_sample("obs", sample) as producer, TensorStream("obs") as stream:
        producer.publish(UserDict({"a": np.ones(3), "b": np.ones(2)}))
        assert number_of(stream.get_last()["a"]) == 1
        for wrong in (np.zeros(3), [np.zeros(3)], "text", 3):
            with pytest.raises(TypeError, match=r"'obs' carries .*: publish a dict of arrays, not"):
                producer.publish(wrong)
        with pytest.raises(SchemaMismatchError, match="without"):
            producer.publish({"a": np.zeros(3)})

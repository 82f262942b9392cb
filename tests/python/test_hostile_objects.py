"""Objects whose comparison, hash or conversion runs code: it pulls the ground from under the call they are given to."""

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
            meddle()
            return str.__eq__(self, other)

        def __ne__(self, other):
            return not self == other

    hostile = {"a": np.full(2000, 1.0), Key("b"): np.full(3, 1.0)}
"""

MEDDLING = {
    "takes an array out of the dict": (
        """
    def meddle():
        hostile.pop("a", None)
        kept.extend(np.full(2000, 666.0) for _ in range(50))
    producer.publish(hostile)
    assert set(stream.get_last()["a"]) == {1.0}
    """
    ),
    "closes the producer": (
        """
    def meddle():
        producer.cleanup()
    try:
        producer.publish(hostile)
    except ClosedError:
        send("refused")
    """
    ),
    "publishes meanwhile": (
        """
    def meddle():
        producer.publish(sample(7))
    producer.publish(hostile)
    assert set(stream.get_last()["a"]) == {1.0}
    """
    ),
}


@pytest.mark.parametrize("meddling", MEDDLING)
def test_a_key_that_runs_code_when_it_is_compared_does_no_harm(spawn: Spawner, meddling: str) -> None:
    spawn(PREPARE + MEDDLING[meddling]).succeed()


def test_a_key_that_empties_the_dict_while_its_fields_are_named_does_no_harm(spawn: Spawner) -> None:
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


def test_a_key_that_empties_the_dict_of_out_does_no_harm(spawn: Spawner) -> None:
    spawn(
        PREPARE
        + """
    def meddle():
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


class Meddling:
    """A number that does something when it is asked for its value."""

    def __init__(self, value: int, meddle: Any) -> None:
        self.value = value
        self.meddle = meddle

    def __index__(self) -> int:
        self.meddle()
        return self.value


def test_a_length_that_changes_the_loans_lengths_when_it_is_read() -> None:
    sample = {"points": np.zeros((4, 3)), "labels": np.zeros(4, np.int64)}
    with TensorProducer.from_sample("scan", sample, variable=True) as producer, TensorStream("scan") as stream:
        with producer.loan() as frame:

            def meddle() -> None:
                frame.length = 5
                frame.stamp = 6

            frame.length = {"points": Meddling(2, meddle), "labels": Meddling(1, meddle)}
            frame.stamp = 3
            frame.data["points"][:] = 7
        scan = stream.get_last()
        assert number_of(scan["points"]) == 7
        assert [len(scan["points"]), len(scan["labels"])] == [2, 1]


def test_a_stamp_that_ends_the_loan_when_it_is_read() -> None:
    with TensorProducer.from_sample("cam", np.zeros(3)) as producer:
        loan = producer.loan()
        calls: list[int] = []

        def meddle() -> None:
            calls.append(1)
            if len(calls) == 2:
                loan.stamp = None
                loan.commit()

        loan.stamp = Meddling(3, meddle)  # type: ignore[assignment]
        with pytest.raises(WrongStateError):
            loan.commit()
        assert producer.seq == 1


def test_rows_of_a_schema_that_are_taken_away_while_they_are_read() -> None:
    rows: list[Any] = []

    class Falsish:
        def __bool__(self) -> bool:
            rows.clear()
            return False

    rows.extend([("a" * 20, 2, 64, None, 8, (3,), Falsish()), ("b", 2, 64, None, 8, (3,), False)])
    schema = Schema(rows)
    assert [field.name for field in schema.fields] == ["a" * 20, "b"]


@pytest.mark.parametrize("rows", ["a", [1], ["abcdefg"], [None]])
def test_a_schema_of_anything_but_rows_says_how_schemas_are_made(rows: Any) -> None:
    with pytest.raises(TypeError, match=r"Schema\.from_sample"):
        Schema(rows)


def test_a_producer_that_its_stamp_closes_refuses() -> None:
    producer = TensorProducer.from_sample("cam", np.zeros(3))
    with pytest.raises(ClosedError):
        producer.publish(np.zeros(3), stamp=Meddling(1, producer.cleanup))  # type: ignore[arg-type]


def test_a_mapping_that_is_no_dict_is_published_and_other_things_are_told_from_it() -> None:
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

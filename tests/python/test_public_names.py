"""The public names, in one table. A new name needs an entry here, a docstring and a place in the documents."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import polymorph_ipc
import polymorph_ipc.ros
import pytest
from polymorph_ipc import TensorProducer, TensorStream
from polymorph_ipc._ros.pool_publisher import PoolPublisherStats
from polymorph_ipc._ros.publication import PublicationStats
from polymorph_ipc.ros import PoolPublisher

from support.processes import Spawner

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "python" / "polymorph_ipc" / "_core.pyi"

PACKAGE = """
    ClosedError Field ForkedError HistoryInfo InvalidArgumentError InvalidNameError Loan OutOfMemoryError PolymorphError
    PoolBusyError PoolCorruptError PoolFullError PoolIncompatibleError PoolInfo PoolLostError PoolNotFoundError
    PoolPermissionError PoolSpaceError ReaderInfo SampleInfo Schema SchemaMismatchError StreamStats SystemCallError
    TensorProducer TensorStream UnsupportedError WrongStateError
    clean_pools cleanup_on_sigterm explain_faults inspect_pool list_pools remove_pool wait_any wait_connected
"""
CLASSES = {
    TensorProducer: """
        abandon adopted cleanup close closed dtype from_sample history_len incarnation loan metadata origin pool_name
        publish readers ros_stats schema seq shape slot_count sweep
    """,
    TensorStream: """
        backend cleanup close closed connected dtype ended get_all_new get_at get_history get_last get_new get_next
        metadata pool_name producer_alive schema shape stats wait_connected
    """,
    polymorph_ipc.Loan: "commit data discard length seq stamp",
    polymorph_ipc.Schema: "fields from_sample is_dict nbytes numpy_dtype",
    PoolPublisher: "cleanup close pool_name running stats",
}
FIELDS = {
    polymorph_ipc.Field: "name dtype shape variable",
    polymorph_ipc.SampleInfo: "seq stamp age published dropped copied",
    polymorph_ipc.HistoryInfo: "seq stamp age published dropped copied",
    polymorph_ipc.ReaderInfo: """
        row alive pid command last_seq dropped copies oldest_pin_seq pinned_slots since
    """,
    polymorph_ipc.PoolInfo: """
        name status problem schema metadata incarnation seq stamp published age history_len slot_count origin nbytes
        file_nbytes mode uid retired producer_alive producer_pid producer_command producer_since owner_epoch
        clock_offset grown given_up cleared_rows malformed_cells readers
    """,
    polymorph_ipc.StreamStats: """
        received dropped copies reconnects views_held cursor head history_len slot_count
        path messages published in_place lost misfits misfit_reasons failures problem changes publishers reliability
        durability joint_stamps
    """,
    PublicationStats: "topic msg_type path published misfits failures bytes problem",
    PoolPublisherStats: """
        topic msg_type path published misfits failures bytes problem connected dropped running
    """,
}


def public(owner: Any) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def documents() -> str:
    """README, docs, the stub, whose texts are the extension's docstrings, and the docstrings of the public names."""
    files = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), STUB]
    owners = [polymorph_ipc, *(getattr(polymorph_ipc, name) for name in PACKAGE.split()), PoolPublisher]
    return "\n".join([*(path.read_text() for path in files), *(inspect.getdoc(owner) or "" for owner in owners)])


def undocumented(names: set[str], texts: str) -> list[str]:
    """The names that no text has as code: `name`, .name, name(, name= or a definition."""
    return sorted(
        name
        for name in names
        if re.search(rf"[.`\"]{name}\b|\b(?:def|class) {name}\b|\b{name}[(=]|^ +{name}:", texts, re.MULTILINE) is None
    )


def test_package_has_exactly_the_public_names_of_the_table() -> None:
    names = set(PACKAGE.split())
    assert public(polymorph_ipc) == {*names, "ros"}
    assert set(polymorph_ipc.__all__) == {*names, "__version__"}
    assert public(polymorph_ipc.ros) == set(polymorph_ipc.ros.__all__) == {"PoolPublisher"}


def test_use_of_the_package_adds_no_public_name(spawn: Spawner) -> None:
    spawn(f"""
        import numpy as np
        import polymorph_ipc
        from polymorph_ipc import TensorProducer, TensorStream
        with TensorProducer.from_sample("cam", np.zeros(3)) as producer, TensorStream("cam") as stream:
            producer.publish(np.zeros(3))
            assert stream.get_last() is not None
        polymorph_ipc.list_pools()
        assert set(filter(lambda name: name[0] != "_", dir(polymorph_ipc))) == set({PACKAGE!r}.split())
    """).succeed()


@pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: owner.__name__)
def test_class_has_exactly_the_public_names_of_the_table(owner: type) -> None:
    assert public(owner) == set(CLASSES[owner].split())


@pytest.mark.parametrize("owner", FIELDS, ids=lambda owner: owner.__name__)
def test_info_has_exactly_the_fields_of_the_table(owner: Any) -> None:
    fields = getattr(owner, "_fields", None) or (*owner.__required_keys__, *owner.__optional_keys__)
    assert set(fields) == set(FIELDS[owner].split())
    inherited = tuple if issubclass(owner, tuple) else dict
    assert public(owner) - set(fields) <= public(inherited)


def test_handles_have_only_the_public_attributes_of_their_class() -> None:
    with TensorProducer.from_sample("cam", np.zeros(3)) as producer, TensorStream("cam") as stream:
        assert public(producer) == public(TensorProducer)
        assert public(stream) == public(TensorStream)
        with producer.loan() as frame:
            assert public(frame) == public(type(frame))


def test_every_public_name_is_documented() -> None:
    texts = documents()
    assert undocumented(set(PACKAGE.split()), texts) == []
    for owner, names in CLASSES.items():
        assert undocumented(set(names.split()), texts) == [], owner.__name__


def test_undocumented_name_is_found() -> None:
    assert undocumented({"get_last", "get_latest", "shut"}, documents()) == ["get_latest", "shut"]


def test_every_public_name_has_a_docstring() -> None:
    assert all(inspect.getdoc(getattr(polymorph_ipc, name)) for name in PACKAGE.split())
    silent = [
        f"{owner.__name__}.{name}"
        for owner, names in CLASSES.items()
        for name in names.split()
        if not getattr(inspect.getattr_static(owner, name), "__doc__", None) and not getattr(owner, name).__doc__
    ]
    assert silent == []


@pytest.mark.parametrize("owner", FIELDS, ids=lambda owner: owner.__name__)
def test_every_field_of_an_info_is_described(owner: type) -> None:
    described = re.findall(r"^    (\w+): ", inspect.getdoc(owner) or "", re.MULTILINE)
    assert sorted(described) == sorted(FIELDS[owner].split())


@pytest.mark.parametrize(
    "owner", [TensorProducer, TensorProducer.from_sample, TensorStream], ids=lambda each: each.__name__
)
def test_every_argument_is_described(owner: Any) -> None:
    texts = inspect.getdoc(owner.__init__ if owner is TensorProducer else owner) or ""
    described = re.findall(r"^    (\w+): ", texts.split("Args:")[1].split("\n\n")[0], re.MULTILINE)
    assert described == [name for name in inspect.signature(owner).parameters if name != "self"]


@pytest.mark.parametrize("name", PACKAGE.split())
def test_public_names_belong_to_the_package(name: str) -> None:
    value = getattr(polymorph_ipc, name)
    assert value.__module__ == "polymorph_ipc"
    assert pickle.loads(pickle.dumps(value)) is value


def test_pool_publisher_belongs_to_the_module_ros() -> None:
    assert PoolPublisher.__module__ == "polymorph_ipc.ros"
    assert pickle.loads(pickle.dumps(PoolPublisher)) is PoolPublisher


def test_infos_and_schemas_can_be_pickled() -> None:
    with TensorProducer.from_sample("cam", {"q": np.zeros(3)}) as producer, TensorStream("cam") as stream:
        producer.publish({"q": np.ones(3)})
        _, info = stream.get_last(return_info=True)
        _, infos = stream.get_history(1, return_info=True)
        (pool,) = polymorph_ipc.list_pools()
        for value in (info, pool, pool.readers[0], producer.schema, producer.schema.fields[0]):
            copy = pickle.loads(pickle.dumps(value))
            assert copy == value
            assert type(copy) is type(value)
        assert pickle.loads(pickle.dumps(infos)).seq == infos.seq
        with pickle.loads(pickle.dumps(stream)) as other:
            assert type(other) is TensorStream
            assert other.get_last()["q"].tolist() == [1, 1, 1]


def test_errors_can_be_pickled() -> None:
    error = polymorph_ipc.PoolBusyError("pool 'cam' is busy")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is polymorph_ipc.PoolBusyError
    assert str(copy) == str(error)


def test_close_calls_cleanup() -> None:
    class Watched(TensorStream):
        cleanups = 0

        def cleanup(self) -> None:
            type(self).cleanups += 1
            super().cleanup()

    producer = TensorProducer.from_sample("cam", np.zeros(3))
    stream = Watched("cam")
    stream.close()
    producer.close()
    assert stream.closed
    assert producer.closed
    assert Watched.cleanups == 1
    assert polymorph_ipc.list_pools() == []
    producer.close()
    stream.close()

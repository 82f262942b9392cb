"""Every test has a registry folder of its own and must leave nothing behind: no pool, no descriptor, no mapping."""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from support.observe import mappings_under, open_descriptors, pool_files
from support.processes import Nursery

# Started in the background, everything inherits an ignored SIGINT, and the children that tests interrupt would too.
signal.signal(signal.SIGINT, signal.default_int_handler)

HANG_SECONDS = 100
FAILED = pytest.StashKey[bool]()

torch_is_here = importlib.util.find_spec("torch") is not None
collect_ignore_glob = [] if torch_is_here else ["test_torch_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "leaves_pools: what stays in the registry folder is this test's own affair")
    config.addinivalue_line("markers", "any_python: long, and the same whichever Python runs it")
    if os.environ.get("PMIPC_REQUIRE_TORCH") == "1" and not torch_is_here:
        raise pytest.UsageError("PMIPC_REQUIRE_TORCH=1, but torch cannot be imported here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session", autouse=True)
def cheap_collections() -> None:
    """Leaks are looked for after a full collection each time; what was there before the tests need not be walked."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def pool_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh registry folder on tmpfs, checked and removed when the test is over."""
    folder = Path(tempfile.mkdtemp(prefix="pmipc-test-", dir="/dev/shm"))
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(folder))
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=sys.__stderr__)
    descriptors = open_descriptors()
    yield folder
    faulthandler.cancel_dump_traceback_later()
    try:
        if not request.node.stash.get(FAILED, False):
            assert_nothing_is_left(request.node, folder, descriptors)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def assert_nothing_is_left(test: pytest.Item, folder: Path, descriptors_before: dict[int, str]) -> None:
    gc.collect()
    if test.get_closest_marker("leaves_pools") is None:
        left = pool_files(folder)
        assert not left, f"files were left in the registry folder: {left}"
    leaked = {number: target for number, target in open_descriptors().items() if number not in descriptors_before}
    assert not leaked, f"descriptors were leaked: {leaked}"
    mappings = mappings_under(folder)
    assert not mappings, f"mappings were leaked: {mappings}"


@pytest.fixture
def spawn(pool_folder: Path, tmp_path: Path) -> Iterator[Nursery]:
    """Start child processes; whatever lives at the end of the test is killed."""
    nursery = Nursery(tmp_path)
    yield nursery
    nursery.dispose()

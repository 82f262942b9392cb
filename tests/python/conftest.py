"""Each test gets its own registry folder and must leave no pool, no descriptor and no mapping."""

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
from support.processes import Spawner

# A shell starts background jobs with SIGINT ignored. The children that tests interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

HANG_SECONDS = 100
FAILED = pytest.StashKey[bool]()

has_torch = importlib.util.find_spec("torch") is not None
collect_ignore_glob = [] if has_torch else ["test_torch_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "leaves_pools: the test may leave files in its registry folder")
    config.addinivalue_line("markers", "any_python: a long test whose result does not depend on the Python version")
    if os.environ.get("PMIPC_REQUIRE_TORCH") == "1" and not has_torch:
        raise pytest.UsageError("PMIPC_REQUIRE_TORCH=1, but torch is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session", autouse=True)
def freeze_existing_objects() -> None:
    """Each test ends with a full collection; frozen objects keep it fast."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def pool_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new registry folder on tmpfs. It is checked and removed after the test."""
    folder = Path(tempfile.mkdtemp(prefix="pmipc-test-", dir="/dev/shm"))
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(folder))
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=sys.__stderr__)
    descriptors = open_descriptors()
    yield folder
    faulthandler.cancel_dump_traceback_later()
    try:
        if not request.node.stash.get(FAILED, False):
            check_for_leaks(request.node, folder, descriptors)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_for_leaks(test: pytest.Item, folder: Path, descriptors_before: dict[int, str]) -> None:
    gc.collect()
    if test.get_closest_marker("leaves_pools") is None:
        left = pool_files(folder)
        assert not left, f"the test left files in the registry folder: {left}"
    leaked = {number: target for number, target in open_descriptors().items() if number not in descriptors_before}
    assert not leaked, f"the test leaked descriptors: {leaked}"
    mappings = mappings_under(folder)
    assert not mappings, f"the test leaked mappings: {mappings}"


@pytest.fixture
def spawn(pool_folder: Path, tmp_path: Path) -> Iterator[Spawner]:
    """Start child processes; kill those that still run at the end of the test."""
    spawner = Spawner(tmp_path)
    yield spawner
    spawner.dispose()

"""Tests with a real ROS 2. Each test has its own domain and registry folder, and must leave no pool."""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

# The wheels of ROS install their index in the environment and do not set the path to it.
os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import pytest
from launcher import Launcher

from bridge_process import POLYMORPH, Bridge
from ros_nodes import Ros
from support.observe import pool_files, wait_until
from support.processes import Spawner

# A shell starts background jobs with SIGINT ignored. The children that tests interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

HANG_SECONDS = 150
FAILED = pytest.StashKey[bool]()
DOMAINS = 100  # ports of higher domains may collide with ephemeral ports


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True)
def pool_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pmipc-ros-", dir="/dev/shm"))
    monkeypatch.setenv("POLYMORPH_IPC_DIR", str(folder))
    monkeypatch.setenv("ROS_DOMAIN_ID", str(1 + uuid.uuid4().int % DOMAINS))
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=sys.__stderr__)
    yield folder
    faulthandler.cancel_dump_traceback_later()
    try:
        if not request.node.stash.get(FAILED, False):
            wait_until(lambda: not pool_files(folder), 5.0, "an empty registry folder")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def topic() -> str:
    """A topic name that no other test uses, also when two test runs share a domain."""
    return f"/t{uuid.uuid4().hex[:12]}/data"


@pytest.fixture
def spawn(pool_folder: Path, tmp_path: Path) -> Iterator[Spawner]:
    spawner = Spawner(tmp_path)
    yield spawner
    spawner.dispose()


@pytest.fixture
def bridge(spawn: Spawner) -> Callable[..., Bridge]:
    """Start `polymorph bridge` with arguments."""
    return lambda *arguments: Bridge(spawn(POLYMORPH, "bridge", "--json", "--interval", 0.1, *arguments))


@pytest.fixture
def launch(pool_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """Start programs of examples/; kill those that still run at the end of the test."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    launcher = Launcher()
    yield launcher
    launcher.dispose()


@pytest.fixture
def ros(pool_folder: Path) -> Iterator[Ros]:
    """ROS nodes in this process; the test spins their executor."""
    side = Ros()
    yield side
    side.dispose()

"""Each test gets its own registry folder, which must be empty at its end."""

from __future__ import annotations

import importlib.util
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher import EXAMPLES, Launcher

# A shell starts background jobs with SIGINT ignored. The children that tests interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

sys.path.insert(0, str(EXAMPLES / "demo"))
collect_ignore = [] if importlib.util.find_spec("torch") else ["test_torch_policy.py"]


@pytest.fixture(autouse=True)
def pool_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pmipc-examples-", dir="/dev/shm") as folder:
        monkeypatch.setenv("POLYMORPH_IPC_DIR", folder)
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
        yield Path(folder)


@pytest.fixture
def launch(pool_folder: Path) -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.dispose()
    assert not list(pool_folder.iterdir()), "the examples left pools"

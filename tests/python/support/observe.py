"""Facts about processes and files, read from the kernel."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], timeout: float = 20.0, what: str = "the condition") -> Found:
    """Poll `condition` until it returns a true value. Returns that value."""
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout:g} s: {what}")
        time.sleep(0.002)


def open_descriptors(pid: int | str = "self") -> dict[int, str]:
    """The open file descriptors of a process and their targets."""
    descriptors = {}
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            descriptors[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return descriptors


def mappings_under(folder: os.PathLike[str] | str, pid: int | str = "self") -> list[str]:
    """The lines of a process's memory map for files created in `folder`, also for files without a name."""
    prefix = f"{folder}/"
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
        return [line.rstrip() for line in lines if prefix in line]


def descriptors_under(folder: os.PathLike[str] | str, pid: int | str = "self") -> list[str]:
    """The targets of a process's descriptors that are in `folder`."""
    prefix = f"{folder}/"
    return [target for target in open_descriptors(pid).values() if prefix in target]


def pool_files(folder: os.PathLike[str] | str) -> list[Path]:
    """The regular files in a registry folder, with any name."""
    return sorted(entry for entry in Path(folder).iterdir() if stat.S_ISREG(entry.lstat().st_mode))


def the_pool_file(folder: os.PathLike[str] | str) -> Path:
    """The only pool file in a folder."""
    files = pool_files(folder)
    assert len(files) == 1, f"expected one pool file, found {files}"
    return files[0]


def process_state(pid: int) -> str:
    """The kernel's letter for the state of a process: R running, S sleeping, Z zombie."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()[0]


def is_asleep(pid: int) -> bool:
    return process_state(pid) == "S"


def voluntary_switches(pid: int) -> int:
    """How many times the main thread of a process has gone to sleep."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def cpu_seconds(pid: int) -> float:
    """User and system time that a live process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

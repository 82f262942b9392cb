"""Facts about processes and files, as the kernel tells them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], timeout: float = 20.0, what: str = "the condition") -> Found:
    """Poll a fact of the outside world until it holds; its value is returned."""
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {timeout:g} s")
        time.sleep(0.002)


def open_descriptors(pid: int | str = "self") -> dict[int, str]:
    """Every open file descriptor of a process and what it leads to."""
    descriptors = {}
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            descriptors[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return descriptors


def mappings_under(folder: os.PathLike[str] | str, pid: int | str = "self") -> list[str]:
    """The lines of a process's memory map that belong to files made in `folder`, named or not."""
    prefix = f"{folder}/"
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
        return [line.rstrip() for line in lines if prefix in line]


def descriptors_under(folder: os.PathLike[str] | str, pid: int | str = "self") -> list[str]:
    """What of a process's descriptors leads to `folder`."""
    prefix = f"{folder}/"
    return [target for target in open_descriptors(pid).values() if prefix in target]


def pool_files(folder: os.PathLike[str] | str) -> list[Path]:
    """The regular files in a registry folder, whatever they are called."""
    return sorted(entry for entry in Path(folder).iterdir() if stat.S_ISREG(entry.lstat().st_mode))


def the_pool_file(folder: os.PathLike[str] | str) -> Path:
    """The one pool file a folder holds."""
    files = pool_files(folder)
    assert len(files) == 1, f"expected one pool file, found {files}"
    return files[0]


def process_state(pid: int) -> str:
    """The kernel's letter for what a process does: R runs, S sleeps, Z is dead and not yet waited for."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()[0]


def is_asleep(pid: int) -> bool:
    return process_state(pid) == "S"


def voluntary_switches(pid: int) -> int:
    """How often the process's main thread has gone to sleep."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def cpu_seconds(pid: int) -> float:
    """User and system time a live process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

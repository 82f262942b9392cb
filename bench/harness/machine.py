"""Facts about the machine."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def usable_cores() -> tuple[int, int]:
    """Two cores that this process may run on; the same core twice if there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[1] if len(cores) > 1 else cores[0]


def describe(compiler: str) -> dict[str, str]:
    """The facts in the order of the report."""
    return {
        "date": datetime.date.today().isoformat(),
        "CPU": _cpu_model(),
        "cores": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "kernel": f"{platform.system()} {platform.release()}, {_virtualization()}",
        "huge pages for shared memory": _selected_value("/sys/kernel/mm/transparent_hugepage/shmem_enabled"),
        "C compiler": compiler,
        "libc": " ".join(platform.libc_ver()),
        "Python": platform.python_version(),
        "numpy": _version("numpy"),
        "torch": _version("torch"),
        "polymorph_ipc": _version("polymorph_ipc"),
    }


def compiler_of(build_folder: Path) -> str:
    """The C compiler of a CMake build and its version, from its cache."""
    for folder in (build_folder, *build_folder.parents):
        cache = folder / "CMakeCache.txt"
        if cache.exists():
            entries = dict(
                line.split("=", 1)
                for line in cache.read_text().splitlines()
                if "=" in line and not line.startswith("#")
            )
            path = next((value for key, value in entries.items() if key.startswith("CMAKE_C_COMPILER:")), "cc")
            build_type = entries.get("CMAKE_BUILD_TYPE:STRING", "")
            try:
                output = subprocess.run(
                    [path, "--version"], capture_output=True, text=True, check=True, timeout=10
                ).stdout
            except (OSError, subprocess.SubprocessError):
                return path
            return f"{output.splitlines()[0]}, {build_type or 'no build type'}"
    return "unknown"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _virtualization() -> str:
    return "in a virtual machine" if "hypervisor" in Path("/proc/cpuinfo").read_text() else "not in a virtual machine"


def _selected_value(path: str) -> str:
    try:
        values = Path(path).read_text().split()
    except OSError:
        return "unknown"
    return next((value.strip("[]") for value in values if value.startswith("[")), "unknown")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"

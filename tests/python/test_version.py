"""The version has one source, include/polymorph_ipc/export.h: the package, library and changelog agree with it."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import polymorph_ipc

REPOSITORY = Path(__file__).resolve().parents[2]


def header_version() -> str:
    header = (REPOSITORY / "include" / "polymorph_ipc" / "export.h").read_text()
    numbers = [
        re.search(rf"^#define PMIPC_VERSION_{part} (\d+)$", header, re.MULTILINE)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    return ".".join(number[1] for number in numbers if number)


def test_package_and_library_have_the_version_of_the_headers() -> None:
    assert polymorph_ipc.__version__ == header_version()  # the library's pmipc_version()
    assert importlib.metadata.version("polymorph_ipc") == header_version()


def test_first_version_of_the_changelog_is_that_of_the_headers() -> None:
    headings = re.findall(r"^## (\S+),", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == header_version()


def test_no_build_file_repeats_the_version() -> None:
    for name in ("pyproject.toml", "CMakeLists.txt", "cmake/install.cmake", "cmake/polymorph_ipc.pc.in"):
        assert header_version() not in (REPOSITORY / name).read_text(), name

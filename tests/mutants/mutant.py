"""A mutant: the library with one fault put in on purpose, and the test that must fail because of it.

A change is a piece of the source that occurs exactly once, and the text that replaces it. It does not depend on the
lines around it. When the library changes that piece, the mutant is stale: its table must be corrected."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "src"


class StaleMutant(Exception):
    """The text that a mutant replaces does not occur exactly once in its file."""


@dataclass(frozen=True)
class Change:
    """Replace `old` by `new` in a file, whose path is relative to src/."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """`caught_by`: the operation or test that must fail. `words`: a part of its message, if the suite compares it."""

    name: str
    caught_by: str
    why: str
    changes: tuple[Change, ...]
    words: str = ""


def replace_each(text: str, name: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Replace each first text of a pair, which must occur exactly once, by the second."""
    for old, new in pairs:
        if text.count(old) != 1:
            raise StaleMutant(
                f"mutant '{name}': this text occurs {text.count(old)} times in its file, not once:\n{old}"
            )
        if old == new:
            raise StaleMutant(f"mutant '{name}' changes nothing:\n{old}")
        text = text.replace(old, new)
    return text


def changed_files(mutant: Mutant) -> dict[str, str]:
    """The files of a mutant: path relative to src/, and the whole changed text."""
    texts: dict[str, str] = {}
    for change in mutant.changes:
        text = texts.get(change.file) or (SOURCES / change.file).read_text()
        texts[change.file] = replace_each(text, mutant.name, [(change.old, change.new)])
    return texts


def write_copy(mutant: Mutant, folder: Path) -> None:
    """Write a copy of src/ with the mutant's changes to folder/src."""
    texts = changed_files(mutant)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES, folder / "src")
    for file, text in texts.items():
        (folder / "src" / file).write_text(text)

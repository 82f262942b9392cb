#!/usr/bin/env python3
"""Find words that this project does not use, in texts, names and file names.

Usage: check_language.py [--count] [PATH...]

PATHs are files and folders; without any, the whole tree is read. Prints `file:line: word -> replacement` for each and
exits 1 when there are any; --count prints the number per word instead. The rules for texts are in CONTRIBUTING.md,
section "Language". The project's own terms are in docs/glossary.md."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# What to find, and what to write instead. Case is ignored. "_" counts as a space, so that names are read too.
WORDS = {
    r"(?<!user )nobody|no one else": "no process, no reader, no producer",
    r"somebody|someone|anybody|anyone": "another process, a reader, a producer, a user",
    r"everybody|everyone": "all processes, all users",
    r"whoever|whosoever": "the process that ...",
    r"himself|herself|his|her|hers|he|she": "its, it",
    r"anew": "again, new",
    r"(?:is|are|was|were) (?:said|told)(?! apart)": "is reported, is logged",
    r"told apart|tell apart|tells apart": "distinguished, distinguish",
    r"says so": "reports it",
    r"being told": "being notified",
    # "there is no pool" is plain, and so is "is no longer".
    r"(?<!there )(?:is|are|was|were) no(?! (?:longer|more|less|larger|smaller|later|older|newer|faster|slower)\b)": (
        "is not a ..."
    ),
    r"there is none": "does not exist, is absent",
    r"hard way": "slow path",
    r"hopeless": "cannot succeed",
    r"behind (?:our|its|his|their|the library's) back": "without the library",
    r"robbed|rob|robs|robbing": "lost, cleared by another process",
    r"introduced? (?:himself|itself|themselves)": "registered",
    r"living": "live",
    # "the dead producer" and "the dead reader's row" are plain.
    r"the dead(?! (?:\w+ )?(?:one|owner|parent|pool|process|producer|program|reader|stream|user)(?:es|s|'s)?\b)": (
        "dead processes"
    ),
    r"vouch\w*": "trusted, checked",
    r"for ever": "forever",
    r"of old": "before",
    r"in each other": "nested",
    r"goes round|go round|going round|went round": "wraps around",
    r"stumbl\w*": "fail",
    r"manners": "behavior",
    r"guests?": "library, user",
    r"gave up the ghost|passed away": "died",
    r"just as well": "also",
    r"nothing of the (?:kind|sort)": "none",
    r"nothing but": "only",
    r"comes? to (?:an end|nothing)": "ends",
    r"lets? go of|letting go of|let go": "releases",
    r"lies? (?:in|at|on|beside|behind|between|before|within|deeper)": "is stored in, is at",
    r"stands? (?:in|at|beside|behind|above|below|between|before|for itself)": "is in, is at",
    r"in the place of": "instead of",
    r"has (?:it|them) that": "requires",
    r"as it (?:pleases|likes)": "freely",
    r"as ever": "as before",
    r"wherever it (?:may|might) be": "anywhere",
    r"to be had": "available",
    r"has words|in words(?! if\b|[\]):])": "in text",
    r"made good|mend|mends|mended|mending": "repaired, fixed",
    r"(?:the|a|its) cure": "the fix, what to do",
    r"by (?:itself|themselves) alone": "alone",
    r"by chance": "at random",
    r"in vain": "without success",
    r"as many as there are": "all of them",
    r"once and for all": "once",
    r"what there is": "the existing ...",
    r"what became of": "the result of",
    r"but for": "except for",
    r"wants? to be": "must be",
    r"the like": "similar",
    r"bites?": "can fail, detects",
    r"litter": "other files",
    r"upon": "on",
}
FINDERS = {re.compile(rf"(?<![\w-])(?:{word})(?![\w-])", re.IGNORECASE): instead for word, instead in WORDS.items()}

ANY = re.compile("|".join(f"(?:{finder.pattern})" for finder in FINDERS), re.IGNORECASE)

REPOSITORY = Path(__file__).resolve().parents[1]
SKIPPED = {REPOSITORY / "scripts/check_language.py", REPOSITORY / "tests/python/test_check_language.py"}
SKIPPED_FOLDERS = {"build", "dist", "out", "__pycache__"}
READ_ALTHOUGH_HIDDEN = {".ci", ".github", ".clang-format", ".editorconfig", ".gitattributes", ".gitignore"}


def is_read(name: str) -> bool:
    return name not in SKIPPED_FOLDERS and (not name.startswith(".") or name in READ_ALTHOUGH_HIDDEN)


def files_below(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(filter(is_read, subfolders))
        yield from (Path(folder, name) for name in sorted(filter(is_read, names)))


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The file's name as line 0 and its lines; nothing for files that are not text."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    if path.suffix != ".pack":
        yield 0, path.name
        yield from enumerate(text.splitlines(), 1)


def found_in(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in lines_of(path):
        text = line.replace("_", " ")
        if ANY.search(text):
            for finder, instead in FINDERS.items():
                yield from ((number, hit.group(), instead) for hit in finder.finditer(text))


def main(arguments: list[str]) -> int:
    counting = "--count" in arguments
    roots = [Path(argument) for argument in arguments if argument != "--count"] or [Path()]
    if absent := [str(root) for root in roots if not root.exists()]:
        print(f"check_language.py: no such file or folder: {', '.join(absent)}", file=sys.stderr)
        return 2
    found: Counter[str] = Counter()
    for path in (path for root in roots for path in files_below(root) if path.resolve() not in SKIPPED):
        for number, word, instead in found_in(path):
            found[word.lower()] += 1
            if not counting:
                print(f"{path}:{number}: {word} -> {instead}")
    if counting:
        for word, count in found.most_common():
            print(f"{count:5} {word}")
    print(f"language: {found.total()} words to replace (CONTRIBUTING.md, Language)", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

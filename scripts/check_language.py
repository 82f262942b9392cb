#!/usr/bin/env python3
"""Find words that this project does not use, in every tracked text file or in the files and folders given.

Usage: check_language.py [--count] [PATH...]

Prints `file:line: word -> use instead` for each and exits 1 when there are any; --count prints the number per word.
The rules for texts are in CONTRIBUTING.md, "Language"; terms of our own are in docs/glossary.md."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

# What to find, and what to write instead. Case is ignored.
WORDS = {
    r"nobody|no one else": "no process, no reader, no producer",
    r"somebody|someone|anybody|anyone": "another process, a reader, a producer, a user",
    r"whoever|whosoever": "the process that ...",
    r"anew": "again, new",
    r"(?:is|are|was|were) (?:said|told)(?! apart)": "is reported, is logged",
    r"told apart|tell apart|tells apart": "distinguished, distinguish",
    r"says so": "reports it",
    r"is being told|being told": "is notified",
    r"(?:is|are|was|were) no(?! (?:longer|more|less|larger|later|older|newer|faster|slower)\b)": "is not a ...",
    r"hard way": "slow path",
    r"hopeless": "cannot succeed",
    r"behind (?:our|its|his|their|the library's) back": "without the library",
    r"robbed|rob|robs|robbing": "removed, replaced",
    r"introduced? (?:himself|itself|themselves)": "registered",
    r"himself|herself|his|her|hers": "its",
    r"living": "live",
    r"the dead|the living": "dead processes, live processes",
    r"vouch\w*": "trusted, checked",
    r"for ever": "forever",
    r"of old": "before",
    r"in each other": "nested",
    r"goes round|go round|going round|went round": "wraps around",
    r"stumbl\w*": "fail",
    r"manners": "behavior",
    r"gave up the ghost|passed away": "died",
    r"just as well": "also",
    r"nothing of the (?:kind|sort)": "none",
    r"comes? to (?:an end|nothing)": "ends",
    r"lets? go of|letting go of|let go": "releases",
    r"lies? (?:in|at|on|beside|behind|between|before|within|deeper)": "is stored in, is at",
    r"stands? (?:in|at|beside|behind|above|below|between|before|for itself)": "is in, is at",
    r"has (?:it|them) that": "requires",
    r"as it (?:pleases|likes)": "freely",
    r"wherever it (?:may|might) be": "anywhere",
    r"to be had": "available",
    r"has words|in words": "in text",
    r"made good": "repaired",
    r"by (?:itself|themselves) alone": "alone",
    r"there is none": "does not exist, is absent",
    r"as many as there are": "all of them",
    r"once and for all": "once",
    r"what there is": "the existing ...",
    r"what became of": "the result of",
    r"but for": "except for",
    r"wants? to be": "must be",
    r"the like": "similar",
}
FINDERS = {re.compile(rf"(?<![\w-])(?:{word})(?![\w-])", re.IGNORECASE): instead for word, instead in WORDS.items()}
SKIPPED = {"scripts/check_language.py", "LICENSE"}


def tracked_files(paths: list[str]) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--", *paths], check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and name not in SKIPPED and not name.endswith(".pack")]


def main(arguments: list[str]) -> int:
    counting = "--count" in arguments
    found: Counter[str] = Counter()
    for name in tracked_files([path for path in arguments if path != "--count"]):
        if not Path(name).is_file():
            continue
        try:
            lines = Path(name).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            for finder, instead in FINDERS.items():
                for hit in finder.finditer(line.replace("_", " ")):
                    found[hit.group().lower()] += 1
                    if not counting:
                        print(f"{name}:{number}: {hit.group()} -> {instead}")
    if counting:
        for word, count in found.most_common():
            print(f"{count:5} {word}")
    print(f"{found.total()} words to replace", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

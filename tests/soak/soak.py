"""A few processes for any length of time: every frame is checked, and nothing may grow.

    soak.py MEMBER [--seconds 3600] [--pace 300]     MEMBER: build/*/tests/soak/soak_member
    soak.py MEMBER --self-test          members that leak or publish wrong bytes; each must be found

A producer in C and one in Python, each read by streams in C and in Python. After every hundred frames of a member, its
memory, descriptors and mappings are measured, and the sizes of the pool files. The first third of these samples is
warm-up. From the first half of the rest to the second half, descriptors, mappings and files must not grow at all, and
the private memory of the process by no more than the variation of an interpreter.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from polymorph_ipc import clean_pools

HERE = Path(__file__).parent
MEMORY_SLACK = 512 << 10  # bytes: the variation of the arenas and caches of an interpreter
# The copies that a stream of images may hold: a history of 5, a history of all 10, and 3 frames of 180 KB. How much of
# that is copied depends on the timing.
IMAGE_COPIES = 18 * 180_000
# Freed memory returns to the kernel at once.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
SAMPLES_MIN = 12  # of each member, for a verdict


@dataclass
class Member:
    name: str
    process: subprocess.Popen[bytes]
    memory_slack: int
    frames: int = 0
    samples: list[dict[str, int]] = field(default_factory=list)
    rest: bytes = b""


def start(name: str, *command: str) -> Member:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | ALLOCATOR)
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    copies = IMAGE_COPIES if "stream" in command and "soak/image" in command else 0
    return Member(name, process, MEMORY_SLACK + copies)


def facts(pid: int, folder: Path) -> dict[str, int]:
    """The quantities that could grow."""
    status = Path(f"/proc/{pid}/status").read_text()
    memory = re.search(r"RssAnon:\s+(\d+) kB", status)
    mappings = Path(f"/proc/{pid}/maps").read_text().count(f"{folder}/")
    assert memory
    found = {"bytes of memory": int(memory[1]) * 1024, "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}
    found |= {"mappings of pools": mappings, "bytes of files": sum(entry.stat().st_size for entry in folder.iterdir())}
    return found


def growth(member: Member) -> list[str]:
    """A text for each quantity that has grown."""
    steady = member.samples[len(member.samples) // 3 :]
    first, second = steady[: len(steady) // 2], steady[len(steady) // 2 :]
    problems = []
    for fact in steady[0]:
        if fact == "bytes of memory":
            before, after = (statistics.median(sample[fact] for sample in half) for half in (first, second))
            grown = after - before - member.memory_slack
        else:
            before, after = (max(sample[fact] for sample in half) for half in (first, second))
            grown = after - before
        if grown > 0:
            problems.append(f"{member.name}: {fact} grew from {before:.0f} to {after:.0f} in {len(second)} samples")
    return problems


def listen(member: Member, folder: Path, problems: list[str]) -> None:
    assert member.process.stdout
    got = os.read(member.process.stdout.fileno(), 65536)
    *lines, member.rest = (member.rest + got).split(b"\n")
    for line in lines:
        word, _, text = line.decode().partition(" ")
        if word == "frames":
            member.frames = int(text)
        else:
            problems.append(f"{member.name}: {line.decode()}")
    if lines and not problems:
        member.samples.append(facts(member.process.pid, folder))
    if not got and member.process.poll() is not None:
        problems.append(f"{member.name}: ended by itself, code {member.process.returncode}")


def run(members: list[Member], folder: Path, seconds: float) -> list[str]:
    """Let the members run; return the problems. The time starts when all run and is extended for SAMPLES_MIN."""
    problems: list[str] = []
    by_descriptor = {member.process.stdout.fileno(): member for member in members if member.process.stdout}

    def work_while(condition: Callable[[], bool]) -> None:
        while not problems and condition():
            for descriptor in select.select(list(by_descriptor), [], [], 1)[0]:
                listen(by_descriptor[descriptor], folder, problems)

    work_while(lambda: not all(member.samples for member in members))
    for member in members:
        member.samples.clear()
    end = time.monotonic() + seconds
    work_while(lambda: time.monotonic() < end or min(len(member.samples) for member in members) < SAMPLES_MIN)
    for member in members:
        if len(member.samples) >= SAMPLES_MIN:
            problems += growth(member)
    for member in members:
        member.process.kill()
        member.process.wait()
    return problems


def all_members(program: str, pace: str) -> list[Member]:
    member = [sys.executable, str(HERE / "member.py")]
    backends = ["numpy", "torch"]
    if importlib.util.find_spec("torch") is None:
        print("soak: torch is not installed, so there is no stream with the torch backend")
        backends.remove("torch")
    members = [
        start("C producer", program, "producer", "soak/image", "4", "", pace),
        start("Python producer", *member, "producer", "soak/dict", pace),
    ]
    for pool in ("soak/image", "soak/dict"):
        members += [start(f"C stream of {pool}", program, "stream", pool, "")]
        members += [start(f"Python stream of {pool}, {name}", *member, "stream", pool, name) for name in backends]
    return members


def report(members: list[Member]) -> None:
    for member in members:
        steady = member.samples[len(member.samples) // 3 :]
        words = [f"{fact} {steady[0][fact]} to {steady[-1][fact]}" for fact in steady[0]]
        print(f"  {member.name}: {member.frames} frames, {len(member.samples)} samples; {', '.join(words)}")


def self_test(program: str, folder: Path) -> bool:
    """Run members with a fault, each together with members without one."""
    python = [sys.executable, str(HERE / "member.py"), "stream", "soak/image", "numpy"]
    file = str(folder / "soak%image")
    faulty = {
        "bytes of memory": [program, "stream", "soak/image", "", "memory"],
        "descriptors": [program, "stream", "soak/image", "", "descriptor"],
        "mappings of pools": [program, "stream", "soak/image", file, "mapping"],
        "bytes of memory grew": [*python, "memory"],
        "is wrong": [program, "producer", "soak/torn", "4", "frame"],
    }
    missed = 0
    for expected, command in faulty.items():
        members = [start("producer", program, "producer", "soak/image", "4"), start("faulty", *command)]
        if "producer" in command:
            members.append(start("stream", program, "stream", "soak/torn", ""))
        problems = run(members, folder, 0)
        seen = any(expected in problem for problem in problems)
        print("found " if seen else "MISSED", " ".join(command[1:]), *problems, sep="\n    ")
        missed += not seen
    print(f"soak: {len(faulty) - missed} of {len(faulty)} planted faults found")
    return missed == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Processes in C and Python that must not grow.")
    parser.add_argument("member", help="build/*/tests/soak/soak_member")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--pace", default="300", help="microseconds that a producer waits after each frame")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pmipc-soak-", dir="/dev/shm") as name:
        folder = Path(name)
        os.environ["POLYMORPH_IPC_DIR"] = name
        if options.self_test:
            return not self_test(options.member, folder)
        members = all_members(options.member, options.pace)
        problems = run(members, folder, options.seconds)
        report(members)
        clean_pools()
        problems += [f"a file remains in the folder: {path.name}" for path in folder.iterdir()]
    print(
        f"soak: {sum(member.frames for member in members)} frames;",
        *(problems or ["all whole, and nothing grew"]),
    )
    return bool(problems)


sys.exit(main())

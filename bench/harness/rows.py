"""The rows of the report: every row compares an operation of a probe with another operation, its limit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.probe import ImportProbe, Probe


class AnyProbe(Protocol):
    """The interface of a probe."""

    operations: list[str]

    def sample(self, operation: str, count: int) -> float:
        """Median nanoseconds per operation."""

    def close(self) -> None:
        """Release the resources of the probe."""


@dataclass(frozen=True)
class Source:
    """An operation of one of a group's probes."""

    probe: str
    operation: str


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio_budget`` bounds measured / limit, ``time_budget_ns`` bounds measured itself."""

    what: str
    measured: Source
    limit: Source
    limit_is: str
    ratio_budget: float | None = None
    time_budget_ns: float | None = None


@dataclass
class Group:
    """Rows whose probes run at the same time and are measured alternately."""

    key: str
    title: str
    probes: dict[str, Callable[[], AnyProbe]]
    rows: list[Row] = field(default_factory=list)
    # Time for one sample of an operation; rounds of the group in one session; sessions, each with new probes: the
    # physical pages that a process gets change the time of a large copy by a few percent.
    sample_seconds: float = 0.02
    rounds: int = 15
    sessions: int = 1
    max_count: int = 1_000_000


@dataclass(frozen=True)
class Plan:
    """The C program, the cores of the processes and the number of pools to list."""

    probe_program: Path
    core: int
    partner_core: int
    pools: int

    @property
    def two_cores(self) -> bool:
        """Whether there are two cores to run on."""
        return self.core != self.partner_core

    def c(self, case: str, *, same_core: bool = False, **arguments: int) -> Callable[[], AnyProbe]:
        """A probe in C."""
        partner = self.core if same_core else self.partner_core
        words = [f"{key}={value}" for key, value in arguments.items()]
        command = [str(self.probe_program), case, *words, f"core={self.core}", f"partner={partner}"]
        return lambda: Probe(command)

    def python(self, case: str, *, same_core: bool = False, **arguments: int | str) -> Callable[[], AnyProbe]:
        """A probe in Python."""
        partner = self.core if same_core else self.partner_core
        words = [f"{key}={value}" for key, value in arguments.items()]
        command = [sys.executable, "-m", "harness.serve", case, *words, f"core={self.core}", f"partner={partner}"]
        return lambda: Probe(command)


SIZES = {56: "56 B", 4096: "4 KB", 65536: "64 KB", 921_600: "0.9 MB", 6_220_800: "6.2 MB"}
DICT_BYTES = 640 * 480 * 3 + 640 * 480 * 4 + 56
SMALL_DICT_BYTES = 3 * 56


def all_groups(plan: Plan) -> list[Group]:
    """Every group of the suite, in the order of the report."""
    groups = [
        c_calls(plan),
        c_publish(plan),
        c_readers(plan),
        c_fields(plan),
        python_calls(plan),
        python_large(plan),
        python_history(plan),
        python_dict(plan),
    ]
    if plan.two_cores:
        groups += [one_way(plan, size) for size in SIZES]
    return [*groups, waking_on_one_core(plan), listing(plan), importing()]


def c_calls(plan: Plan) -> Group:
    """Taking a sample in C."""
    fence = Source("pin", "store_fence")
    return Group(
        "c-pin",
        "C: take the newest sample",
        {"pin": plan.c("pin")},
        [
            Row("C pin + unpin (the protocol)", Source("pin", "pin_unpin"), fence, "store + fence", 3.0),
            Row("C get_last + release, 56 B (the call)", Source("pin", "get_release"), fence, "store + fence"),
        ],
    )


def c_publish(plan: Plan) -> Group:
    """Publishing in C, at every size."""
    budgets = {56: 3.0, 921_600: 1.05, 6_220_800: 1.05}
    rows = [
        Row(
            f"C publish, {label}",
            Source(f"publish {size}", "publish"),
            Source(f"publish {size}", "clock_memcpy"),
            "clock_gettime + memcpy into a ring",
            budgets.get(size),
        )
        for size, label in SIZES.items()
    ]
    return Group(
        "c-publish",
        "C: publish, no readers",
        {f"publish {size}": plan.c("publish", bytes=size) for size in SIZES},
        rows,
        sample_seconds=0.03,
        rounds=5,
        sessions=5,
    )


def c_readers(plan: Plan) -> Group:
    """The cost of connected readers."""
    one = Source("readers", "publish_1")
    budgets: dict[int, float | None] = {0: None, 8: 1.5, 32: 1.5}
    rows = [
        Row(
            f"C publish 56 B, {count} connected readers",
            Source("readers", f"publish_{count}"),
            one,
            "the same with 1 reader",
            budget,
        )
        for count, budget in budgets.items()
    ]
    return Group(
        "c-readers", "C: publish with connected readers that do not sleep", {"readers": plan.c("readers")}, rows
    )


def c_fields(plan: Plan) -> Group:
    """Dicts in C."""
    rows = []
    for name, label in (("small", "168 B"), ("images", "2.2 MB")):
        rows += [
            Row(
                f"C publish of 3 fields, {label}",
                Source(name, "publish_dict"),
                Source(name, "publish_tensor"),
                "the same bytes as one tensor",
                1.3,
            ),
            Row(
                f"C get_last of 3 fields, {label}",
                Source(name, "get_dict"),
                Source(name, "get_tensor"),
                "the same bytes as one tensor",
                3.0,
            ),
        ]
    probes = {
        "small": plan.c("fields", bytes=SMALL_DICT_BYTES),
        "images": plan.c("fields", bytes=DICT_BYTES),
    }
    return Group("c-dict", "C: a dict of three fields", probes, rows)


def python_calls(plan: Plan) -> Group:
    """Calls on seven floats in Python."""

    def source(operation: str) -> Source:
        return Source("calls", operation)

    return Group(
        "python-calls",
        "Python: calls on 7 floats",
        {"calls": plan.python("calls")},
        [
            Row(
                "Python publish, numpy, 56 B",
                source("publish_numpy"),
                source("slice_assign"),
                "shared[:] = q, numpy in shared memory",
                1.0,
            ),
            Row(
                "Python publish, torch, 56 B",
                source("publish_torch"),
                source("publish_numpy"),
                "the same from numpy",
                1.5,
            ),
            Row(
                "Python get_last, numpy, 56 B",
                source("get_last_numpy"),
                source("ndarray"),
                "numpy.ndarray(shape, dtype, buffer=...)",
                0.5,
            ),
            Row(
                "Python get_last, torch, 56 B",
                source("get_last_torch"),
                source("from_numpy"),
                "torch.from_numpy(ready array)",
                0.7,
            ),
        ],
        rounds=25,
    )


def python_large(plan: Plan) -> Group:
    """Publishing images in Python."""
    rows = [
        Row(
            f"Python publish, {SIZES[size]}",
            Source(str(size), "publish"),
            Source(str(size), "slice_assign"),
            "ring[i][:] = image, numpy in shared memory",
            1.05,
        )
        for size in (921_600, 6_220_800)
    ]
    probes = {str(size): plan.python("large", bytes=size) for size in (921_600, 6_220_800)}
    return Group("python-large", "Python: publish images", probes, rows, sample_seconds=0.03, rounds=5, sessions=5)


def python_history(plan: Plan) -> Group:
    """Windows of images in Python."""
    rows = [
        Row(
            f"Python get_history(16), {SIZES[size]} frames",
            Source(str(size), "get_history"),
            Source(str(size), "get_last"),
            "one get_last",
            5.0,
        )
        for size in (4096, 921_600, 6_220_800)
    ]
    probes = {str(size): plan.python("history", bytes=size) for size in (4096, 921_600, 6_220_800)}
    return Group("python-history", "Python: a history of 16 images", probes, rows)


def python_dict(plan: Plan) -> Group:
    """Dicts in Python."""
    rows = []
    for name, label in (("small", "3 \N{MULTIPLICATION SIGN} 7 floats"), ("images", "rgb, depth and q, 2.2 MB")):
        rows += [
            Row(
                f"Python publish of a dict, {label}",
                Source(name, "publish_dict"),
                Source(name, "publish_tensor"),
                "the same bytes as one tensor",
                1.3,
            ),
            Row(
                f"Python get_last of a dict, {label}",
                Source(name, "get_dict"),
                Source(name, "get_tensor"),
                "the same bytes as one tensor",
                3.0,
            ),
        ]
    probes = {name: plan.python("dict", of=name) for name in ("small", "images")}
    return Group("python-dict", "Python: a dict of three fields", probes, rows)


def one_way(plan: Plan, size: int) -> Group:
    """One-way latency between two cores, with spinning and with sleeping processes."""
    probes: dict[str, Callable[[], AnyProbe]] = {}
    rows = []
    bare = {"spinning": "half a cache-line ping-pong", "sleeping": "bare futex ping-pong"}
    copying = {"spinning": "by hand: memcpy into a ring, spin", "sleeping": "by hand: memcpy into a ring, futex"}
    budgets = {("C", "spinning"): 3.0, ("C", "sleeping"): 1.3, ("Python", "sleeping"): 1.5}
    for how, case, adapter in (("spinning", "spin", "polymorph_spin"), ("sleeping", "sleep", "polymorph")):
        probes[f"C {how}"] = plan.c(case, bytes=size)
        probes[f"Python {how}"] = plan.python("pair", adapter=adapter, bytes=size)
        limit_is = bare[how] if size == min(SIZES) else copying[how]
        for language, operation in (("C", "pool"), ("Python", "message")):
            rows.append(
                Row(
                    f"{language} one-way, {how}, {SIZES[size]}",
                    Source(f"{language} {how}", operation),
                    Source(f"C {how}", "hand"),
                    limit_is if language == "C" else f"{limit_is}, in C",
                    budgets.get((language, how)) if size == min(SIZES) else None,
                )
            )
    title = f"One-way latency, two processes on two cores, {SIZES[size]}"
    return Group(f"one-way-{size}", title, probes, rows, sample_seconds=0.05)


def waking_on_one_core(plan: Plan) -> Group:
    """One-way latency when both processes share a core."""
    probes = {
        "c": plan.c("sleep", bytes=56, same_core=True),
        "python": plan.python("pair", adapter="polymorph", bytes=56, same_core=True),
    }
    hand = Source("c", "hand")
    rows = [
        Row("C one-way, sleeping, one core, 56 B", Source("c", "pool"), hand, "bare futex ping-pong", 1.3),
        Row("Python one-way, sleeping, one core, 56 B", Source("python", "message"), hand, "bare futex, in C", 1.5),
    ]
    return Group(
        "one-core", "One-way latency, two processes on one core, sleeping", probes, rows, sample_seconds=0.05, rounds=15
    )


def listing(plan: Plan) -> Group:
    """Listing many pools."""
    scan = Source("pools", "scan")
    limit_is = "open, stat and read a page of as many files"
    rows = [
        Row(f"C list of {plan.pools} pools", Source("pools", "list"), scan, limit_is, time_budget_ns=50e6),
        Row(f"Python list of {plan.pools} pools", Source("python", "list"), scan, limit_is, time_budget_ns=50e6),
    ]
    # The C probe makes the pools; the Python probe lists the same folder, so it is second.
    probes = {"pools": plan.c("list", pools=plan.pools), "python": plan.python("list", pools=plan.pools)}
    return Group("list", "Listing pools", probes, rows, sample_seconds=0.1, rounds=9)


def importing() -> Group:
    """Import time."""
    row = Row(
        "import polymorph_ipc",
        Source("import", "polymorph_ipc"),
        Source("import", "numpy"),
        "import numpy, fresh interpreters",
        1.1,
    )
    return Group("import", "Import", {"import": ImportProbe}, [row], sample_seconds=0.0, rounds=15)

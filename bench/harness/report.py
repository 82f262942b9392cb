"""The results on the terminal, as JSON, and as a page of the documentation with a hand-written part that is kept."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.runner import GroupResult, Result

HAND_WRITTEN = "<!-- Everything below this line is written by hand. A new run keeps it. -->"
PEERS_BEGIN = "<!-- peers: begin -->"
PEERS_END = "<!-- peers: end -->"
FIRST_NOTES = """
## Why budgets are missed

No cause is known yet.
"""
VERDICT_STYLE = {"met": "green", "missed": "bold red", "informative": "dim", "not measured": "yellow"}


@dataclass
class PeerOutcome:
    """The results of one other library."""

    key: str
    title: str
    waits: str
    pip: str
    latency_ns: dict[int, float] = field(default_factory=dict)
    ratio: dict[int, float] = field(default_factory=dict)
    calls_ns: dict[int, tuple[float, float]] = field(default_factory=dict)
    files_left: int = 0
    problem: str | None = None


def format_time(nanoseconds: float) -> str:
    """A time with three digits and a unit."""
    if math.isnan(nanoseconds):
        return ""
    for unit, size in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        value = nanoseconds / size
        if value < 999.5 or unit == "s":
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {unit}"
    raise AssertionError("a time beyond seconds")


def format_ratio(ratio: float) -> str:
    """A ratio with two decimals."""
    return "" if math.isnan(ratio) else f"{ratio:.2f}\N{MULTIPLICATION SIGN}"


def print_group(console: Console, group: GroupResult) -> None:
    """Print the table of a group."""
    table = Table(title=group.title, title_justify="left", title_style="bold", expand=False)
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("limit", justify="right")
    table.add_column("the limit is")
    table.add_column("ratio", justify="right")
    table.add_column("budget", justify="right")
    table.add_column("verdict")
    for result in group.results:
        style = VERDICT_STYLE[result.verdict]
        table.add_row(*(escape(cell) for cell in _cells(result)), f"[{style}]{result.verdict}[/{style}]")
    console.print(table)
    for result in group.results:
        if result.problem:
            console.print(f"  {result.row.what}: {result.problem}", style="yellow", markup=False)


def _cells(result: Result) -> list[str]:
    return [
        result.row.what,
        format_time(result.measured_ns),
        format_time(result.limit_ns),
        result.row.limit_is,
        format_ratio(result.ratio),
        "" if result.budget == "none" else result.budget,
    ]


def as_json(groups: list[GroupResult], machine: dict[str, str]) -> str:
    """All results as JSON."""
    return json.dumps(
        {
            "machine": machine,
            "groups": [
                {"key": group.key, "title": group.title, "rows": [_row_as_json(result) for result in group.results]}
                for group in groups
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def peers_as_json(outcomes: list[PeerOutcome], machine: dict[str, str]) -> str:
    """The results of the other libraries as JSON."""
    return json.dumps({"machine": machine, "peers": [asdict(o) for o in outcomes]}, indent=2, ensure_ascii=False)


def _row_as_json(result: Result) -> dict[str, object]:
    def number(value: float) -> float | None:
        return None if math.isnan(value) else round(value, 3)

    return {
        "what": result.row.what,
        "measured_ns": number(result.measured_ns),
        "measured_quartiles_ns": [number(value) for value in result.measured_spread],
        "limit_ns": number(result.limit_ns),
        "limit_quartiles_ns": [number(value) for value in result.limit_spread],
        "limit_is": result.row.limit_is,
        "ratio": number(result.ratio),
        "budget": result.budget,
        "verdict": result.verdict,
        "rounds": result.rounds,
        "problem": result.problem,
    }


def write_page(path: Path, groups: list[GroupResult], machine: dict[str, str], peers: list[PeerOutcome] | None) -> None:
    """Write the page: the groups, the peers (unchanged if ``peers`` is None) and the unchanged hand-written part."""
    before = path.read_text() if path.exists() else ""
    kept_peers = before.partition(PEERS_BEGIN)[2].partition(PEERS_END)[0].strip()
    _, marker, notes = before.partition(HAND_WRITTEN)
    peers_text = _peers_section(peers, machine) if peers is not None else kept_peers
    parts = [
        _heading(machine),
        _missed_section(groups),
        *(_group_section(group) for group in groups),
        f"{PEERS_BEGIN}\n{peers_text}\n{PEERS_END}" if peers_text else "",
        f"{HAND_WRITTEN}\n{notes.strip() if marker else FIRST_NOTES.strip()}",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(part.strip() for part in parts if part) + "\n")


def _heading(machine: dict[str, str]) -> str:
    facts = "\n".join(f"| {key} | {value} |" for key, value in machine.items())
    return f"""# Benchmarks

`make bench` writes this page. Every figure has a limit that is measured in the same run: each round measures both, and
both values are medians over the rounds. Times depend on the machine, ratios hardly, so most budgets are ratios.

| | |
|---|---|
{facts}"""


def _missed_section(groups: list[GroupResult]) -> str:
    results = [result for group in groups for result in group.results]
    judged = [result for result in results if result.verdict in ("met", "missed")]
    missed = [result for result in judged if result.verdict == "missed"]
    unmeasured = [result for result in results if result.verdict == "not measured"]
    lines = [f"## Budgets: {len(judged) - len(missed)} of {len(judged)} met", ""]
    if not missed:
        lines.append("No budget is missed.")
    for result in missed:
        got = format_ratio(result.ratio) if result.row.ratio_budget is not None else format_time(result.measured_ns)
        lines.append(f"- **Missed:** {result.row.what}: {got}, budget {result.budget}. Cause: see the end of the page.")
    lines += [f"- Not measured: {result.row.what}: {result.problem}" for result in unmeasured]
    return "\n".join(lines)


def _group_section(group: GroupResult) -> str:
    lines = [
        f"## {group.title}",
        "",
        "| what | measured | limit | the limit is | ratio | budget | verdict |",
        "|---|---:|---:|---|---:|---:|---|",
    ]
    for result in group.results:
        verdict = "**missed**" if result.verdict == "missed" else result.verdict
        lines.append(f"| {' | '.join([*_cells(result), verdict])} |")
    return "\n".join(lines)


def peer_tables(outcomes: list[PeerOutcome], sizes: dict[int, str]) -> list[Table]:
    """The tables of the peers for the terminal."""
    latency = Table(
        title="One-way latency, medians; in parentheses: ratio to the same work by hand in C", title_justify="left"
    )
    calls = Table(title="The calls alone: publish / newest as an array", title_justify="left")
    for table in (latency, calls):
        table.add_column("library")
    for label in sizes.values():
        latency.add_column(label, justify="right")
    call_sizes = sorted({size for outcome in outcomes for size in outcome.calls_ns})
    for size in call_sizes:
        calls.add_column(sizes[size], justify="right")
    for outcome in outcomes:
        latency.add_row(f"{outcome.title}, {outcome.waits}", *_latency_cells(outcome, sizes))
        if outcome.calls_ns:
            calls.add_row(outcome.title, *_call_cells(outcome, call_sizes))
    return [latency, calls] if call_sizes else [latency]


def _latency_cells(outcome: PeerOutcome, sizes: dict[int, str]) -> list[str]:
    if outcome.problem:
        return [outcome.problem, *[""] * (len(sizes) - 1)]
    return [
        f"{format_time(outcome.latency_ns[size])} ({outcome.ratio[size]:.1f}\N{MULTIPLICATION SIGN})"
        if size in outcome.latency_ns
        else "failed"
        for size in sizes
    ]


def _call_cells(outcome: PeerOutcome, sizes: list[int]) -> list[str]:
    return [
        " / ".join(format_time(value) for value in outcome.calls_ns[size]) if size in outcome.calls_ns else ""
        for size in sizes
    ]


def _peers_section(outcomes: list[PeerOutcome], machine: dict[str, str]) -> str:
    sizes = {56: "56 B", 65536: "64 KB", 921_600: "0.9 MB", 6_220_800: "6.2 MB"}
    present = [outcome for outcome in outcomes if not outcome.problem]
    call_sizes = sorted({size for outcome in present for size in outcome.calls_ns})
    lines = [
        "## Comparison with other libraries",
        "",
        f"Two Python processes on two cores, {machine['date']}. One sends an array, the other returns it; one-way is",
        "half of the round trip, medians. In parentheses: the ratio to the same work by hand in C (memcpy into a ring;",
        "a futex, or spinning where the library spins), measured alternately.",
        "",
        f"| library | {' | '.join(sizes.values())} |",
        f"|---|{'---:|' * len(sizes)}",
        *(f"| {o.title}, {o.waits} | {' | '.join(_latency_cells(o, sizes))} |" for o in present),
    ]
    if call_sizes:
        lines += [
            "",
            "The calls alone, publish / newest sample as an array:",
            "",
            f"| library | {' | '.join(sizes[size] for size in call_sizes)} |",
            f"|---|{'---:|' * len(call_sizes)}",
            *(f"| {o.title} | {' | '.join(_call_cells(o, call_sizes))} |" for o in present if o.calls_ns),
        ]
    left = [f"{outcome.title} {outcome.files_left}" for outcome in present if outcome.files_left]
    if left:
        lines += ["", f"Files left in /dev/shm after an orderly exit: {', '.join(left)}."]
    absent = [f"- {outcome.title}: {outcome.problem}" for outcome in outcomes if outcome.problem]
    if absent:
        lines += ["", *absent]
    return "\n".join(lines)

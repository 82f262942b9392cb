"""Run the benchmarks: ``python bench/run.py``; see bench/README.md.

Needs the package polymorph_ipc in this interpreter, and bench_probe built in release mode.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.machine import compiler_of, describe, usable_cores
from harness.peer_rows import (
    PEER_SIZES,
    all_peers,
    is_installed,
    peer_groups,
    remove_leftovers,
    shared_memory_files,
)
from harness.report import PeerOutcome, as_json, peer_tables, peers_as_json, print_group, write_page
from harness.ros_rows import ros_groups
from harness.rows import SIZES, Group, Plan, all_groups
from harness.runner import Effort, GroupResult, run_group
from peers.adapter import Peer
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
PROBE = ROOT / "build" / "release" / "bench" / "bench_probe"
PAGE = ROOT / "docs" / "benchmarks.md"
OUT = ROOT / "bench" / "out"


def parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="Measure polymorph_ipc and compare it with the limits of this machine."
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few milliseconds per figure, to check that the benchmarks run"
    )
    parser.add_argument("--no-peers", action="store_true", help="do not measure the other installed libraries")
    parser.add_argument(
        "--only", metavar="PREFIX", action="append", help="only groups whose key begins with PREFIX (repeatable)"
    )
    parser.add_argument("--list", action="store_true", help="print the keys of the groups and exit")
    parser.add_argument("--probe", type=Path, default=PROBE, help="the C program bench_probe")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the JSON files")
    parser.add_argument("--page", type=Path, help="the page to write; default docs/benchmarks.md for a complete run")
    parser.add_argument("--pools", type=int, default=1000, help="number of pools to list")
    parser.add_argument("--only-peer", metavar="KEY", action="append", help="only this library (repeatable)")
    parser.add_argument(
        "--peer-python",
        metavar="KEY=PYTHON",
        action="append",
        default=[],
        help="run the adapter KEY with the interpreter that has its library (repeatable)",
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run, print and write the results. Returns 1 when a figure could not be measured, not when a budget is missed."""
    options = parse_arguments(words)
    core, partner_core = usable_cores()
    plan = Plan(options.probe.resolve(), core, partner_core, options.pools)
    groups = all_groups(plan) + ros_groups(plan)
    if options.only:
        groups = [group for group in groups if group.key.startswith(tuple(options.only))]
    if options.list:
        print(*(group.key for group in groups), sep="\n")
        return 0
    if not options.probe.exists():
        print(f"{options.probe} does not exist: build the target bench_probe in release mode first", file=sys.stderr)
        return 2

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which removes folders and probes
    console = Console(width=None if sys.stdout.isatty() else 160)
    effort = Effort(time_factor=0.05, max_rounds=1) if options.quick else Effort()
    with pool_folder():
        started = time.monotonic()
        results = [run_and_print(console, group, effort) for group in groups]
        machine = describe(compiler_of(options.probe.resolve().parent))
        console.print(f"{len(groups)} groups in {time.monotonic() - started:.0f} s")
        if not plan.two_cores:
            console.print("Only one core is usable: no second core, so nothing was measured between two cores.")
        with_peers = not options.no_peers and (not options.only or options.only_peer)
        outcomes = run_peers(console, plan, effort, options) if with_peers else None
    write(options, results, machine, outcomes)
    return 1 if any(result.failed for group in results for result in group.results) else 0


@contextmanager
def pool_folder() -> Iterator[None]:
    """A registry folder for this run, removed at its end."""
    before = os.environ.get("POLYMORPH_IPC_DIR")
    with tempfile.TemporaryDirectory(
        prefix="polymorph_ipc_bench_", dir="/dev/shm", ignore_cleanup_errors=True
    ) as folder:
        os.environ["POLYMORPH_IPC_DIR"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["POLYMORPH_IPC_DIR"]
            else:
                os.environ["POLYMORPH_IPC_DIR"] = before


def run_and_print(console: Console, group: Group, effort: Effort) -> GroupResult:
    """Measure and print one group."""
    with console.status(f"measuring {group.title}"):
        result = run_group(group, effort)
    print_group(console, result)
    return result


def run_peers(console: Console, plan: Plan, effort: Effort, options: argparse.Namespace) -> list[PeerOutcome]:
    """Measure every installed library, and name the others with their install command."""
    interpreters = dict(word.split("=", 1) for word in options.peer_python)
    outcomes = []
    for peer in all_peers():
        if options.only_peer and peer.key not in options.only_peer:
            continue
        outcome = run_peer(console, plan, effort, peer, interpreters.get(peer.key, sys.executable))
        outcomes.append(outcome)
        summary = outcome.problem or f"{len(outcome.latency_ns)} of {len(PEER_SIZES)} sizes measured"
        console.print(f"{peer.title}, {peer.waits}: {summary}", markup=False, highlight=False)
    for table in peer_tables(outcomes, {size: SIZES[size] for size in PEER_SIZES}):
        console.print(table)
    return outcomes


def run_peer(console: Console, plan: Plan, effort: Effort, peer: Peer, python: str) -> PeerOutcome:
    """Measure one library."""
    outcome = PeerOutcome(peer.key, peer.title, peer.waits, peer.pip)
    if not is_installed(peer, python):
        outcome.problem = f"not installed; pip install {peer.pip}"
        return outcome
    before = shared_memory_files()
    for group in peer_groups(plan, peer, python):
        with console.status(f"measuring {group.title}"):
            results = run_group(group, effort).results
        size = int(group.key.rsplit("-", 1)[1])
        problems = [result.problem for result in results if result.problem]
        if problems:
            console.print(f"{group.title}: {problems[0]}", style="yellow", markup=False)
        elif len(results) == 2:
            outcome.calls_ns[size] = (results[0].measured_ns, results[1].measured_ns)
        else:
            outcome.latency_ns[size] = results[0].measured_ns
            outcome.ratio[size] = results[0].ratio
    outcome.files_left = remove_leftovers(before)
    return outcome


def write(
    options: argparse.Namespace, results: list[GroupResult], machine: dict[str, str], outcomes: list[PeerOutcome] | None
) -> None:
    """Write the JSON files, and the page after a complete run or with --page."""
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "benchmarks.json").write_text(as_json(results, machine) + "\n")
    if outcomes is not None:
        (options.out / "peers.json").write_text(peers_as_json(outcomes, machine) + "\n")
    page = options.page or (PAGE if not options.quick and not options.only else None)
    if page:
        write_page(page, results, machine, outcomes)


if __name__ == "__main__":
    sys.exit(main())

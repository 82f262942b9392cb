"""Runs groups: every round measures all operations, so that an operation and its limit see the same machine state."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.probe import ProbeError
from harness.rows import AnyProbe, Group, Row, Source

CALIBRATIONS = 3
WHEN_NOTHING_COUNTED = 64
ABSENT = "needs a library that is not installed"


@dataclass
class Result:
    """The result of one row. Times are in nanoseconds; ``problem`` is the reason when they are missing."""

    row: Row
    measured_ns: float = float("nan")
    limit_ns: float = float("nan")
    ratio: float = float("nan")
    measured_spread: tuple[float, float] = (float("nan"), float("nan"))
    limit_spread: tuple[float, float] = (float("nan"), float("nan"))
    rounds: int = 0
    problem: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the measurement failed. A missing library does not count as a failure."""
        return self.problem is not None and not self.problem.endswith(ABSENT)

    @property
    def budget(self) -> str:
        """The budget as text."""
        if self.row.ratio_budget is not None:
            return f"≤ {self.row.ratio_budget:g}\N{MULTIPLICATION SIGN}"
        if self.row.time_budget_ns is not None:
            return f"≤ {self.row.time_budget_ns / 1e6:g} ms"
        return "none"

    @property
    def verdict(self) -> str:
        """met, missed, informative (no budget) or not measured."""
        if self.problem is not None:
            return "not measured"
        if self.row.ratio_budget is not None:
            return "met" if self.ratio <= self.row.ratio_budget else "missed"
        if self.row.time_budget_ns is not None:
            return "met" if self.measured_ns <= self.row.time_budget_ns else "missed"
        return "informative"


@dataclass(frozen=True)
class Effort:
    """How long to measure: limits on the settings of each group."""

    time_factor: float = 1.0
    max_rounds: int = 1000


@dataclass
class GroupResult:
    """The results of one group."""

    key: str
    title: str
    results: list[Result] = field(default_factory=list)


def run_group(group: Group, effort: Effort) -> GroupResult:
    """Open the probes of the group, measure every round and close them, once for each session of the group."""
    record = _Record()
    for _ in range(min(group.sessions, effort.max_rounds)):
        session = _Session(group, effort, record)
        try:
            session.open()
            session.measure()
        finally:
            session.close()
    return GroupResult(group.key, group.title, [record.judge(row) for row in group.rows])


class _Record:
    """The samples and problems of a group over all sessions."""

    def __init__(self) -> None:
        self.problems: dict[Source | str, str] = {}
        self.samples: dict[Source, list[float]] = {}

    def judge(self, row: Row) -> Result:
        """The result of a row."""
        for source in (row.measured, row.limit):
            problem = self.problems.get(source) or self.problems.get(source.probe)
            if problem or not self.samples.get(source):
                return Result(row, problem=problem or "no sample")
        measured, limit = self.samples[row.measured], self.samples[row.limit]
        measured_ns, limit_ns = statistics.median(measured), statistics.median(limit)
        return Result(
            row,
            measured_ns=measured_ns,
            limit_ns=limit_ns,
            ratio=measured_ns / limit_ns,
            measured_spread=_quartiles(measured),
            limit_spread=_quartiles(limit),
            rounds=len(measured),
        )


class _Session:
    """The running probes of a group."""

    def __init__(self, group: Group, effort: Effort, record: _Record) -> None:
        self._group, self._effort, self._record = group, effort, record
        self._probes: dict[str, AnyProbe] = {}

    def open(self) -> None:
        """Start every probe; record those that fail."""
        for name, start in self._group.probes.items():
            self._open(name, start)

    def _open(self, name: str, start: Callable[[], AnyProbe]) -> None:
        try:
            self._probes[name] = start()
        except (ProbeError, OSError) as error:
            self._record.problems[name] = str(error)

    def measure(self) -> None:
        """Measure every operation of the rows once per round, in the order of the rows."""
        counts = {source: self._calibrate(source) for source in self._sources()}
        for _ in range(min(self._group.rounds, self._effort.max_rounds)):
            for source, count in counts.items():
                duration = self._sample(source, count)
                if duration is not None:
                    self._record.samples.setdefault(source, []).append(duration)

    def close(self) -> None:
        """Close all probes."""
        for probe in self._probes.values():
            probe.close()

    def _sources(self) -> list[Source]:
        """The operations to measure, each once. Operations that a probe does not offer are recorded as problems."""
        sources: list[Source] = []
        for row in self._group.rows:
            for source in (row.measured, row.limit):
                probe = self._probes.get(source.probe)
                if probe is None or source in sources:
                    continue
                if source.operation in probe.operations:
                    sources.append(source)
                else:
                    self._record.problems[source] = f"{source.operation} {ABSENT}"
        return sources

    def _sample(self, source: Source, count: int) -> float | None:
        """One sample, or None when the probe failed or no batch counted."""
        if source.probe in self._record.problems:
            return None
        try:
            duration = self._probes[source.probe].sample(source.operation, count)
        except ProbeError as error:
            self._record.problems[source.probe] = str(error)
            return None
        return None if math.isnan(duration) else duration

    def _calibrate(self, source: Source) -> int:
        """The number of operations that fill the time of one sample."""
        wanted_ns = self._group.sample_seconds * self._effort.time_factor * 1e9
        count = 1
        if not wanted_ns:
            return count
        for _ in range(CALIBRATIONS):
            duration = self._sample(source, count)
            if duration is None:
                count = WHEN_NOTHING_COUNTED
                continue
            count = max(1, min(self._group.max_count, int(wanted_ns / max(duration, 1.0))))
        return count


def _quartiles(samples: list[float]) -> tuple[float, float]:
    if len(samples) < 2:
        return samples[0], samples[0]
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, high

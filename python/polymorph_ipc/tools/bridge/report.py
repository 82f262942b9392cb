"""What bridges do, for people and for programs: a live table, plain lines, JSON lines."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import Any, Literal, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .links import Report

Style = Literal["auto", "plain", "json"]


class Reporter(Protocol):
    def show(self, reports: list[Report]) -> None: ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def reporter(style: Style) -> Reporter:
    if style == "json":
        return JsonLines()
    if style == "plain" or not sys.stdout.isatty():
        return PlainLines()
    return LiveTable()


def is_live(style: Style) -> bool:
    return style == "auto" and sys.stdout.isatty()


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


class Lines:
    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


class PlainLines(Lines):
    def show(self, reports: list[Report]) -> None:
        for one in reports:
            latency = f"{milliseconds(one.latency_median_ms)} / {milliseconds(one.latency_p99_ms)} ms"
            print(
                f"{one.source} -> {one.target}: {one.state}, {one.rate_hz:.1f} Hz, latency {latency}, "
                f"{one.published} published, {one.dropped} dropped, {one.misfits} misfits, {one.failures} failures"
                + (f": {one.problem}" if one.problem else ""),
                flush=True,
            )


class JsonLines(Lines):
    def show(self, reports: list[Report]) -> None:
        for one in reports:
            row = {"time": round(time.time(), 3), **one._asdict()}
            row["rate_hz"] = round(one.rate_hz, 3)
            print(json.dumps(row), flush=True)


class LiveTable:
    def __init__(self) -> None:
        self.live = Live(console=Console(), auto_refresh=False)

    def show(self, reports: list[Report]) -> None:
        self.live.update(table_of(reports), refresh=True)

    def __enter__(self) -> LiveTable:
        self.live.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.live.stop()


def table_of(reports: list[Report]) -> Table:
    table = Table(caption="latency: of topics from the message's stamp, of pools from publication; Ctrl-C ends")
    for heading in ("from", "to", "type", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("Hz", "median ms", "p99 ms", "published", "dropped", "misfits", "failures"):
        table.add_column(heading, justify="right")
    for one in reports:
        table.add_row(
            Text(one.source),
            Text(one.target),
            Text(one.type),
            Text(one.state, style="green" if one.state == "running" else "yellow"),
            f"{one.rate_hz:.1f}",
            milliseconds(one.latency_median_ms),
            milliseconds(one.latency_p99_ms),
            str(one.published),
            str(one.dropped),
            str(one.misfits),
            str(one.failures),
        )
        if one.problem:
            table.add_row("", "", "", Text(one.problem, style="red"))
    return table

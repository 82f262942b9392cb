"""Reports about the bridges: a live table for a terminal, plain lines, or JSON lines."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from types import TracebackType
from typing import Any, Literal, Protocol

from rich.console import Console, Group
from rich.live import Live
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
        self.live.update(Group(*lines_of(reports, self.live.console.width)), refresh=True)

    def __enter__(self) -> LiveTable:
        self.live.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.live.stop()


COLUMNS = {"state": 12, "Hz": 6, "median ms": 9, "p99 ms": 7, "published": 9, "dropped": 7, "misfits": 7, "failures": 8}
"""The width of each column. With the indent (2) and the gaps (7), 65 characters fit on a terminal of 80."""
UNITS = ("", "k", "M", "G", "T", "P", "E")
INDENT = "  "
CAPTION = "latency: of topics from the message's stamp, of pools from publication; Ctrl-C ends"


def lines_of(reports: list[Report], width: int) -> list[Text]:
    """The table: for each bridge a line with its names, a line with its numbers, and its problem if it has one."""
    lines = [Text(INDENT + row_of(list(COLUMNS)), style="bold")]
    for one in reports:
        lines += [Text(line, style="cyan") for line in title_of(one, width)]
        numbers = Text(INDENT + row_of(cells_of(one)))
        numbers.stylize("green" if one.state == "running" else "yellow", 0, len(INDENT) + COLUMNS["state"])
        lines.append(numbers)
        lines += [Text(line, style="red") for line in wrapped(one.problem, width)]
    return lines + [Text(line, style="dim") for line in wrapped(CAPTION, width)]


def row_of(cells: list[str]) -> str:
    """One line: the first cell aligned to the left, numbers to the right."""
    state, *numbers = zip(cells, COLUMNS.values(), strict=True)
    return " ".join([state[0].ljust(state[1]), *(number.rjust(size) for number, size in numbers)])


def cells_of(one: Report) -> list[str]:
    numbers = {
        "Hz": f"{one.rate_hz:.1f}",
        "median ms": milliseconds(one.latency_median_ms),
        "p99 ms": milliseconds(one.latency_p99_ms),
        "published": str(one.published),
        "dropped": str(one.dropped),
        "misfits": str(one.misfits),
        "failures": str(one.failures),
    }
    return [one.state, *(shortened(number, COLUMNS[name]) for name, number in numbers.items())]


def shortened(number: str, size: int) -> str:
    """A number in at most `size` characters (6 or more): 1234567890 in 7 characters is 1.2G."""
    if len(number) <= size:
        return number
    value, unit = float(number), 0
    while abs(value) >= 999.95 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f}{UNITS[unit]}"


def title_of(one: Report, width: int) -> list[str]:
    parts = [one.source, f"-> {one.target}", *([f"({one.type})"] if one.type else [])]
    together = " ".join(parts)
    return [together] if len(together) <= width else [line for part in parts for line in folded(part, width)]


def folded(name: str, width: int) -> list[str]:
    """A name, folded into lines of at most `width` characters, after a "/" where possible."""
    lines = [""]
    for piece in name.replace("/", "/\0").split("\0"):
        if len(lines[-1]) + len(piece) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
        while len(lines[-1]) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return lines


def wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=INDENT, subsequent_indent=INDENT)

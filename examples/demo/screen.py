"""The output of the demo: a live table on a terminal, lines once a second on a pipe."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType

from consumer import Channel, Consumer
from polymorph_ipc import TensorStream
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

COLUMNS = ("", "rate", "latency p50", "p99", "age", "received", "dropped", "torn", "views held", "producer")
CAPTION = (
    "Latency: time from publication to the read; for the arm, the age of the newest sample when it is read.\n"
    "Torn: samples with a wrong checksum. Dropped: samples that were published but never read."
)
LIVE_PERIOD_SECONDS = 0.25
PLAIN_PERIOD_SECONDS = 1.0


def microseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1e6:.0f} us"


def cells(channel: Channel, stream: TensorStream) -> tuple[str, ...]:
    return (
        channel.name,
        f"{channel.rate():.0f} Hz",
        microseconds(channel.latency(50)),
        microseconds(channel.latency(99)),
        f"{channel.age() * 1e3:.1f} ms" if channel.received else "-",
        f"{channel.received}",
        f"{channel.dropped}",
        f"{channel.torn}",
        f"{stream.stats['views_held']}",
        "alive" if stream.producer_alive else "dead",
    )


def rows_of(consumer: Consumer) -> list[tuple[str, ...]]:
    pairs = ((consumer.camera, consumer.camera_stream), (consumer.arm, consumer.arm_stream))
    return [cells(channel, stream) for channel, stream in pairs]


class Screen:
    """Shows a table and the events so far. A row whose last cell is "dead" is red."""

    def __init__(
        self,
        title: str,
        columns: tuple[str, ...],
        caption: str,
        rows: Callable[[], list[tuple[str, ...]]],
        plain: bool,
    ) -> None:
        self.title = title
        self.columns = columns
        self.caption = caption
        self.rows = rows
        self.console = Console()
        self.started = time.monotonic()
        self.shown = float("-inf")
        self.events: list[str] = []
        self.live = None if plain else Live(console=self.console, auto_refresh=False)

    def __enter__(self) -> Screen:
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.show(at_once=True)
        if self.live is not None:
            self.live.stop()

    def event(self, text: str) -> None:
        line = f"{time.monotonic() - self.started:6.2f} s  {text}"
        self.events.append(line)
        if self.live is None:
            print(line, flush=True)
        self.show(at_once=True)

    def show(self, at_once: bool = False) -> None:
        """Draw again when the period is over."""
        period = PLAIN_PERIOD_SECONDS if self.live is None else LIVE_PERIOD_SECONDS
        now = time.monotonic()
        if not at_once and now - self.shown < period:
            return
        self.shown = now
        if self.live is None:
            self.print_lines()
        else:
            self.live.update(self.render(), refresh=True)

    def render(self) -> Group:
        table = Table(*self.columns, title=self.title, caption=self.caption, caption_justify="left")
        for column in table.columns[1:-1]:
            column.justify = "right"
        for row in self.rows():
            table.add_row(*row, style="bold red" if row[-1] == "dead" else None)
        return Group(table, Text("\n".join(self.events)))

    def print_lines(self) -> None:
        for row in self.rows():
            named = [f"{name} {value}" for name, value in zip(self.columns[1:], row[1:], strict=True)]
            print(f"{time.monotonic() - self.started:6.2f} s  {row[0]:6} " + "  ".join(named), flush=True)

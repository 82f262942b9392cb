"""The program: a node of its own, a thread that spins it, a loop that watches and reports, an orderly end."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from ... import _core
from ..problems import Problem
from .links import Link, make_link
from .report import Style, is_live, reporter
from .request import Request

TICK = 0.1  # seconds
SOURCE_LINE = re.compile(r", at /\S+:\d+$")  # where in its own source rcl says something


def run(requests: list[Request], node_name: str, interval: float, style: Style) -> int:
    """Bridge until Ctrl-C or SIGTERM; the exit code. Raises Problem for what only the user can mend."""
    from ...ros.missing import require_rclpy

    try:
        require_rclpy("polymorph bridge")
    except ImportError as problem:
        raise Problem(str(problem).replace("polymorph bridge=", "polymorph bridge")) from None
    with interruptible(), ros_node(node_name, quiet=is_live(style)) as node, contextlib.ExitStack() as links:
        made = [make(request, node, links) for request in requests]
        with contextlib.suppress(KeyboardInterrupt):
            watch(made, interval, style)
    return 0


def make(request: Request, node: Any, links: contextlib.ExitStack) -> Link:
    try:
        link = make_link(request, node)
    except Exception as problem:  # of ours and rclpy's: whatever it is, the user hears it in one sentence
        words = " ".join(str(problem).split()) or type(problem).__name__
        words = SOURCE_LINE.sub("", words)
        raise Problem(f"{request.source} to {request.to}: {words}") from problem
    links.callback(link.close)
    return link


def watch(links: list[Link], interval: float, style: Style) -> None:
    """Tick and report until interrupted, and say how it stands then."""
    with reporter(style) as reports:
        report_at = time.monotonic()
        try:
            while True:
                for link in links:
                    link.tick()
                now = time.monotonic()
                if now >= report_at:
                    report_at = max(report_at + interval, now)
                    reports.show([link.report() for link in links])
                time.sleep(max(0.0, min(TICK, report_at - time.monotonic())))
        finally:
            reports.show([link.report() for link in links])


@contextlib.contextmanager
def ros_node(name: str, quiet: bool) -> Iterator[Any]:
    """A node in a context of its own, spun by a thread. `quiet`: only errors are logged, because the table shows the
    rest."""
    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.impl.logging_severity import LoggingSeverity

    context = rclpy.Context()
    try:
        rclpy.init(args=[], context=context, signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
        node = rclpy.create_node(name, context=context)
    except Exception as problem:
        raise Problem(f"no ROS node: {' '.join(str(problem).split())}") from problem
    if quiet:
        node.get_logger().set_level(LoggingSeverity.ERROR)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, name="spin", daemon=True)
    thread.start()
    try:
        yield node
    finally:
        executor.shutdown()
        thread.join()
        node.destroy_node()
        context.try_shutdown()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the loop, whatever whoever started us did to SIGINT."""

    def interrupt(_number: int, _frame: Any) -> None:
        ignore_interrupts()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(0)
    except _core.PolymorphError as problem:
        raise Problem(str(problem)) from problem


def ignore_interrupts() -> None:
    """The end is not interrupted again."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

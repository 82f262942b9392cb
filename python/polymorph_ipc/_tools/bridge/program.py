"""The program: a node, a thread that spins it, a loop that checks and reports, and an orderly end."""

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
from .check import check
from .links import Link, make_link
from .report import Style, is_live, reporter
from .request import Request

TICK = 0.1  # seconds between two checks of the bridges
SOURCE_LINE = re.compile(r", at /\S+:\d+")  # rcl ends its texts with a line of its source
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(requests: list[Request], node_name: str, ros_arguments: list[str], interval: float, style: Style) -> int:
    """Run the bridges until Ctrl-C, SIGTERM or SIGHUP, and return the exit code.

    Args:
        requests: The bridges to make.
        node_name: The name of the ROS node.
        ros_arguments: "--ros-args" and the arguments after it, for rclpy.init; or an empty list.
        interval: Seconds between two reports.
        style: How to report.

    Raises:
        Problem: An error that the user has to fix.
    """
    from ..._ros.missing import require_rclpy

    try:
        require_rclpy("polymorph bridge")
    except ImportError as problem:
        raise Problem(str(problem).replace("polymorph bridge=", "polymorph bridge")) from None
    quiet = is_live(style)
    with interruptible(), ros_node(node_name, ros_arguments, quiet) as node, contextlib.ExitStack() as links:
        for request in requests:
            with as_problem(request):
                check(request, node)
        made = [make(request, node, links) for request in requests]
        with contextlib.suppress(KeyboardInterrupt):
            watch(made, interval, style)
    return 0


def make(request: Request, node: Any, links: contextlib.ExitStack) -> Link:
    with as_problem(request):
        link = make_link(request, node)
    links.callback(link.close)
    return link


@contextlib.contextmanager
def as_problem(request: Request) -> Iterator[None]:
    """Turn every error of this package and of rclpy into a Problem of one sentence."""
    try:
        yield
    except Exception as problem:
        text = request.origin.with_user_names(one_line(problem))
        raise request.origin.problem(f"{request.source} to {request.to}: {text}") from problem


def one_line(problem: Exception) -> str:
    text = SOURCE_LINE.sub("", " ".join(str(problem).split()))
    return text or type(problem).__name__


def watch(links: list[Link], interval: float, style: Style) -> None:
    """Tick and report until interrupted, then report once more."""
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
def ros_node(name: str, arguments: list[str], quiet: bool) -> Iterator[Any]:
    """A node in a context of its own, spun by a thread. `arguments` are for rclpy.init. With `quiet` only errors are
    logged: the table shows the rest."""
    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.impl.logging_severity import LoggingSeverity
    from rclpy.validate_node_name import validate_node_name

    context = rclpy.Context()
    try:
        validate_node_name(name)
        rclpy.init(args=arguments, context=context, signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
        node = rclpy.create_node(name, context=context)
    except Exception as problem:
        kind = "unknown ROS arguments: " if type(problem).__name__ == "UnknownROSArgsError" else ""
        raise Problem(f"the ROS node cannot be made: {kind}{one_line(problem)}") from problem
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
    """In this context, Ctrl-C, SIGTERM and SIGHUP end the loop, also when the parent process ignored SIGINT. A SIGHUP
    that is ignored, as under `nohup`, stays ignored."""

    def interrupt(_number: int, _frame: Any) -> None:
        ignore_interrupts()
        raise KeyboardInterrupt

    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(0)
    except _core.PolymorphError as problem:
        raise Problem(str(problem)) from problem


def ignore_interrupts() -> None:
    """Ignore further signals: the end of the program is not interrupted."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)

"""The live table of `polymorph bridge` on a terminal with 80 columns."""

from __future__ import annotations

import io

import pytest
from polymorph_ipc._tools.bridge.links import Report
from polymorph_ipc._tools.bridge.report import COLUMNS, folded, lines_of, shortened
from rich.console import Console, Group

CAMERA = Report(
    source="/camera/image_raw",
    target="camera/rgb",
    type="sensor_msgs/msg/Image",
    state="running",
    rate_hz=29.97,
    latency_median_ms=0.81,
    latency_p99_ms=1.2,
    published=123456789,
    dropped=0,
    misfits=3,
    failures=0,
    problem="",
)
ARM = CAMERA._replace(
    source="/second_robot/left_arm/joint_state_broadcaster/the_states_of_all_joints_of_it",
    target="second_robot/left_arm/q",
    type="sensor_msgs/msg/JointState",
    state="QoS mismatch",
    rate_hz=0.0,
    latency_median_ms=None,
    latency_p99_ms=None,
    published=12345678901,
    dropped=987654321,
    problem="topic /left_arm/joint_states is published as std_msgs/msg/String, not sensor_msgs/msg/JointState",
)


def shown(reports: list[Report], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as capture:
        console.print(Group(*lines_of(reports, width)))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_two_bridges_fit_on_80_characters() -> None:
    lines = shown([CAMERA, ARM], 80)
    assert lines[:3] == [
        "  state            Hz median ms  p99 ms published dropped misfits failures",
        "/camera/image_raw -> camera/rgb (sensor_msgs/msg/Image)",
        "  running        30.0      0.81    1.20 123456789       0       3        0",
    ]
    assert lines[3:7] == [
        "/second_robot/left_arm/joint_state_broadcaster/the_states_of_all_joints_of_it",
        "-> second_robot/left_arm/q",
        "(sensor_msgs/msg/JointState)",
        "  QoS mismatch    0.0         -       -     12.3G  987.7M       3        0",
    ]
    assert " ".join(line.strip() for line in lines[7:9]) == ARM.problem
    assert len(lines) < 24


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_table_line_is_wider_than_the_terminal(width: int) -> None:
    lines = [line.plain for line in lines_of([CAMERA, ARM], width)]
    assert max(map(len, lines)) <= width
    assert shown([CAMERA, ARM], width) == lines, "rich does not wrap any line"


def test_every_column_fits_its_heading_and_every_state() -> None:
    states = (
        "running",
        "no publisher",
        "no pool",
        "wrong type",
        "QoS mismatch",
        "cannot start",
        "no messages",
        "ended",
    )
    assert all(len(heading) <= size for heading, size in COLUMNS.items())
    assert max(map(len, states)) <= COLUMNS["state"]
    assert 2 + sum(COLUMNS.values()) + len(COLUMNS) - 1 <= 80


@pytest.mark.parametrize(
    ("number", "size", "expected"),
    [
        ("123456", 6, "123456"),
        ("1234567", 6, "1.2M"),
        ("999999999", 7, "1.0G"),
        ("99994.9", 6, "100.0k"),
        ("-3600000", 7, "-3.6M"),
        ("9" * 20, 6, "100.0E"),
    ],
)
def test_long_numbers_are_shortened(number: str, size: int, expected: str) -> None:
    assert shortened(number, size) == expected
    assert len(expected) <= size


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/a/b", ["/a/b"]),
        ("/camera/left/image_raw", ["/camera/", "left/", "image_raw"]),
        ("/a/b/c/d/e/f/g", ["/a/b/c/d/", "e/f/g"]),
        ("/ab/" + "x" * 12, ["/ab/", "x" * 10, "xx"]),
    ],
)
def test_long_names_are_folded_at_slashes(name: str, expected: list[str]) -> None:
    assert folded(name, 10) == expected
    assert "".join(folded(name, 10)) == name

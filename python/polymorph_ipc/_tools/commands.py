"""The commands of `polymorph` and their options. A command imports the modules that do its work when it is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .. import _core
from .._describe import printable
from .problems import Problem

app = typer.Typer(
    name="polymorph",
    help="Tools for polymorph_ipc: tensors between processes through shared memory.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# typer reads these annotations at run time, also under Python 3.10.
Text = Optional[str]  # noqa: UP045
Number = Optional[int]  # noqa: UP045
File = Optional[Path]  # noqa: UP045


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"polymorph_ipc {_core.version}")
        raise typer.Exit


@app.callback()
def polymorph(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Tools for polymorph_ipc: tensors between processes through shared memory."""


def run() -> int:
    """Run the command of the command line and return the exit code. A Problem is printed as one sentence on stderr."""
    own, ros = split_ros_arguments(sys.argv[1:])
    try:
        app(own, standalone_mode=True, obj=ros)
    except Problem as problem:
        print(f"polymorph: {printable(str(problem))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `polymorph ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def split_ros_arguments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The program's own arguments, and those for rclpy.init: `--ros-args` and what follows it up to `--`, as in every
    ROS program. There may be several such groups."""
    own: list[str] = []
    ros: list[str] = []
    target = own
    for argument in arguments:
        if argument == "--ros-args":
            target = ros
        if argument == "--" and target is ros:
            target = own
            ros.append(argument)
        else:
            target.append(argument)
    return own, ros


def split_names(text: str | None) -> list[str] | None:
    """The names in a text, separated by commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


@app.command()
def bridge(
    context: typer.Context,
    file: Annotated[File, typer.Argument(help="YAML file that describes bridges.", show_default=False)] = None,
    from_ros: Annotated[Text, typer.Option(help="Topic to read; it fills a pool.", metavar="TOPIC")] = None,
    from_pool: Annotated[Text, typer.Option(help="Pool to read; its samples go to a topic.", metavar="POOL")] = None,
    to: Annotated[Text, typer.Option(help="Name of the pool, or of the topic, to write.", metavar="NAME")] = None,
    type_: Annotated[
        Text,
        typer.Option(
            "--type",
            help="Message type, such as sensor_msgs/msg/Image. Default: the type of the topic's publishers, or "
            "ros_type in the pool's metadata.",
        ),
    ] = None,
    field: Annotated[Text, typer.Option(help="Path in the message, such as pose.position.")] = None,
    shape: Annotated[Text, typer.Option(help="Shape of the pool's samples, such as 480,640,3.")] = None,
    dtype: Annotated[Text, typer.Option(help="Dtype of the pool's samples, such as uint8; with --shape.")] = None,
    joints: Annotated[
        Text, typer.Option(help="Names of the joints, in the order of the samples, such as j1,j2,j3.")
    ] = None,
    point_fields: Annotated[Text, typer.Option(help="Fields of the points, such as x,y,z,intensity.")] = None,
    frames: Annotated[
        Text, typer.Option(help="any: take messages of any frame_id. Default: only that of the first message.")
    ] = None,
    frame_id: Annotated[Text, typer.Option(help="frame_id of the messages, with --from-pool.")] = None,
    history_len: Annotated[Number, typer.Option(help="Number of newest samples that the pool keeps.", min=1)] = None,
    mode: Annotated[
        Text, typer.Option(help="Permission bits of the pool's file: 0600 (the default), 0660, 0606 or 0666.")
    ] = None,
    depth: Annotated[Number, typer.Option(help="QoS: number of messages in the queue (keep last).", min=1)] = None,
    reliability: Annotated[Text, typer.Option(help="QoS: reliable or best_effort.")] = None,
    durability: Annotated[Text, typer.Option(help="QoS: volatile or transient_local.")] = None,
    node: Annotated[str, typer.Option(help="Name of the ROS node.")] = "polymorph_bridge",
    interval: Annotated[float, typer.Option(help="Seconds between two reports.", min=0.05)] = 1.0,
    plain: Annotated[bool, typer.Option("--plain", help="Print plain lines, also on a terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per bridge and report.")] = False,
) -> None:
    """Copy ROS 2 topics into pools, and pools to topics, until Ctrl-C, SIGTERM or SIGHUP.

    Topics and pools may appear, end and come back at any time. Arguments for ROS (remappings, namespace, parameters,
    node name) follow --ros-args, up to --.

        polymorph bridge --from-ros /camera/image_raw --to camera

        polymorph bridge --from-pool arm/q --to /joint_states --type sensor_msgs/msg/JointState

        polymorph bridge bridge.yaml

        polymorph bridge bridge.yaml --ros-args -r __ns:=/robot -p use_sim_time:=true
    """
    from .bridge.origin import OPTIONS
    from .bridge.program import run as run_bridge
    from .bridge.request import from_file, from_options

    options: dict[str, Any] = {
        "from_ros": from_ros,
        "from_pool": from_pool,
        "to": to,
        "type": type_,
        "field": field,
        "shape": split_names(shape),
        "dtype": dtype,
        "joints": split_names(joints),
        "point_fields": split_names(point_fields),
        "frames": frames,
        "metadata": None if frame_id is None else {"frame_id": frame_id},
        "history_len": history_len,
        "mode": mode,
        "qos": {"depth": depth, "reliability": reliability, "durability": durability},
    }
    options["qos"] = {key: value for key, value in options["qos"].items() if value is not None} or None
    given = {key: value for key, value in options.items() if value is not None}
    if file is not None and given:
        raise Problem(f"give a file or options, not both: {file} and {', '.join(OPTIONS[key] for key in given)}")
    requests = from_file(file) if file is not None else [from_options(given)]
    style: Any = "json" if as_json else "plain" if plain else "auto"
    raise SystemExit(run_bridge(requests, node, context.obj, interval, style))

"""Requests for bridges, from options or a YAML file, checked without ROS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ..._arguments import MODES
from ..problems import Problem
from .origin import Origin

DEFAULT_DTYPE = "float64"
RELIABILITIES = ("reliable", "best_effort")
DURABILITIES = ("volatile", "transient_local")


@dataclass(frozen=True)
class Request:
    """One bridge. The fields are the keys of the file; `origin` says where the request comes from."""

    from_ros: str | None = None
    from_pool: str | None = None
    to: str = ""
    type: str | None = None
    field: str | dict[str, str] | None = None
    shape: list[int] | None = None
    dtype: str | None = None
    joints: list[str] | None = None
    point_fields: list[str] | None = None
    variable: bool | None = None
    frames: str | None = None
    organized: bool = False
    on_change: Literal["refuse", "follow"] | None = None
    max_bytes: int | None = None
    history_len: int = 10
    mode: Any = None
    qos: Any = None
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    origin: Origin = dataclasses.field(default_factory=Origin)

    @property
    def source(self) -> str:
        return self.from_ros if self.from_ros is not None else str(self.from_pool)

    @property
    def topic(self) -> str:
        return self.from_ros if self.from_ros is not None else self.to

    @property
    def pool(self) -> str:
        return self.to if self.from_ros is not None else str(self.from_pool)

    def name(self, key: str) -> str:
        """The name that the user knows a key by: the option, or the key of the file."""
        return self.origin.name(key)

    def sample(self) -> Any:
        """An array with the shape and dtype of the pool's samples. None: the first message decides."""
        if self.shape is None:
            return None
        import numpy as np

        return np.zeros(self.shape, self.dtype or DEFAULT_DTYPE)

    def permissions(self) -> int:
        """Permission bits of the pool's file."""
        return 0o600 if self.mode is None else mode_bits(self.mode)

    def profile(self) -> Any:
        """The QoSProfile of the request, or a depth; None when it has none. Needs rclpy."""
        if self.qos is None or isinstance(self.qos, int):
            return self.qos
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

        from ..._ros.qos import DEPTH

        return QoSProfile(
            depth=self.qos.get("depth", DEPTH),
            reliability=ReliabilityPolicy[self.qos.get("reliability", "reliable").upper()],
            durability=DurabilityPolicy[self.qos.get("durability", "volatile").upper()],
        )


KEYS = tuple(each.name for each in fields(Request) if each.name != "origin")
LISTS = {"shape": int, "joints": str, "point_fields": str}
TEXTS = ("from_ros", "from_pool", "to", "type", "dtype")
ONLY_FROM_ROS = ("shape", "dtype", "variable", "frames", "organized", "on_change", "max_bytes", "history_len", "mode")


def from_options(given: Mapping[str, Any]) -> Request:
    """The request that the options of the command line make."""
    if not given:
        raise Problem("give --from-ros TOPIC or --from-pool POOL, with --to NAME, or a YAML file")
    values = dict(given)
    if "shape" in values:
        try:
            values["shape"] = [int(part) for part in values["shape"]]
        except ValueError:
            raise Problem(
                f"--shape must be numbers separated by commas, such as 480,640,3, not {','.join(values['shape'])!r}"
            ) from None
    return checked(values, Origin())


def from_file(path: Path) -> list[Request]:
    """The requests of a YAML file: a list of bridges, or a mapping with the one key `bridges`."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise Problem(f"cannot read {path}: {problem.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise Problem(f"{path} is not valid YAML: {' '.join(str(problem).split())}") from None
    if isinstance(content, dict) and set(content) == {"bridges"}:
        content = content["bridges"]
    if not isinstance(content, list) or not content:
        raise Problem(f"{path} must be a list of bridges, each with from_ros or from_pool, and to")
    found = [checked(entry, Origin(f"{path}, bridge {number}")) for number, entry in enumerate(content, 1)]
    pools = [request.to for request in found if request.from_ros is not None]
    twice = sorted({pool for pool in pools if pools.count(pool) > 1})
    if twice:
        raise Problem(f"{path}: two topics cannot fill one pool: {', '.join(twice)}")
    return found


def checked(values: Any, origin: Origin) -> Request:
    """Make a Request. Raises Problem for the first error in it."""
    name = origin.name
    if not isinstance(values, dict):
        raise origin.problem(f"must be a mapping with from_ros or from_pool, and to, not {values!r}")
    unknown = sorted(str(key) for key in values if key not in KEYS)
    if unknown:
        raise origin.problem(f"unknown keys: {', '.join(unknown)}; the keys are {', '.join(KEYS)}")
    given = {key: value for key, value in values.items() if value is not None}
    if ("from_ros" in given) == ("from_pool" in given):
        raise origin.problem(f"exactly one of {name('from_ros')} and {name('from_pool')} is needed")
    if not given.get("to"):
        target = "pool" if "from_ros" in given else "topic"
        raise origin.problem(f"{name('to')} is missing: give the name of the {target}")
    for key in TEXTS:
        if key in given and not isinstance(given[key], str):
            raise origin.problem(f"{name(key)} must be a text, not {given[key]!r}")
    for key, kind in LISTS.items():
        if key in given and not (isinstance(given[key], list) and all(isinstance(item, kind) for item in given[key])):
            kinds = "numbers" if kind is int else "names"
            raise origin.problem(f"{name(key)} must be a list of {kinds}, not {given[key]!r}")
    if "from_pool" in given:
        wrong = [name(key) for key in ONLY_FROM_ROS if key in given]
        if wrong:
            raise origin.problem(f"valid only with {name('from_ros')}: {', '.join(wrong)}")
    elif given.get("metadata"):
        raise origin.problem(f"valid only with {name('from_pool')}: {name('metadata')}")
    check_array(given, origin)
    check_rest(given, origin)
    check_qos(given.get("qos"), origin)
    return Request(**given, origin=origin)


def check_array(given: dict[str, Any], origin: Origin) -> None:
    name = origin.name
    if "dtype" in given:
        import numpy as np

        if "shape" not in given:
            raise origin.problem(f"{name('dtype')} needs {name('shape')} too")
        try:
            np.dtype(given["dtype"])
        except TypeError:
            raise origin.problem(
                f"{name('dtype')}: {given['dtype']!r} is not a dtype, such as uint8 or float32"
            ) from None
    if "shape" in given and any(length < 0 for length in given["shape"]):
        raise origin.problem(f"{name('shape')} cannot have negative lengths: {given['shape']}")


def check_rest(given: dict[str, Any], origin: Origin) -> None:
    name = origin.name
    if not isinstance(given.get("metadata", {}), dict):
        raise origin.problem(f"{name('metadata')} must be a mapping, not {given['metadata']!r}")
    if not isinstance(given.get("field", ""), (str, dict)):
        raise origin.problem(f"{name('field')} must be a path, or a mapping of names to paths, not {given['field']!r}")
    for key in ("history_len", "max_bytes"):
        number = given.get(key, 1)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise origin.problem(f"{name(key)} must be a number above 0, not {number!r}")
    for key in ("variable", "organized"):
        if not isinstance(given.get(key, True), bool):
            raise origin.problem(f"{name(key)} must be true or false, not {given[key]!r}")
    if given.get("on_change", "follow") not in ("follow", "refuse"):
        raise origin.problem(f"{name('on_change')} must be follow or refuse, not {given['on_change']!r}")
    if given.get("frames", "any") != "any":
        raise origin.problem(f'{name("frames")} must be "any", or be left out, not {given["frames"]!r}')
    if "mode" in given and mode_bits(given["mode"]) not in MODES:
        raise origin.problem(
            f"{name('mode')} must be {', '.join(f'0{mode:o}' for mode in MODES)}, not {given['mode']!r}: a process "
            "that may read a pool must also be able to write it"
        )


def mode_bits(mode: Any) -> int:
    """The permission bits of octal text, or of the number that YAML makes of 0660; -1 for other values."""
    if isinstance(mode, int) and not isinstance(mode, bool):
        return mode
    try:
        return int(mode, 8) if isinstance(mode, str) else -1
    except ValueError:
        return -1


def check_qos(qos: Any, origin: Origin) -> None:
    if qos is None or (isinstance(qos, int) and not isinstance(qos, bool) and qos > 0):
        return
    if not isinstance(qos, dict) or not set(qos) <= {"depth", "reliability", "durability"}:
        raise origin.problem(f"qos must be a depth, or a mapping with depth, reliability, durability, not {qos!r}")
    depth = qos.get("depth", 1)
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise origin.problem(f"{origin.name('qos: depth')} must be a number above 0, not {depth!r}")
    for key, allowed in (("reliability", RELIABILITIES), ("durability", DURABILITIES)):
        if qos.get(key, allowed[0]) not in allowed:
            raise origin.problem(f"{origin.name(f'qos: {key}')} must be {' or '.join(allowed)}, not {qos[key]!r}")

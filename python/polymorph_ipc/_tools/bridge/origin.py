"""Where a request comes from, and the names that the user knows its parts by: command line options, or file keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..problems import Problem

OPTIONS = {
    "from_ros": "--from-ros",
    "from_pool": "--from-pool",
    "to": "--to",
    "type": "--type",
    "field": "--field",
    "shape": "--shape",
    "dtype": "--dtype",
    "joints": "--joints",
    "point_fields": "--point-fields",
    "frames": "--frames",
    "metadata": "--frame-id",
    "history_len": "--history-len",
    "mode": "--mode",
    "qos": "--depth, --reliability or --durability",
    "qos: depth": "--depth",
    "qos: reliability": "--reliability",
    "qos: durability": "--durability",
}
"""The option for each key. Other keys exist in files only."""

ARGUMENTS = {
    "ros_topic": "from_ros",
    "ros_msg_type": "type",
    "msg_type": "type",
    "ros_sample_data": "shape",
    "ros_qos": "qos",
    "ros_field": "field",
    "ros_joints": "joints",
    "ros_point_fields": "point_fields",
    "ros_variable": "variable",
    "ros_frames": "frames",
    "ros_organized": "organized",
    "ros_on_change": "on_change",
    "ros_max_bytes": "max_bytes",
    "ros_history_len": "history_len",
    "ros_mode": "mode",
}
"""The key for each argument of the Python API, whose errors name arguments."""

ARGUMENT = re.compile(rf"\b({'|'.join(ARGUMENTS)})\b")


@dataclass(frozen=True)
class Origin:
    """`file`: the file and the number of the bridge in it; "" for the command line."""

    file: str = ""

    def name(self, key: str) -> str:
        """The name that the user knows a key by: the option, or the key of the file."""
        if self.file:
            return key
        return OPTIONS.get(key, f"{key} (in a YAML file)")

    def problem(self, text: str) -> Problem:
        return Problem(f"{self.file}: {text}" if self.file else text)

    def with_user_names(self, text: str) -> str:
        """An error of the package, with the names of Python arguments replaced by those that the user knows."""
        return ARGUMENT.sub(lambda match: self.name(ARGUMENTS[match[1]]), text)

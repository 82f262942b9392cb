"""Call every method, property, operator and slot of every class on objects in every state, found by introspection.

Each object is tried in a forked process, which reports each operation before it runs it. When the process is killed,
the next one continues after the operation that killed it. Output: `tried KIND, STATE: COUNT` for each object, and
`fault KIND STATE OPERATION: WHY` for each operation that crashed or raised an error without an explanation.
"""

from __future__ import annotations

import copy
import faulthandler
import gc
import inspect
import operator
import os
import pickle
import signal
import sys
import traceback
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polymorph_ipc
import polymorph_ipc._ros.publication  # a method imports it, and an alarm may interrupt the import
import polymorph_ipc._ros.source
from polymorph_ipc import PolymorphError, Schema, TensorProducer, TensorStream, WrongStateError, _core

Operation = tuple[str, Callable[[Any], object]]

SAMPLE = np.zeros(3)
WAIT_SECONDS = 0.05  # limit for an operation that waits
TYPES = {"test_msgs/msg/Numbers": "float64[] data\n"}
BAD_STREAM = [
    ("cam", "nonsense", None, False, False, None, False, None),
    ("..", None, None, False, False, None, False, None),
]
BAD_PRODUCER = [("..", 10, 3), ("half", 0, 3), ("half", 10, -1), ("half", 2**62, 3), ("busy", 10, 3)]


class StillWaiting(Exception):
    """The operation waits, which is not a fault."""


# ---- the objects

keep: list[Any] = []  # objects that others need, such as the producer of a loan


def folder() -> str:
    return os.environ["POLYMORPH_IPC_DIR"]


def open_core_stream(stream: Any) -> None:
    stream.__init__("pool", None, None, False, True, None, False, folder())


def open_core_producer(producer: Any) -> None:
    schema = Schema.from_sample(SAMPLE)
    producer.__init__(f"own{id(producer)}", schema, 4, 3, 0o600, "numpy", None, folder(), True, False)


def open_stream(stream: Any) -> None:
    stream.__init__("pool", start="oldest", max_age=1e9)


def open_producer(producer: Any) -> None:
    producer.__init__(f"own{id(producer)}", Schema.from_sample({"a": SAMPLE}), 4)


def open_decoder(decoder: Any) -> None:
    decoder.__init__(TYPES, "test_msgs/msg/Numbers", {"": "data"})


def open_encoder(encoder: Any) -> None:
    encoder.__init__("pool", TYPES, "test_msgs/msg/Numbers", Schema.from_sample(SAMPLE), {"": "data"}, {})


class StreamSubclass(TensorStream):
    """A subclass, whose instances have a __dict__."""


class ProducerSubclass(TensorProducer):
    """A subclass, whose instances have a __dict__."""


HANDLES: dict[type, Callable[[Any], None]] = {
    _core.Stream: open_core_stream,
    _core.Producer: open_core_producer,
    _core.RosDecoder: open_decoder,
    _core.RosEncoder: open_encoder,
    TensorStream: open_stream,
    TensorProducer: open_producer,
    StreamSubclass: open_stream,
    ProducerSubclass: open_producer,
}


def half_open(cls: type) -> Any:
    """An object whose __init__ has raised in several ways, after different steps."""
    handle: Any = cls.__new__(cls)
    schema = Schema.from_sample(SAMPLE)
    tries: list[tuple[Any, ...]] = [(), (1,), ("a", "b", "c")]
    if issubclass(cls, _core.Stream):
        tries += BAD_STREAM if cls is _core.Stream else [("..",), ("corrupt",)]
        tries += [("corrupt", None, None, False, False, None, False, folder())] if cls is _core.Stream else []
    elif issubclass(cls, _core.Producer):
        for name, history_len, spare in BAD_PRODUCER:
            if cls is _core.Producer:
                tries.append((name, schema, history_len, spare, 0o600, "numpy", None, folder(), True, False))
            elif spare > 0:
                tries.append((name, schema, history_len))
    elif cls is _core.RosDecoder:
        tries += [(TYPES, "test_msgs/msg/Numbers", {"": "missing"}), ({}, "no/msg/Such", {})]
    else:
        tries += [
            ("pool", TYPES, "test_msgs/msg/Numbers", schema, {"": "missing"}, {}),
            ("\0", {}, "", schema, None, {}),
        ]
    for arguments in tries:
        try:
            handle.__init__(*arguments)
        except Exception:
            continue
        raise AssertionError(f"{cls.__name__}{arguments} was accepted")
    return handle


def opened(cls: type) -> Any:
    handle: Any = cls.__new__(cls)
    HANDLES[cls](handle)
    return handle


def opened_twice(cls: type) -> Any:
    handle = opened(cls)
    try:
        HANDLES[cls](handle)
    except WrongStateError:
        return handle
    raise AssertionError(f"{cls.__name__}.__init__ succeeded twice")


def closed(cls: type) -> Any:
    handle = opened(cls)
    if hasattr(handle, "cleanup"):
        handle.cleanup()
    return handle


def loan(state: str) -> Any:
    producer: Any = opened(_core.Producer)
    keep.append(producer)
    made = producer.loan()
    if state == "ended":
        made.commit()
    if state == "orphaned":
        producer.cleanup()
    return made


def pin(state: str) -> Any:
    stream = opened(TensorStream)
    frame = stream.get_history(2) if state == "history" else stream.get_last()
    assert frame is not None
    stream.cleanup()
    return frame.base


# Kind, state and constructor of each object. `inherited` objects are made before the fork, all others after it.
def objects() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    for cls in HANDLES:
        yield cls.__name__, "never", lambda cls=cls: cls.__new__(cls)
        yield cls.__name__, "half", lambda cls=cls: half_open(cls)
        yield cls.__name__, "open", lambda cls=cls: opened(cls)
        yield cls.__name__, "twice", lambda cls=cls: opened_twice(cls)
        yield cls.__name__, "closed", lambda cls=cls: closed(cls)
        yield cls.__name__, "inherited", lambda cls=cls: opened(cls)
        yield cls.__name__, "inherited never", lambda cls=cls: cls.__new__(cls)
        yield cls.__name__, "inherited closed", lambda cls=cls: closed(cls)
    for state in ("out", "ended", "orphaned", "inherited"):
        yield "Loan", state, lambda state=state: loan(state)
    for state in ("sample", "history", "inherited"):
        yield "Pin", state, lambda state=state: pin(state)
    for state in ("plain", "inherited"):
        yield "Schema", state, lambda: Schema.from_sample(SAMPLE)
    yield "Schema", "dict", lambda: Schema.from_sample({"a": SAMPLE, "b": np.zeros((2, 2), np.uint8)}, variable=["a"])
    for name in polymorph_ipc.__all__:
        cls = getattr(polymorph_ipc, name)
        if isinstance(cls, type) and issubclass(cls, (PolymorphError, tuple)):
            yield name, "never", lambda cls=cls: cls(*[None] * len(getattr(cls, "_fields", ())))


def classes_of_the_package() -> list[type]:
    """Every class of the extension and every public class of the package."""
    found = [value for value in vars(_core).values() if isinstance(value, type)]
    found += [value for name in polymorph_ipc.__all__ if isinstance(value := getattr(polymorph_ipc, name), type)]
    return [cls for cls in found if cls is not polymorph_ipc.StreamStats]  # a dict at run time


# ---- the operations


def contains_number(handle: Any) -> bool:
    return 1 in handle


NUMBERS = [operator.neg, operator.pos, operator.abs, operator.invert, operator.index, operator.not_]
PAIRS = [operator.add, operator.sub, operator.mul, operator.matmul, operator.truediv, operator.mod, operator.pow]
PAIRS += [operator.and_, operator.or_, operator.lshift, operator.eq, operator.ne, operator.lt, operator.ge]
PAIRS += [operator.getitem, operator.iadd, operator.is_]
BUILTINS: list[Callable[[Any], object]] = [
    repr,
    str,
    hash,
    bool,
    len,
    iter,
    next,
    memoryview,
    bytes,
    float,
    int,
    complex,
]
BUILTINS += [
    dir,
    sys.getsizeof,
    format,
    list,
    copy.copy,
    copy.deepcopy,
    gc.get_referents,
    weakref.ref,
    inspect.getmembers,
]
BUILTINS += [np.asarray, contains_number]
SKIPPED = {"__class__", "__init_subclass__", "__subclasshook__", "__doc__", "__dict__", "__module__"}


def arguments_for(handle: Any) -> list[tuple[Any, ...]]:
    """The arguments of each method call: none, some that methods accept, and some that none accepts."""
    single = [
        None,
        0,
        -1,
        2**70,
        1.5,
        "text",
        b"bytes",
        SAMPLE,
        {"a": SAMPLE},
        [1],
        (),
        object(),
        handle,
        [handle],
        int,
    ]
    pairs = [
        ("pool_name", handle),
        (handle, b"bytes"),
        (SAMPLE, 1),
        (SAMPLE, "x"),
        ([handle], 0),
        (None, None),
        (2, "repeat"),
    ]
    triples = [(handle, 0, 1), (handle, 1, 0), (handle, b"bytes", 0), (None, None, None), (1, "before", 2)]
    return [(), *((each,) for each in single), *pairs, *triples, (None,) * 5, (None,) * 8]


def keywords_for() -> list[dict[str, Any]]:
    reading = {"copy": True, "return_info": True, "max_age": 1}
    return [
        reading,
        {**reading, "timeout": 0},
        {"timeout": 0},
        {"out": SAMPLE},
        {"n": 1},
        {"stamp": 1},
        {"nonsense": 1},
    ]


def may_wait(method: Any) -> bool:
    try:
        return "timeout" in inspect.signature(method).parameters
    except ValueError:
        return False


def call(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Operation:
    label = f"{name}{tuple(map(short, arguments))}{sorted(keywords) or ''}"
    return label, lambda handle: getattr(handle, name)(*arguments, **keywords)


def short(value: Any) -> str:
    return type(value).__name__ if not isinstance(value, (int, float, str, bytes)) else repr(value)[:12]


def operations(handle: Any, state: str) -> Iterator[Operation]:
    cls = type(handle)
    for function in [*BUILTINS, *NUMBERS]:
        yield getattr(function, "__name__", "function"), function
    for function in PAIRS:
        for other in (handle, 1, None, SAMPLE):
            yield f"{function.__name__} {short(other)}", lambda each, f=function, other=other: f(each, other)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"pickle {protocol}", lambda each, protocol=protocol: pickle.dumps(each, protocol)
    for flags in (0, 1, 0x1C, 0x11C):
        yield f"buffer {flags:#x}", lambda each, flags=flags: np.frombuffer(each, np.uint8)
    for name in sorted(set(dir(cls)) - SKIPPED - ({"__init__"} if state in UNOPENED else set())):
        descriptor = inspect.getattr_static(cls, name)
        yield f"get {name}", lambda each, name=name: getattr(each, name)
        if not callable(getattr(cls, name, None)):
            for value in (None, 0, "text", SAMPLE, len, {"points": 1}):
                yield f"set {name} {short(value)}", lambda each, n=name, v=value: setattr(each, n, v)
            yield f"delete {name}", lambda each, name=name: delattr(each, name)
            continue
        if isinstance(descriptor, types.BuiltinFunctionType) or name in ("__new__", "__del__"):
            continue
        for arguments in arguments_for(handle):
            yield call(name, arguments, {} if arguments or not may_wait(getattr(cls, name)) else {"timeout": 0})
        for keywords in keywords_for():
            yield call(name, (), keywords)
            yield call(name, (SAMPLE,), keywords)
    if cls not in HANDLES and cls is not Schema:
        return
    healthy = [opened(_core.Stream), opened(_core.Producer), opened(_core.RosDecoder), opened(_core.RosEncoder)]
    for other in (*healthy, _core):
        for name in sorted(dir(other)):
            if name.startswith("__") or not callable(getattr(other, name)) or isinstance(getattr(other, name), type):
                continue
            for arguments in arguments_for(handle):
                if any(each is handle or each == [handle] for each in arguments if isinstance(each, (cls, list))):
                    label = f"{type(other).__name__}.{name}{tuple(map(short, arguments))}"
                    yield label, lambda each, o=other, n=name, a=arguments: getattr(o, n)(*a)
    for each in healthy[:2]:
        each.cleanup()


# ---- running them

# Attributes that work on an object that was never opened.
WORKS_UNOPENED = {
    "cleanup",
    "close",
    "abandon",
    "closed",
    "connected",
    "producer_alive",
    "schema",
    "backend",
    "_before_wait",
    "_ros",
}
WORKS_UNOPENED |= {
    "_ros",
    "ros_stats",
    "shape",
    "dtype",
    "lost",
    "in_place",
    "counters",
    "keeps_refused",
    "_check_unopened",
}
UNOPENED = {"never", "half", "inherited never"}


def why_it_is_a_fault(problem: Exception) -> str | None:
    """Why an exception counts as a fault, or None: its text must be complete and name an existing object."""
    text = str(problem)
    if isinstance(problem, SystemError):
        return f"SystemError: {text}"
    if isinstance(problem, PolymorphError) and ("(null)" in text or "pool ''" in text or not text):
        return f"{type(problem).__name__} with an incomplete text: {text!r}"
    return None


def required_count(method: Any) -> int:
    """The number of required arguments."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except ValueError:
        return 1
    return sum(each.default is each.empty and each.kind is not each.KEYWORD_ONLY for each in parameters)


def check_unopened(handle: Any, state: str, report: Callable[..., None]) -> None:
    """Every attribute of a class of the package raises WrongStateError or is in WORKS_UNOPENED."""
    defined = [cls for cls in type(handle).__mro__ if cls.__module__.startswith("polymorph_ipc") or cls in HANDLES]
    names = {name for cls in defined for name in vars(cls) if not name.startswith("__")} - WORKS_UNOPENED
    for name in sorted(names):
        if isinstance(
            inspect.getattr_static(type(handle), name), (staticmethod, classmethod, types.MemberDescriptorType)
        ):
            continue
        try:
            value = getattr(handle, name)
            if callable(value):
                value(*[None] * required_count(value))
        except WrongStateError as problem:
            if "__init__" not in str(problem):
                report("fault", state, f"{name}: {problem}")
        except Exception as problem:
            report("fault", state, f"{name}: {type(problem).__name__} instead of WrongStateError: {problem}")
        else:
            report("fault", state, f"{name}: works on an object that was never opened")


def on_alarm(number: int, frame: object) -> None:
    raise StillWaiting


def try_all(kind: str, state: str, handle: Any, first: int, report: Callable[..., None]) -> None:
    signal.signal(signal.SIGALRM, on_alarm)
    count = 0
    for count, (label, operation) in enumerate(operations(handle, state), 1):
        if count <= first:
            continue
        report("doing", count, label)
        try:
            signal.setitimer(signal.ITIMER_REAL, WAIT_SECONDS)
            try:
                operation(handle)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except StillWaiting:
            continue
        except Exception as problem:
            why = why_it_is_a_fault(problem)
            if why is not None:
                report("fault", state, f"{label}: {why}")
    if state in UNOPENED and type(handle) in HANDLES:
        check_unopened(handle, state, report)
    del handle
    gc.collect()
    report("tried", count)


def in_child(kind: str, state: str, make: Callable[[], Any], first: int) -> tuple[int, list[str]]:
    """Fork and run the operations after number `first`. Returns the exit code and the reported lines."""
    handle = make() if state.startswith("inherited") else None
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        code = 1
        try:

            def report(*words: object) -> None:
                os.write(write_end, (" ".join(map(str, words)).replace("\n", " ") + "\n").encode(errors="replace"))

            try_all(kind, state, make() if handle is None else handle, first, report)
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    os.close(write_end)
    with open(read_end, errors="replace") as pipe:
        lines = pipe.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lines


def main() -> None:
    faulthandler.enable()
    sys.modules["torch"] = None  # type: ignore[assignment]  # its import is slow, and an alarm may interrupt it
    table = {kind for kind, _, _ in objects()}
    for cls in classes_of_the_package():
        if cls.__name__ not in table and cls is not _core.PolymorphError:
            print(f"fault {cls.__name__} is not in the table of objects", flush=True)
    with TensorProducer.from_sample("pool", SAMPLE) as pool, TensorProducer.from_sample("busy", SAMPLE, 3):
        for _ in range(4):
            pool.publish(SAMPLE)
        with open(os.path.join(folder(), "corrupt"), "wb") as file:
            file.write(b"x" * 8192)
        for kind, state, make in objects():
            first, code = 0, 1
            while code != 0:
                code, lines = in_child(kind, state, make, first)
                doing = [line for line in lines if line.startswith("doing")]
                for line in lines:
                    if line.startswith("fault"):
                        print(f"fault {kind} {line[6:]}", flush=True)
                if code != 0:
                    last = doing[-1].split(" ", 2) if doing else ["doing", str(first), "before the first operation"]
                    print(f"fault {kind} {state} {last[2]}: ended with {code}", flush=True)
                    if not doing:
                        break
                    first = int(last[1])
                else:
                    print(f"tried {kind}, {state}: {lines[-1].split()[1]}", flush=True)
        os.unlink(os.path.join(folder(), "corrupt"))


if __name__ == "__main__":
    main()

"""Files of one JSON value a line, which a killed process may leave with a torn last line."""
import json
import os
from pathlib import Path
from typing import Any


def to_line(value: Any) -> bytes:
    """Return plain values as a line of JSON."""
    return json.dumps(value).encode() + b"\n"


def write_bytes(descriptor: int, line: bytes) -> None:
    """Append to an open file; OSError may leave a part of `line`."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest):]


def append_bytes(descriptor: int, line: bytes) -> None:
    """Append to an open file, and wait until it is on disk; OSError may leave a part of `line`."""
    write_bytes(descriptor, line)
    os.fsync(descriptor)


def cut_torn_line(descriptor: int, content: bytes) -> bytes:
    """Return the whole lines of an open file's content; what follows them is cut off on disk."""
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
    return content[:end]


def append_line(path: Path, value: Any) -> None:
    """Append a line to a file, which is created if it is missing, and wait until it is on disk."""
    with open(path, "ab") as file:
        append_bytes(file.fileno(), to_line(value))


def read_lines(path: Path) -> list[Any]:
    """Return the values of a file's whole lines, none if it is missing; a torn line is cut off.

    ValueError for a whole line that is no JSON.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with open(path, "r+b") as file:  # only then, since a folder may be for reading only
            content = cut_torn_line(file.fileno(), content)
    return [json.loads(line) for line in content.split(b"\n")[:-1]]

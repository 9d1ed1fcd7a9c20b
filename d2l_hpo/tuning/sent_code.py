"""Functions as bytes that keep the files and lines of their code, for tracebacks in workers."""
import io
import linecache
import os
import pickle
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

NO_FILE = "<dynamic-code>"
"""What some versions of cloudpickle write in place of a function's file."""


class CodePickler(cloudpickle.Pickler):
    """Keeps the file name of each function, and the lines of files that are on no disk."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.sources: dict[str, list[str]] = {}

    def reducer_override(self, obj: Any) -> Any:
        """Reduce code with its own file name, and everything else as cloudpickle does."""
        if not isinstance(obj, types.CodeType):
            return super().reducer_override(obj)
        name = obj.co_filename
        if not os.path.exists(name) and (lines := linecache.getlines(name)):
            self.sources[name] = lines  # a cell of a notebook
        make, arguments = self.dispatch_table[types.CodeType](obj)[:2]
        return make, tuple(name if isinstance(part, str) and part == NO_FILE else part
                           for part in arguments)


def pack_function(function: Callable) -> bytes:
    """Return a function as bytes that `unpack_function` reads."""
    file = io.BytesIO()
    pickler = CodePickler(file)
    pickler.dump(function)
    return pickle.dumps((file.getvalue(), pickler.sources))


def unpack_function(content: bytes) -> Callable:
    """Return the function that was sent; tracebacks find the lines of its code."""
    function, sources = pickle.loads(content)
    for name, lines in sources.items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    return pickle.loads(function)

"""Calls of an objective in other processes: what is sent there, runs there and comes back.

Processes of a tuner's own import this module first: it must not import NumPy or torch, whose number
of threads has to be set before.
"""
import functools
import multiprocessing
import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from d2l_hpo.tools.platform import kill_group, lead_group
from d2l_hpo.tuning.guard import IS_READY, LOADS_OBJECTIVE


class WorkerLost(Exception):
    """A call of the objective came to no end; the message says why."""


class Result(NamedTuple):
    """What a call gave: a value (pickled, if it comes from another process) or a traceback."""

    value: Any
    traceback: str | None
    start: float
    seconds: float
    is_pickled: bool

    def started_after(self, earliest: float) -> float:
        """Return when the call began, in seconds of this process's `time.perf_counter()`.

        A call on another machine has another clock: if its time cannot be right, the call is taken
        to have ended just now.
        """
        latest = time.perf_counter() - self.seconds
        return self.start if earliest <= self.start <= latest else max(earliest, latest)

    def unpickled(self) -> "Result":
        """Return the result with its value as an object, or a traceback if that fails."""
        if not self.is_pickled:
            return self
        try:
            return self._replace(value=pickle.loads(self.value), is_pickled=False)
        except Exception:  # whatever the value's class raises
            return self._replace(value=None, traceback=printable(traceback.format_exc()),
                                 is_pickled=False)


def call(objective: Callable, config: dict, keywords: dict, to_pickle: bool = False,
         passes_ctrl_c: bool = False) -> Result:
    """Call the objective and time it; nothing that it raises gets out, nor what cannot be sent.

    In the tuner's own process Ctrl-C is for the tuner: `passes_ctrl_c` lets KeyboardInterrupt out.
    """
    value, report, start = None, None, time.perf_counter()
    try:
        value = objective(config, **keywords)
        value = as_bytes(value) if to_pickle else value
    except BaseException as error:  # SystemExit, too: it must not end the search
        if passes_ctrl_c and isinstance(error, KeyboardInterrupt):
            raise
        value, report = None, printable(traceback.format_exc())
    seconds = time.perf_counter() - start
    return Result(value, report, start, seconds, to_pickle and report is None)


def as_bytes(value: Any) -> bytes:
    """Return a value, also a function of a notebook, as bytes that `pickle.loads` reads."""
    import cloudpickle  # a search without workers does not need it
    return cloudpickle.dumps(value)


def printable(text: str) -> str:
    """Return a text that can be written anywhere: half a surrogate pair becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


class Portable:
    """An objective that an executor may call in this process, or send to another and call there."""

    def __init__(self, objective: Callable, is_here: bool = True):
        self.objective = objective
        self.is_here = is_here

    @functools.cached_property
    def payload(self) -> bytes:
        """The objective as bytes, also one of a notebook; TypeError if it cannot be sent."""
        try:
            return as_bytes(self.objective)
        except Exception as error:  # whatever the objects in it raise
            raise TypeError(f"objective {self.objective!r} cannot be sent to worker processes "
                            f"({error}); let it make what it needs when it is called") from error

    def __reduce__(self) -> tuple:
        return arrived, (self.payload,)

    def __call__(self, config: dict, keywords: dict) -> Result:
        return call(self.objective, config, keywords, to_pickle=not self.is_here)


def arrived(payload: bytes) -> Portable:
    """Return the objective that was sent to this process."""
    return Portable(load(payload), is_here=False)


@functools.lru_cache(maxsize=1)
def load(payload: bytes) -> Callable:
    """Return the objective; its bytes are read once in a process."""
    return pickle.loads(payload)


# -- processes of a tuner's own -------------------------------------------------------------------

_own_payload = b""
"""The objective of this process, as bytes, if it is a worker."""


def prepare(payload: bytes) -> None:
    """Make this new process a worker: one thread for numbers; it ends when the tuner's does.

    It leads a group of processes, which the programs that an objective starts belong to.
    """
    global _own_payload
    lead_group()
    multiprocessing.current_process().name = LOADS_OBJECTIVE
    os.environ["OMP_NUM_THREADS"] = "1"
    threading.Thread(target=end_with_parent, daemon=True).start()
    _own_payload = payload


def end_with_parent() -> None:
    """Wait for the end of the parent process, also by a kill, then end this one at once."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    kill_group(os.getpid())
    os._exit(1)


def load_own() -> None:
    """Load this worker's objective, so that it is ready; what it has imported uses one thread."""
    load(_own_payload)
    multiprocessing.current_process().name = IS_READY
    use_one_thread()


@functools.cache
def use_one_thread() -> None:
    """Set the threads of libraries that the script imports: it does so before `prepare`."""
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def call_own(config: dict, keywords: dict) -> Result:
    """Call this worker's objective."""
    load_own()
    return call(load(_own_payload), config, keywords, to_pickle=True)

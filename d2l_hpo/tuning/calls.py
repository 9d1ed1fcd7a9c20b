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
from collections.abc import Callable, Mapping, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from threadpoolctl import threadpool_limits

from d2l_hpo.tools.platform import kill_group, lead_group
from d2l_hpo.tuning.guard import IS_READY, LOADS_OBJECTIVE

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from d2l_hpo.tuning.reporter import Report, Reporter


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
         passes_ctrl_c: bool = False, reporter: "Reporter | None" = None) -> Result:
    """Call the objective and time it; nothing that it raises gets out, nor what cannot be sent.

    In the tuner's own process Ctrl-C is for the tuner: `passes_ctrl_c` lets KeyboardInterrupt out.
    A `reporter` is given as `report`. A trial that it had to end returns None.
    """
    given = keywords if reporter is None else {**keywords, "report": reporter}
    value, reason, start = None, None, time.perf_counter()
    try:
        value = objective(config, **given)
        value = as_bytes(value) if to_pickle else value
    except BaseException as error:  # SystemExit, too: it must not end the search
        if passes_ctrl_c and isinstance(error, KeyboardInterrupt):
            raise
        is_cut = reporter is not None and reporter.is_stopped and is_end(error)
        value = as_bytes(None) if is_cut and to_pickle else None
        reason = None if is_cut else printable(traceback.format_exc())
    finally:
        if reporter is not None:
            reporter.has_ended = True
    seconds = time.perf_counter() - start
    return Result(value, reason, start, seconds, to_pickle and reason is None)


def call_batch(objective: Any, calls: list[tuple[dict, dict]]) -> list[tuple[Any, str | None]]:
    """Call `objective.run_batch` once; return for each call its value, or why it failed.

    An exception of the whole batch is the reason of all; only KeyboardInterrupt gets out.
    """
    number = len(calls)  # the objective may change its list
    try:
        results = objective.run_batch(calls)
        if isinstance(results, Mapping | Set | str | bytes):
            raise TypeError(f"run_batch returned a {type(results).__name__}, expected a list of "
                            "results, in the order of the calls")
        results = list(results)
        if len(results) != number:
            raise ValueError(f"run_batch was given {number} calls and returned {len(results)} "
                             "results, expected one for each")
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit, too: it must not end the search
        return [(None, printable(traceback.format_exc()))] * number
    return [(None, printable("".join(traceback.format_exception(result))))
            if isinstance(result, BaseException) else (result, None) for result in results]


def is_end(error: BaseException) -> bool:
    """Say whether an exception is the one that ends a trial which was told to stop."""
    from d2l_hpo.tuning.reporter import TrialStopped  # after the threads of NumPy were set
    return isinstance(error, TrialStopped)


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
            from d2l_hpo.tuning.sent_code import pack_function  # for workers only
            return pack_function(self.objective)
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
    from d2l_hpo.tuning.sent_code import unpack_function
    return unpack_function(payload)


# -- processes of a tuner's own -------------------------------------------------------------------

_own_payload = b""
"""The objective of this process, as bytes, if it is a worker."""


_own_pipe: "Connection | None" = None
"""Where this worker's reports go, and the decisions come from."""


def prepare(payload: bytes, pipe: "Connection | None" = None) -> None:
    """Make this new process a worker: one thread for numbers; it ends when the tuner's does.

    It leads a group of processes, which the programs that an objective starts belong to.
    """
    global _own_payload, _own_pipe
    _own_pipe = pipe
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


def call_own(config: dict, keywords: dict, number: int | None = None,
             last_epoch: int | None = None) -> Result:
    """Call this worker's objective; one that may report has a number, that of the call."""
    load_own()
    objective, reporter = load(_own_payload), None
    if number is not None:
        from d2l_hpo.tuning.reporter import Reporter  # after the threads of NumPy were set
        reporter = Reporter(functools.partial(ask_tuner, number, time.perf_counter()), last_epoch)
    return call(objective, config, keywords, to_pickle=True, reporter=reporter)


def ask_tuner(number: int, start: float, report: "Report") -> bool:
    """Send a report of the call that began at `start`; wait for the tuner's decision."""
    if _own_pipe is None:
        raise RuntimeError("this process has no way to report to a tuner")
    _own_pipe.send((number, start, tuple(report)))
    while (answer := _own_pipe.recv())[0] != number:
        pass  # to a call that has ended
    return answer[1]

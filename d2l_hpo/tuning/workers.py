"""Workers that a tuner runs its trials on: processes of its own, or a given executor.

Both have slots, numbered from 0, each for one call of the objective at a time. A call has a result
whatever the objective does. Only a call whose process died, or that took too long, has none: it is
`WorkerLost`.
"""
import concurrent.futures
import contextlib
import itertools
import math
import multiprocessing
import multiprocessing.connection
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from d2l_hpo.tools.environment import environment
from d2l_hpo.tools.platform import kill_group
from d2l_hpo.tuning.calls import (
    Portable,
    Result,
    WorkerLost,
    call_own,
    load_own,
    prepare,
)
from d2l_hpo.tuning.guard import IMPORTS_SCRIPT, NO_GUARD, REMEDY, leave_new_process
from d2l_hpo.tuning.outcomes import shared_names
from d2l_hpo.tuning.reporter import Report


PATIENCE = 10
"""Time limits to wait for workers that are all in trials that were given up."""


DEATH = 60
"""Seconds to wait for the end of a process that no longer answers."""


SLICE = 0.5
"""Seconds after which a wait is looked after."""


def open_workers(executor: Executor | None, n_workers: int, objective: Callable,
                 trial_timeout: float | None = None, can_report: bool = False,
                 environments: Sequence[Mapping[str, str]] | None = None) -> "Workers":
    """Return workers, to be used in `with`: processes of their own, or slots of an executor.

    ValueError for an objective that reports on an executor, which has no way back to the tuner.
    """
    if executor is not None and can_report:
        raise ValueError("the objective takes report, which works in this process and on the "
                         "tuner's own processes only; leave executor out and give n_workers, or "
                         "let the objective go on from checkpoints (arguments max_epochs and "
                         "checkpoint, no report), or bind it: functools.partial(objective, "
                         "report=None)")
    if executor is None:
        leave_new_process()
        return OwnWorkers(n_workers, objective, trial_timeout, can_report, environments)
    return GivenWorkers(executor, n_workers, objective, trial_timeout)


def wait_for_one(futures: Iterable[Future], seconds: float = math.inf) -> None:
    """Wait until one of the calls has ended, at most so many seconds.

    It waits in slices: a Ctrl-C that comes right before a wait is noticed only after it.
    """
    futures, end = list(futures), time.perf_counter() + seconds
    while futures and (left := end - time.perf_counter()) > 0:
        if concurrent.futures.wait(futures, min(left, SLICE), FIRST_COMPLETED).done:
            return


class Workers:
    """Slots, and the last call of each."""

    pool_has_died = False
    """Whether a process of a given pool has died, which breaks the pool."""
    is_told = False
    """Whether the user knows of it."""

    def __init__(self, n_workers: int, objective: Callable, trial_timeout: float | None):
        self.slots = range(n_workers)
        self.objective = objective
        self.trial_timeout = trial_timeout
        self.calls: dict[int, Future] = {}

    def start(self) -> None:
        """Get ready for calls."""

    def close(self) -> None:
        """End all calls, as far as that is possible."""
        raise NotImplementedError(f"{type(self).__name__} must define close")

    def submit(self, slot: int, config: dict, keywords: dict,
               last_epoch: int | None = None) -> Future:
        """Start a call in a slot, which may report up to `last_epoch` (None: any epoch)."""
        raise NotImplementedError(f"{type(self).__name__} must define submit")

    def wait(self, futures: Iterable[Future]) -> list[Future]:
        """Wait until one of the calls has ended or is given up; return those, in the given order.
        """
        raise NotImplementedError(f"{type(self).__name__} must define wait")

    def reports(self) -> list[tuple[Future, float, Report]]:
        """Return the reports that have come: of which call, when that began, and what it said."""
        return []

    def answer(self, future: Future, go_on: bool) -> None:
        """Tell a call that has reported whether it goes on."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def idle(self) -> list[int]:
        """Return the slots that have nothing to do."""
        return [slot for slot in self.slots
                if slot not in self.calls or self.calls[slot].done()]

    def read(self, future: Future) -> Result:
        """Return the result of a call that has ended; WorkerLost, with the reason, if it has none.
        """
        try:
            return future.result(timeout=0).unpickled()
        except ProcessExpired as error:
            raise process_lost(error.pid, error.exitcode) from error
        except Exception as error:  # each executor has its own
            raise WorkerLost(f"the worker was lost: {type(error).__name__}: {error}") from error


def process_lost(pid: int | None, exitcode: int | None) -> WorkerLost:
    """Return the error for a worker process that died; what it had started is killed."""
    if pid is not None:
        kill_group(pid)
    return WorkerLost(f"the worker process ended with exit code {exitcode}{signal_name(exitcode)}")


def signal_name(exitcode: int | None) -> str:
    """Name, in brackets, the signal that ended a process, if one did."""
    names = {-number: f" ({number.name})" for number in signal.Signals}
    return "" if exitcode is None else names.get(exitcode, "")


_starting = threading.Lock()
"""Held while a process starts with an environment of its own."""


@contextlib.contextmanager
def environment_of_new_processes(variables: Mapping[str, str]) -> Iterator[None]:
    """Give processes that start inside `with` these variables; afterwards all are as before."""
    if not variables:
        yield
        return
    with _starting, environment(variables):
        yield


class WorkerProcess(SpawnProcess):
    """A process of a pool. pebble takes exit code 0 for a planned end; here no worker plans one."""

    environment: Mapping[str, str] = {}
    """Variables that it has from its start on, also while it imports the script."""

    @property
    def exitcode(self) -> int | None:
        """The exit code, but never 0."""
        return 1 if super().exitcode == 0 else super().exitcode

    def start(self) -> None:
        """Start the process under a name that it goes by while it imports the script."""
        name, self.name = self.name, IMPORTS_SCRIPT
        with environment_of_new_processes(self.environment):
            super().start()
        self.name = name  # pebble knows its processes by it

    def terminate(self) -> None:
        """End the process, and at once the programs that its objective has started."""
        if self.pid is not None:
            kill_group(self.pid)
        super().terminate()


class WorkerContext(SpawnContext):
    """Starts workers as new processes; copies (fork) hang where threads were running."""

    latest: WorkerProcess
    """The process that was made last."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        self.environment = environment

    def Process(  # type: ignore[override]  # a method where typeshed has a class
            self, *arguments: Any, **keywords: Any) -> WorkerProcess:
        """Return a new process, not yet started."""
        self.latest = WorkerProcess(*arguments, **keywords)
        self.latest.environment = self.environment
        return self.latest


def call_after(first: Future, call: Callable[[], Future]) -> Future:
    """Return the future of a call that is made when another one has ended, in whatever way.

    A pool has one call at a time. With two, pebble may take the one for running that has just ended
    when the process dies, and the other would never end.
    """
    future: Future = Future()

    def follow(_: Future) -> None:
        try:
            call().add_done_callback(partial(pass_on, future))
        except Exception as error:  # the pool is broken or closed: who reads the call is told
            reason = None if first.cancelled() else first.exception()
            future.set_exception(reason or error)

    first.add_done_callback(follow)
    return future


def pass_on(future: Future, ended: Future) -> None:
    """Let a future end as another one has ended."""
    if ended.cancelled():
        future.cancel()
    elif error := ended.exception():
        future.set_exception(error)
    else:
        future.set_result(ended.result())


class WorkerPool(ProcessPool):
    """A pool of one process, which starts with its first call."""

    def __init__(self, payload: bytes, can_report: bool = False,
                 environment: Mapping[str, str] | None = None):
        self.processes = WorkerContext(environment or {})
        self.pipe: Connection | None = None
        self.far_end: Connection | None = None
        if can_report:
            self.pipe, self.far_end = multiprocessing.Pipe()
        super().__init__(1, initializer=prepare, initargs=(payload, self.far_end),
                         context=self.processes)

    def close_pipe(self) -> None:
        """Close both ends of the way on which reports come, after the end of the process."""
        for end in (self.pipe, self.far_end):
            if end is not None:
                end.close()

    def first_call(self) -> Future:
        """Start the process, and a call that loads the objective; RuntimeError if it cannot start.
        """
        try:
            return self.schedule(load_own)
        except BrokenProcessPool as error:
            reason = error.__cause__ or error
            raise RuntimeError(f"a worker process could not be started: {reason}") from error

    def why_it_ended(self) -> str:
        """Say why the process ended before its first call."""
        code = self.processes.latest.exitcode
        if code == NO_GUARD:
            return f"it imports the script and came to run() there, too; {REMEDY}"
        if code is not None and code < 0:
            return (f"it ended with exit code {code}{signal_name(code)} before its first call; if "
                    "there was too little memory for all of them, give fewer n_workers")
        return f"it ended with exit code {code}{signal_name(code)} at once; {REMEDY}"


class OwnWorkers(Workers):
    """Processes of the tuner's own: one pool of one process a slot; pebble replaces processes."""

    def __init__(self, n_workers: int, objective: Callable, trial_timeout: float | None = None,
                 can_report: bool = False,
                 environments: Sequence[Mapping[str, str]] | None = None):
        super().__init__(n_workers, objective, trial_timeout)
        self.payload, self.can_report = Portable(objective).payload, can_report
        self.environments = environments or [{} for _ in self.slots]
        self.pools = [self.new_pool(slot) for slot in self.slots]
        self.homes: dict[Future, WorkerPool] = {}
        """The pools of calls that were not read: a slot may have the next call, and a new pool."""
        self.numbers = itertools.count()
        self.running: dict[int, tuple[int, Future]] = {}
        """By slot, its last call that may report, with its number."""
        self.ringing = threading.Lock()
        self.bell, self.button = multiprocessing.Pipe(duplex=False)
        """The end of a call presses the button: reports and ends are awaited together."""

    def new_pool(self, slot: int) -> WorkerPool:
        """Return a pool for a slot."""
        return WorkerPool(self.payload, self.can_report, self.environments[slot])

    def start(self) -> None:
        """Start all processes and wait until they have loaded the objective; RuntimeError if not.
        """
        futures = [pool.first_call() for pool in self.pools]
        for pool, future in zip(self.pools, futures, strict=True):
            error = future.exception()
            if isinstance(error, BrokenProcessPool | ProcessExpired):
                raise RuntimeError(f"a worker process could not be started: {pool.why_it_ended()}")
            if error is not None:
                report = getattr(error, "traceback", f"{type(error).__name__}: {error}")
                raise RuntimeError(f"a worker process could not load the objective:\n{report}")

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        for pool in self.pools:
            pool.stop()
        for pool in self.pools:
            pool.join()
            pool.close_pipe()
        with self.ringing:
            self.bell.close()
            self.button.close()

    def submit(self, slot: int, config: dict, keywords: dict,
               last_epoch: int | None = None) -> Future:
        """Start a call in a slot; its process is killed after `trial_timeout` seconds.

        A new process first loads the objective, which takes as long as it takes.
        """
        is_sound, last = self.is_sound(slot), self.calls.get(slot)
        if not is_sound:
            self.pools[slot].stop()
            self.pools[slot].join()
            self.pools[slot].close_pipe()
            self.pools[slot] = self.new_pool(slot)
        number = next(self.numbers) if self.can_report else None
        arguments = (config, keywords) if number is None else (config, keywords, number, last_epoch)
        call = partial(self.pools[slot].schedule, call_own, arguments, timeout=self.trial_timeout)
        if not is_sound or last is not None and last.exception() is not None:
            future = call_after(self.pools[slot].first_call(), call)
        else:
            future = call()
        self.calls[slot], self.homes[future] = future, self.pools[slot]
        if number is not None:
            self.running[slot] = number, future
            future.add_done_callback(self.ring)
        return future

    def ring(self, future: Future) -> None:
        """Let `wait` know that a call has ended; another thread says so."""
        with self.ringing:
            if not self.button.closed:
                self.button.send_bytes(b"!")

    def is_sound(self, slot: int) -> bool:
        """Say whether a pool can be used again after its process may have died.

        pebble starts a new process, but where the old one died in the middle of a message, the pipe
        still waits for the rest; and it gives up a pool whose process died between two calls.
        """
        error = self.calls[slot].exception() if slot in self.calls else None
        if self.can_report and error is not None:  # killed, perhaps in the middle of a report
            return False
        return not isinstance(error, ProcessExpired) and self.pools[slot].active

    def wait(self, futures: Iterable[Future]) -> list[Future]:
        """Wait until a call has ended or reported; return those that ended, in the given order."""
        futures = list(futures)
        if not self.can_report:
            wait_for_one(futures)
        while self.can_report and futures and not any(future.done() for future in futures):
            ready = multiprocessing.connection.wait([self.bell, *self.pipes()], SLICE)
            if ready and self.bell not in ready:
                break
            self.hush()
        self.hush()
        return [future for future in futures if future.done()]

    def hush(self) -> None:
        """Take note of all calls that have ended so far: the bell may ring again."""
        while self.can_report and self.bell.poll():
            self.bell.recv_bytes()

    def pipes(self) -> list[Connection]:
        """Return the ways on which reports come."""
        return [pool.pipe for pool in self.pools if pool.pipe is not None]

    def reports(self) -> list[tuple[Future, float, Report]]:
        """Return the reports that have come: of which call, when that began, and what it said.

        Those of a call that is no longer the slot's are dropped: nobody waits for the decision.
        """
        found = []
        for slot, (number, future) in self.running.items():
            pipe = self.pools[slot].pipe
            while pipe is not None and pipe.poll():
                try:
                    sender, start, (error, epoch, info) = pipe.recv()
                except (EOFError, OSError, pickle.UnpicklingError):
                    break  # its process died in the middle of it: the call's end says so
                if sender == number:
                    found.append((future, start, Report(error, epoch, shared_names(info))))
        return found

    def answer(self, future: Future, go_on: bool) -> None:
        """Tell a call that has reported whether it goes on."""
        for slot, (number, running) in self.running.items():
            pipe = self.pools[slot].pipe
            if running is future and pipe is not None:
                pipe.send((number, go_on))

    def read(self, future: Future) -> Result:
        """Return the result of a call that has ended; WorkerLost, with the reason, if it has none.
        """
        pool = self.homes.pop(future)
        if isinstance(future.exception(), TimeoutError):
            raise WorkerLost(f"the trial took longer than trial_timeout={self.trial_timeout:g} "
                             "seconds; its worker process was killed")
        if isinstance(future.exception(), BrokenProcessPool):  # pebble has lost sight of it
            process = pool.processes.latest
            process.join(DEATH)
            if process.exitcode is not None:
                raise process_lost(process.pid, process.exitcode) from future.exception()
        return super().read(future)


class GivenWorkers(Workers):
    """Slots of a given executor, which is used as it is and stays open.

    An executor cannot kill a call. One that takes too long is given up: it keeps its slot until it
    ends, and nobody reads its result. Python's pools say when a call begins; of others a call is
    taken to begin at once. A process pool that is broken takes no more calls, so the tuner's own
    processes replace it; another executor that is broken is an error.
    """

    def __init__(self, executor: Executor, n_workers: int, objective: Callable,
                 trial_timeout: float | None = None):
        super().__init__(n_workers, objective, trial_timeout)
        self.executor, self.portable = executor, Portable(objective)
        self.deadlines: dict[Future, float] = {}
        self.replacement: OwnWorkers | None = None
        if isinstance(executor, ProcessPoolExecutor):
            _ = self.portable.payload  # if it cannot be sent, say so before the first trial

    def close(self) -> None:
        """Withdraw the calls that have not begun, and end processes of the tuner's own."""
        for future in self.calls.values():
            future.cancel()
        if self.replacement is not None:
            self.replacement.close()

    def idle(self) -> list[int]:
        """Return the slots that have nothing to do."""
        return super().idle() if self.replacement is None else self.replacement.idle()

    def submit(self, slot: int, config: dict, keywords: dict,
               last_epoch: int | None = None) -> Future:
        """Start a call in a slot."""
        if self.replacement is not None:
            return self.replacement.submit(slot, config, keywords)
        try:
            self.calls[slot] = self.executor.submit(self.portable, config, keywords)
        except BrokenProcessPool:
            self.pool_has_died = True
        except BrokenExecutor as error:
            raise RuntimeError(f"the given executor is broken ({error}); no trial that has ended "
                               "is lost, run again with another executor") from None
        else:
            return self.calls[slot]
        return self.replace().submit(slot, config, keywords)

    def replace(self) -> OwnWorkers:
        """Go on with processes of the tuner's own; RuntimeError if there can be none."""
        own = OwnWorkers(len(self.slots), self.objective, self.trial_timeout)
        self.replacement = own
        try:
            own.start()
        except RuntimeError as error:
            raise RuntimeError("the given process pool is broken, since one of its processes died, "
                               f"and the tuner's own cannot replace them: {error}") from None
        return own

    def wait(self, futures: Iterable[Future]) -> list[Future]:
        """Wait until one of the calls has ended or is given up; return those, in the given order.

        If there are none, wait until one that was given up has ended; RuntimeError if none does.
        """
        if self.replacement is not None:
            return self.replacement.wait(futures)
        futures = list(futures)
        busy = (future for future in self.calls.values() if not future.done())
        wait_for_one({*futures, *busy}, self.patience(futures))
        if not futures and not self.idle():
            raise RuntimeError(f"all {len(self.slots)} workers of the executor hang in trials that "
                               "were given up; run again with another executor")
        return [future for future in futures if future.done() or self.is_late(future)]

    def patience(self, futures: list[Future]) -> float:
        """Return the seconds to wait: to the first deadline, if any; long if all were given up."""
        if self.trial_timeout is None:
            return math.inf
        now = time.perf_counter()
        for future in futures:
            if future not in self.deadlines and self.has_begun(future):
                self.deadlines[future] = now + self.trial_timeout
        ends = [self.deadlines.get(future, now + self.trial_timeout) for future in futures]
        return max(0.0, min(ends) - now) if ends else PATIENCE * self.trial_timeout

    def has_begun(self, future: Future) -> bool:
        """Say whether a call is no longer waiting for a free worker of the executor."""
        says = isinstance(self.executor, ThreadPoolExecutor | ProcessPoolExecutor)
        return not says or future.running() or future.done()

    def is_late(self, future: Future) -> bool:
        """Say whether a call has taken too long."""
        return self.deadlines.get(future, float("inf")) <= time.perf_counter()

    def read(self, future: Future) -> Result:
        """Return the result of a call that has ended; WorkerLost, with the reason, if it has none.
        """
        if self.replacement is not None and future in self.replacement.homes:
            return self.replacement.read(future)
        self.deadlines.pop(future, None)
        if not future.done():
            raise WorkerLost(f"the trial took longer than trial_timeout={self.trial_timeout:g} "
                             "seconds; it was given up")
        if isinstance(future.exception(), BrokenProcessPool):
            self.pool_has_died = True
            raise WorkerLost("a process of the given pool died, which ran this trial or another "
                             "one: it was killed, ran out of memory, or exited") from None
        return super().read(future)

"""Searches on workers, and what their tests have to know and to wait for."""
import functools
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import faulty_objectives as faulty
import psutil
import pytest
from scripted_trials import Listed

from d2l_hpo import BasicScheduler, HPOTuner


def tuner(objective, n=4, max_epochs=None, n_workers=2, **others):
    """A tuner of x = 0, 1, ..., n - 1, on two worker processes unless said otherwise."""
    scheduler = BasicScheduler(Listed(n), max_epochs)
    return HPOTuner(scheduler, objective, n_workers=n_workers, **others)


def children():
    """The processes that this one has started, but for multiprocessing's own helper."""
    return [child for child in psutil.Process().children(recursive=True)
            if "resource_tracker" not in command(child)]


def command(process):
    """The command line of a process, empty if it has ended but was not yet waited for."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def by_id(search, *columns):
    """Some columns of the records, in the order of the trials."""
    records = search.records.sort_values("trial_id")[list(columns)]
    return list(records.itertuples(index=False, name=None))


class Manual(ThreadPoolExecutor):
    """An executor whose calls end when, and in the order in which, the test says."""

    def __init__(self):
        super().__init__(1)
        self.calls = []
        self.submitted = threading.Condition()

    def submit(self, function, /, *arguments):
        future = Future()
        with self.submitted:
            self.calls.append((future, functools.partial(function, *arguments)))
            self.submitted.notify_all()
        return future

    def end(self, number):
        self.await_calls(number + 1)
        future, function = self.calls[number]
        future.set_result(function())

    def await_calls(self, n):
        with self.submitted:
            assert self.submitted.wait_for(lambda: len(self.calls) >= n, faulty.DEADLINE)


def run_in_thread(search, **limits):
    """Start a search in another thread."""
    thread = threading.Thread(target=search.run, kwargs=limits, daemon=True)
    thread.start()
    return thread


def join(thread):
    thread.join(faulty.DEADLINE)
    assert not thread.is_alive()


def opened(kind):
    """Two workers of a kind: an executor of that class, or None for the tuner's own processes."""
    return nullcontext() if kind is None else kind(2)


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    """No process and no handler of Ctrl-C outlives the search that made it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert faulty.wait_until(lambda: not children())
    assert signal.getsignal(signal.SIGINT) is before

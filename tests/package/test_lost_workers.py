"""How the loss of a worker process is told, in whatever way its pool notices it."""
import functools
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import faulty_objectives as faulty
import psutil
import pytest
from pebble import ProcessExpired
from pebble.pool.process import PoolManager
from worker_searches import nothing_is_left_behind  # noqa: F401 - an autouse fixture
from systems import posix_only

from d2l_hpo.tuning.workers import OwnWorkers, WorkerLost, call_after


@posix_only
def test_a_pool_that_is_broken_tells_the_exit_code_of_its_process():
    with OwnWorkers(1, faulty.identity) as workers:
        workers.start()
        process = psutil.Process(workers.pools[0].processes.latest.pid)
        lost = Future()
        lost.set_exception(BrokenProcessPool("the pipe is broken"))
        workers.calls[0], workers.homes[lost] = lost, workers.pools[0]
        process.send_signal(signal.SIGKILL)
        with pytest.raises(WorkerLost, match=r"ended with exit code -9 \(SIGKILL\)"):
            workers.read(lost)


@posix_only
def test_a_lost_call_can_be_read_when_its_slot_has_the_next_one():
    with OwnWorkers(1, faulty.identity) as workers:
        workers.start()
        process = psutil.Process(workers.pools[0].processes.latest.pid)
        lost = Future()
        lost.set_exception(BrokenProcessPool("the pipe is broken"))
        workers.calls[0], workers.homes[lost] = lost, workers.pools[0]
        workers.pools[0].stop()
        process.send_signal(signal.SIGKILL)
        following = workers.submit(0, {"x": 1}, {})  # the slot is idle: its call has ended
        with pytest.raises(WorkerLost, match="ended with exit code -"):
            workers.read(lost)
        assert workers.read(following).value == 1 and not workers.homes


def test_a_new_process_loads_the_objective_before_its_time_counts():
    with OwnWorkers(1, faulty.identity, trial_timeout=3600) as workers:
        workers.start()
        tasks = []
        pool = workers.pools[0]
        schedule = pool.schedule
        pool.schedule = lambda function, *arguments, **keywords: (
            tasks.append((function.__name__, keywords.get("timeout"))),
            schedule(function, *arguments, **keywords))[1]
        failed = Future()
        failed.set_exception(TimeoutError())
        workers.calls[0] = failed
        workers.submit(0, {"x": 1}, {}).result()
        workers.submit(0, {"x": 2}, {}).result()
    assert tasks == [("load_own", None), ("call_own", 3600), ("call_own", 3600)]


@posix_only
def test_a_call_whose_process_died_is_lost_however_late_its_pool_learns_what_was_before(
        monkeypatch, tmp_path):
    """On a busy machine a process may end a call, begin another and die before the first end is
    read.
    """
    read = PoolManager.process_next_message

    def late(manager, timeout):
        tasks = [*manager.task_manager.tasks.values()]
        if len(tasks) > 1 and any(task.started for task in tasks):
            before = {*manager.worker_manager.workers}
            faulty.wait_until(lambda: not before & {*manager.worker_manager.workers})
        return read(manager, timeout)

    monkeypatch.setattr(PoolManager, "process_next_message", late)
    objective = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL")
    with OwnWorkers(1, objective) as workers:
        workers.start()
        lost = Future()
        lost.set_exception(ProcessExpired("", code=-9, pid=None))
        workers.calls[0] = lost
        call = workers.submit(0, {"x": 1}, {})
        assert isinstance(call.exception(faulty.DEADLINE), ProcessExpired | BrokenProcessPool)
        with pytest.raises(WorkerLost, match=r"exit code -9 \(SIGKILL\)"):
            workers.read(call)
        call = workers.submit(0, {"x": 1}, {})
        call.exception(faulty.DEADLINE)
        assert workers.read(call).value == 1


def test_where_the_pool_of_a_call_breaks_before_it_the_call_is_told_why():
    first, called = Future(), []

    def call():
        called.append(True)
        raise RuntimeError("Unexpected error within the Pool")

    future = call_after(first, call)
    assert not called
    first.set_exception(BrokenProcessPool("All workers expired"))
    assert called and isinstance(future.exception(), BrokenProcessPool)

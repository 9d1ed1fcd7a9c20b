"""How the loss of a worker process is told, in whatever way its pool notices it."""
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import faulty_objectives as faulty
import psutil
import pytest
from worker_searches import nothing_is_left_behind  # noqa: F401 - an autouse fixture
from systems import posix_only

from d2l_hpo.tuning.workers import OwnWorkers, WorkerLost


@posix_only
def test_a_pool_that_is_broken_tells_the_exit_code_of_its_process():
    with OwnWorkers(1, faulty.identity) as workers:
        workers.start()
        process = psutil.Process(workers.pools[0].processes.latest.pid)
        lost = Future()
        lost.set_exception(BrokenProcessPool("the pipe is broken"))
        workers.calls[0] = lost
        process.send_signal(signal.SIGKILL)
        with pytest.raises(WorkerLost, match=r"ended with exit code -9 \(SIGKILL\)"):
            workers.read(lost)


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

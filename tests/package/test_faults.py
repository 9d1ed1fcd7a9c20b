"""What goes wrong while a search runs, produced for real: failures, dead and hanging workers."""
import functools
import re
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import faulty_objectives as faulty
import psutil
import pytest
from journaled import events
from worker_searches import (
    Manual,
    by_id,
    children,
    join,
    nothing_is_left_behind,  # noqa: F401 - an autouse fixture
    opened,
    run_in_thread,
    tuner,
)
from scripted_trials import Listed
from systems import posix_only

from d2l_hpo import ASHAScheduler, HPOTuner, read_journal
from d2l_hpo.tuning import WorkerLost
from d2l_hpo.tuning.workers import GivenWorkers, OwnWorkers


ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 10.0
"""Seconds that a trial may take; those that do not hang take a few milliseconds."""


@pytest.fixture(params=[None, ProcessPoolExecutor, ThreadPoolExecutor],
                ids=["own", "processes", "threads"])
def executor(request):
    """Two workers: the tuner's own processes, given processes, given threads."""
    with opened(request.param) as executor:
        yield executor


# -- the objective fails --------------------------------------------------------------------------

def test_an_objective_that_raises_fails_and_the_search_goes_on(executor):
    search = tuner(faulty.raising, 6, executor=executor, max_retries=3)
    search.run()
    assert by_id(search, "config", "status", "attempt") == [
        ({"x": x}, "failed" if x in (1, 2, 3) else "completed", 1) for x in range(6)]
    reports = [report for report, in by_id(search, "traceback")]
    assert reports[1].startswith("Traceback") and "KeyError: 'missing.csv'" in reports[1]
    assert "in raising" in reports[1] and "SystemExit: no data" in reports[2]
    assert "returned nan" in reports[3]
    assert [x for x, error, _ in search.scheduler.searcher.told if error != error] \
        == [x for x in search.records["trial_id"] if x in (1, 2, 3)]


# -- a worker dies --------------------------------------------------------------------------------

@posix_only
@pytest.mark.parametrize(("how", "code"), [
    ("SIGKILL", r"-9 \(SIGKILL\)"), ("SIGSEGV", r"-11 \(SIGSEGV\)"), ("exit 3", "3"),
    ("exit 0", "1"),
])
def test_a_dead_worker_is_replaced_and_its_trial_tried_again(how, code, tmp_path):
    objective = functools.partial(faulty.dying, folder=tmp_path, how=how)
    search = tuner(objective, 6)
    search.run()
    assert by_id(search, "error", "status", "attempt") == [
        (x, "completed", 2 if x == 1 else 1) for x in range(6)]
    objective = functools.partial(faulty.dying, folder=tmp_path, how=how, times=10**9)
    search = tuner(objective, 6, max_retries=2)
    search.run()
    assert by_id(search, "status", "attempt") == [
        ("failed", 3) if x == 1 else ("completed", 1) for x in range(6)]
    report = search.records.set_index("trial_id")["traceback"][1].splitlines()
    assert [line.split(":")[0] for line in report] == ["attempt 1", "attempt 2", "attempt 3"]
    assert re.fullmatch(f"attempt 3: the worker process ended with exit code {code}",
                               report[-1])


@posix_only
def test_without_retries_a_lost_trial_fails_at_once(tmp_path):
    objective = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL")
    search = tuner(objective, max_retries=0)
    search.run()
    assert by_id(search, "status", "attempt") == [
        ("failed" if x == 1 else "completed", 1) for x in range(4)]


@posix_only
def test_all_workers_dying_at_once_and_again_and_again(tmp_path):
    objective = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL", deadly=range(8),
                                  times=2)
    search = tuner(objective, 8, max_retries=2)
    search.run()
    assert by_id(search, "error", "status", "attempt") == [(x, "completed", 3) for x in range(8)]


@posix_only
def test_a_trial_that_goes_on_has_all_its_retries_again(tmp_path):
    objective = functools.partial(faulty.dying_at_each_rung, folder=tmp_path)
    search = HPOTuner(ASHAScheduler(Listed(4), eta=2, r_min=1, r_max=4), objective, n_workers=2,
                      max_retries=1)
    search.run()
    found = {(row["trial_id"], row["max_epochs"]): (row["status"], row["attempt"])
             for row in search.rows}
    assert {(0, 1), (0, 2), (0, 4)} < {*found}
    assert found == {job: ("completed", 2 if job[0] == 0 else 1) for job in found}


def test_a_worker_that_was_killed_from_outside_is_replaced(tmp_path):
    search = tuner(functools.partial(faulty.waiting, folder=tmp_path, held=(0, 1)), 4)
    thread = run_in_thread(search)
    faulty.wait_until(lambda: len([*tmp_path.glob("begun_*")]) == 2)
    for path in tmp_path.glob("begun_*"):
        path.unlink()
    first = children()
    assert len(first) == 2
    for child in first:
        child.kill()
    faulty.wait_until(lambda: len([*tmp_path.glob("begun_*")]) == 2)
    assert not set(children()) & set(first)
    (tmp_path / "go_on").touch()
    join(thread)
    assert by_id(search, "status", "attempt") == [
        ("completed", 2), ("completed", 2), ("completed", 1), ("completed", 1)]


def test_a_worker_that_was_killed_while_idle_is_replaced(tmp_path):
    search = tuner(functools.partial(faulty.waiting, folder=tmp_path), 3, synchronous=True)
    thread = run_in_thread(search)
    faulty.wait_until(lambda: len(search.rows) == 1)
    faulty.wait_until((tmp_path / "begun_0").exists)
    busy = int(faulty.wait_until((tmp_path / "begun_0").read_text))
    idle, = [child for child in children() if child.pid != busy]
    idle.kill()
    faulty.wait_until(lambda: not idle.is_running())
    (tmp_path / "go_on").touch()
    join(thread)
    assert by_id(search, "status") == [("completed",)] * 3


@posix_only
def test_a_worker_that_is_killed_while_it_sends_a_result_is_replaced(tmp_path):
    search = tuner(functools.partial(faulty.torn, folder=tmp_path), n_workers=1,
                   trial_timeout=faulty.DEADLINE)
    search.run()
    assert by_id(search, "error", "status", "attempt") == [
        (x, "completed", 2 if x == 1 else 1) for x in range(4)]


@posix_only
def test_a_given_process_pool_that_breaks_is_replaced(tmp_path):
    objective = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL", times=3)
    with ProcessPoolExecutor(2) as executor:
        search = tuner(objective, 8, executor=executor, max_retries=3)
        with pytest.warns(UserWarning, match="pool is broken.* goes on in 2 worker processes"):
            search.run()
    assert by_id(search, "error", "status") == [(x, "completed") for x in range(8)]
    assert search.records.set_index("trial_id")["attempt"][1] == 4


@posix_only
def test_a_given_process_pool_that_breaks_is_told_once_with_what_ran_and_a_remedy(tmp_path):
    objective = functools.partial(faulty.dying_beside, folder=tmp_path)
    journal = tmp_path / "search.jsonl"
    with ProcessPoolExecutor(2) as executor:
        search = tuner(objective, 6, executor=executor, journal=journal)
        with pytest.warns(UserWarning) as warned:
            search.run()
    message, = [str(warning.message) for warning in warned]
    assert "one of its processes died while trials 0, 1 ran" in message
    assert "killed, ran out of memory, or exited" in message
    assert "tried again, at most max_retries=1 times" in message and "fewer n_workers" in message
    assert by_id(search, "error", "attempt") == [(0, 2), (1, 2), *((x, 1) for x in range(2, 6))]
    assert str(read_journal(journal).rows) == str(search.rows)
    assert [job["traceback"] for job in events(journal) if job["event"] == "failed"] == [
        "attempt 1: a process of the given pool died, which ran this trial or another one: it was "
        "killed, ran out of memory, or exited"] * 2


@posix_only
def test_a_given_process_pool_that_is_broken_already_is_replaced():
    with ProcessPoolExecutor(1) as executor:
        assert executor.submit(faulty.die, "SIGKILL").exception() is not None
        search = tuner(faulty.identity, 3, executor=executor)
        with pytest.warns(UserWarning, match="one of its processes died between trials"):
            search.run()
    assert by_id(search, "error", "attempt") == [(x, 1) for x in range(3)]


@posix_only
def test_where_a_broken_pool_cannot_be_replaced_the_error_says_both(monkeypatch):
    def start(workers):
        raise RuntimeError("a worker process could not be started: no guard")
    monkeypatch.setattr(OwnWorkers, "start", start)
    with ProcessPoolExecutor(1) as executor:
        assert executor.submit(faulty.die, "SIGKILL").exception() is not None
        with pytest.raises(RuntimeError, match="pool is broken, since .*: no guard") as error:
            tuner(faulty.identity, 3, executor=executor).run()
    assert error.value.__suppress_context__


def test_another_executor_that_is_broken_is_an_error_and_no_trial_is_lost():
    def initializer():
        raise ValueError("no licence")
    with ThreadPoolExecutor(2) as executor:
        search = tuner(faulty.identity, 6, executor=executor)
        search.run(number_of_trials=3)
    with ThreadPoolExecutor(2, initializer=initializer) as executor:
        search.executor = executor
        with pytest.raises(RuntimeError, match="executor is broken .*initializer failed.* another"):
            search.run()
    with ThreadPoolExecutor(2) as executor:
        search.executor = executor
        search.run()
    assert by_id(search, "error") == [(x,) for x in range(6)]


# -- a worker hangs -------------------------------------------------------------------------------

@pytest.mark.parametrize("objective", [faulty.hanging, faulty.deaf])
def test_a_hanging_worker_is_killed_and_its_trial_tried_again(objective, tmp_path):
    search = tuner(functools.partial(objective, folder=tmp_path), trial_timeout=PATIENCE)
    search.run()
    assert by_id(search, "error", "status", "attempt") == [
        (x, "completed", 2 if x == 1 else 1) for x in range(4)]


def test_a_trial_that_always_hangs_fails(tmp_path):
    objective = functools.partial(faulty.hanging, folder=tmp_path, times=10)
    search = tuner(objective, 3, trial_timeout=PATIENCE)
    search.run()
    assert by_id(search, "status", "attempt") == [("completed", 1), ("failed", 2), ("completed", 1)]
    assert search.records.set_index("trial_id")["traceback"][1].splitlines() == [
        f"attempt {i}: the trial took longer than trial_timeout={PATIENCE:g} seconds; its worker "
        "process was killed" for i in (1, 2)]


@posix_only
@pytest.mark.parametrize("how", ["hang", "SIGKILL"])
def test_programs_that_an_objective_started_end_with_its_worker(how, tmp_path):
    objective = functools.partial(faulty.starting_programs, folder=tmp_path, how=how)
    search = tuner(objective, 3, trial_timeout=3 * PATIENCE)  # a program has to start in that time
    search.run()
    assert by_id(search, "error", "attempt") == [(0, 1), (1, 2), (2, 1)]
    program = int((tmp_path / "program").read_text(encoding="utf-8"))
    faulty.wait_until(lambda: not psutil.pid_exists(program))


class Stuck:
    """An objective whose first attempt at x = 1 returns only after `release`, and then 100."""

    def __init__(self):
        self.release, self.has_ended = threading.Event(), threading.Event()
        self.attempts = 0

    def __call__(self, config):
        if config["x"] == 1:
            self.attempts += 1
            if self.attempts == 1:
                assert self.release.wait(faulty.DEADLINE)
                self.has_ended.set()
                return 100
        return config["x"]


def test_a_late_result_of_an_attempt_that_was_given_up_is_ignored():
    stuck = Stuck()

    def objective(config):
        if config["x"] == 1 and stuck.attempts == 1:  # the second attempt; the first ends now
            stuck.release.set()
            assert stuck.has_ended.wait(faulty.DEADLINE)
        return stuck(config)
    with ThreadPoolExecutor(2) as executor:
        search = tuner(objective, 20, executor=executor, trial_timeout=PATIENCE)
        search.run()
    assert by_id(search, "trial_id", "error", "status") == [(x, x, "completed") for x in range(20)]
    assert search.records.set_index("trial_id")["attempt"][1] == 2
    assert sorted((x, error) for x, error, _ in search.scheduler.searcher.told) == [
        (x, x) for x in range(20)]


def test_an_attempt_that_was_given_up_keeps_its_worker_until_it_ends():
    stuck = Stuck()
    with ThreadPoolExecutor(2) as executor:
        search = tuner(stuck, 20, executor=executor, trial_timeout=PATIENCE)
        search.run()
        rows = search.records.set_index("trial_id")
        assert len(rows) == 20 and not stuck.has_ended.is_set()
        assert set(rows["worker"].drop(0)) == {rows["worker"][0]} == {0}
        stuck.release.set()


def test_a_worker_comes_back_with_the_end_of_the_attempt_that_was_given_up():
    stuck = Stuck()
    with ThreadPoolExecutor(1) as executor:
        search = tuner(stuck, 3, n_workers=1, executor=executor, trial_timeout=PATIENCE)
        thread = run_in_thread(search)
        faulty.wait_until(lambda: search.books.lost)
        stuck.release.set()
        join(thread)
    assert by_id(search, "error", "attempt") == [(0, 1), (1, 2), (2, 1)]


def test_waiting_for_a_free_worker_of_an_executor_is_not_running():
    executor = Manual()
    workers = GivenWorkers(executor, 2, faulty.identity, trial_timeout=0.05)
    first, second = (workers.submit(slot, {"x": slot}, {}) for slot in (0, 1))
    assert first.set_running_or_notify_cancel()
    assert faulty.wait_until(lambda: workers.wait([first, second])) == [first]
    with pytest.raises(WorkerLost, match="longer than trial_timeout=0.05 seconds; it was given up"):
        workers.read(first)
    executor.end(0)
    assert second.set_running_or_notify_cancel()
    assert faulty.wait_until(lambda: workers.wait([second])) == [second]


@posix_only
def test_a_worker_of_a_dask_cluster_that_dies_is_replaced(tmp_path):
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    objective = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL", times=1)
    always = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL", deadly=(2,), times=99)
    settings = {"distributed.scheduler.allowed-failures": 0, "temporary-directory": str(tmp_path),
                "distributed.comm.timeouts.connect": "900s"}
    with dask.config.set(settings), \
            distributed.LocalCluster(1, threads_per_worker=1, dashboard_address=":0") as cluster, \
            distributed.Client(cluster) as client:
        executor = client.get_executor(pure=False)
        search = tuner(objective, 3, n_workers=1, executor=executor)
        search.run()
        assert by_id(search, "error", "attempt") == [(0, 1), (1, 2), (2, 1)]
        search = tuner(always, 4, n_workers=1, executor=executor)
        search.run()
    assert by_id(search, "status", "attempt") == [
        ("completed", 1), ("completed", 1), ("failed", 2), ("completed", 1)]
    assert "KilledWorker" in search.records.set_index("trial_id")["traceback"][2]


def test_an_executor_in_which_all_workers_hang_is_an_error_and_no_trial_is_lost():
    stuck = Stuck()
    with ThreadPoolExecutor(1) as executor:
        search = tuner(stuck, 3, n_workers=1, executor=executor)
        search.run(number_of_trials=1)
        search.trial_timeout = 0.2
        with pytest.raises(RuntimeError, match="all 1 workers of the executor hang"):
            search.run()
        assert by_id(search, "trial_id") == [(0,)]
        stuck.release.set()
        search.trial_timeout = faulty.DEADLINE
        search.run()
    assert by_id(search, "error", "attempt") == [(0, 1), (1, 2), (2, 1)]

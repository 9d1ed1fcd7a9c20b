"""The tuner on worker processes and on given executors."""
import functools
import importlib
import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import faulty_objectives as faulty
import numpy as np
import pytest
from scripted_curves import Scripted, trial
from scripted_trials import Listed
from test_tuner import COLUMNS
from worker_searches import (
    Manual,
    by_id,
    children,
    join,
    nothing_is_left_behind,  # noqa: F401 - an autouse fixture
    run_in_thread,
    tuner,
)

from d2l_hpo import BasicScheduler, HPOTuner
from d2l_hpo.tuning.calls import Result


# -- own processes --------------------------------------------------------------------------------

def test_a_search_on_worker_processes(tmp_path):
    search = tuner(faulty.numbers, 6, max_epochs=3, checkpoint_dir=tmp_path)
    search.run()
    assert list(search.records.columns) == COLUMNS
    files = [tmp_path / f"trial_{i}.pt" for i in range(6)]
    given = [info["given"] for info, in by_id(search, "info")]
    assert given == [(3, files[i], i) for i in range(6)]
    assert by_id(search, "trial_id", "error", "status", "attempt", "max_epochs") == [
        (i, i, "completed", 1, 3) for i in range(6)]
    processes = {info["process"] for info, in by_id(search, "info")}
    assert os.getpid() not in processes
    assert len(processes) == len(set(search.records["worker"])) <= 2
    assert set(search.records["worker"]) <= {0, 1}
    assert (search.incumbent, search.incumbent_error) == ({"x": 0}, 0)
    assert sorted(x for x, _, _ in search.scheduler.searcher.told) == list(range(6))
    assert children() == []


def test_trials_run_at_the_same_time_and_do_not_overlap_on_a_worker(tmp_path):
    search = tuner(functools.partial(faulty.meeting, folder=tmp_path, n=2), 2)
    search.run()
    records = search.records
    assert set(records["worker"]) == {0, 1}
    assert records["start"].max() < records["end"].min()
    search = tuner(faulty.identity, 30)
    search.run()
    for _, rows in search.records.sort_values("start").groupby("worker"):
        assert (rows["start"].iloc[1:].array >= rows["end"].iloc[:-1].array).all()
    assert list(search.records["end"]) == search.cumulative_runtime == sorted(search.records["end"])
    assert (search.records["start"] <= search.records["end"]).all()


def test_one_worker_with_a_time_limit_has_a_process_of_its_own():
    search = tuner(faulty.numbers, n_workers=1, trial_timeout=faulty.DEADLINE)
    search.run()
    assert search.records["info"][0]["process"] != os.getpid()
    assert list(search.records["worker"]) == [0, 0, 0, 0]


def test_results_do_not_depend_on_the_number_of_workers():
    def objective(config, seed):
        return {"error": float(np.random.default_rng(seed).normal()), "seed": seed}
    expected = tuner(objective, 8, n_workers=1)
    expected.run()
    search = tuner(objective, 8, n_workers=3)
    search.run()
    columns = ("trial_id", "config", "error", "info", "attempt")
    assert by_id(search, *columns) == by_id(expected, *columns)


def test_numerical_libraries_use_one_thread_in_a_worker(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    search = tuner(faulty.environment, 1)
    search.run()
    assert search.records["info"][0] == {"omp": "1", "threads": 1}
    assert "OMP_NUM_THREADS" not in os.environ


SCRIPT = """
import numpy as np
from scipy import stats
from sklearn.svm import SVC
from threadpoolctl import threadpool_info
from d2l_hpo import BasicScheduler, HPOTuner, RandomSearcher

def objective(config):
    return {"error": config["x"], "threads": [pool["num_threads"] for pool in threadpool_info()]}

if __name__ == "__main__":
    searcher = RandomSearcher({"x": stats.uniform(0, 1)})
    tuner = HPOTuner(BasicScheduler(searcher), objective, n_workers=2)
    tuner.run(number_of_trials=2)
    print(*tuner.records["info"].map(lambda info: set(info["threads"])), sep="; ")
"""


def test_libraries_that_a_script_imports_use_one_thread_in_a_worker(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run([sys.executable, path], env={**environment, "TQDM_DISABLE": "1"},
                          text=True, capture_output=True, check=False)
    assert (done.stdout, done.returncode) == ("{1}; {1}\n", 0), done.stderr


def test_torch_uses_one_thread_in_a_worker():
    pytest.importorskip("torch")
    def objective(config):
        import torch
        return {"error": 0, "threads": torch.get_num_threads()}
    search = tuner(objective, 1)
    search.run()
    assert search.records["info"][0] == {"threads": 1}


def test_functions_of_notebooks_and_closures_reach_the_workers():
    shift = np.float64(10)
    exec("def objective(config):\n    return config['x'] + offset", space := {
        "__name__": "__main__", "offset": 5})
    for objective, first in ((lambda config: config["x"] + shift, 10), (space["objective"], 5)):
        search = tuner(objective, 2)
        search.run()
        assert by_id(search, "error") == [(first,), (first + 1,)]


def test_an_objective_that_cannot_be_sent_is_an_error_at_once():
    lock = threading.Lock()

    def objective(config):
        with lock:
            return config["x"]
    with ProcessPoolExecutor(1) as pool:
        for executor in (None, pool):
            search = tuner(objective, executor=executor)
            with pytest.raises(TypeError, match="cannot be sent to worker processes .*lock.*let"):
                search.run()
            assert search.records.empty and children() == []


def test_an_objective_that_cannot_be_loaded_is_an_error_at_once():
    with pytest.raises(RuntimeError, match="not load the objective(?s:.*)not a number"):
        tuner(faulty.Unreadable()).run()
    assert children() == []


def test_an_objective_whose_module_ends_the_process_is_an_error_of_the_search(tmp_path):
    (tmp_path / "ending.py").write_text("import sys\n"
                                        "if 'd2l_hpo.tuning.tuner' not in sys.modules:\n"
                                        "    sys.exit('no')\ndef objective(config): return 0\n",
                                        encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(tmp_path)
        objective = importlib.import_module("ending").objective
        with pytest.raises(RuntimeError, match="not load the objective(?s:.*)SystemExit: no"):
            tuner(objective).run()
    assert children() == []


def test_a_process_that_the_system_refuses_is_an_error_at_once(monkeypatch):
    def refuse(process):
        raise OSError(24, "Too many open files")
    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", refuse)
    with pytest.raises(RuntimeError, match="could not be started: .*Too many open files"):
        tuner(faulty.identity).run()
    assert children() == []


def test_a_result_that_cannot_be_sent_or_read_is_a_failure_with_its_reason():
    search = tuner(faulty.returning_odd_objects, 3)
    search.run()
    assert by_id(search, "status", "attempt") == [("completed", 1), ("failed", 1), ("failed", 1)]
    reports = [report for report, in by_id(search, "traceback")]
    assert "cannot pickle '_thread.lock'" in reports[1]
    assert "not a number" in reports[2]


# -- asynchronous and synchronous -----------------------------------------------------------------

def test_a_free_worker_gets_the_next_trial_at_once():
    executor = Manual()
    search = tuner(faulty.identity, 5, executor=executor)
    thread = run_in_thread(search)
    for i, (ended, started) in enumerate(((1, 3), (2, 4), (0, 5), (4, 5), (3, 5)), 1):
        executor.end(ended)
        executor.await_calls(started)
        faulty.wait_until(lambda i=i: len(search.rows) == i)
    join(thread)
    assert list(search.records["trial_id"]) == [1, 2, 0, 4, 3]
    assert list(search.records["worker"]) == [1, 1, 0, 0, 1]


def test_synchronous_workers_wait_for_the_batch():
    executor = Manual()
    search = tuner(faulty.identity, 5, executor=executor, synchronous=True)
    thread = run_in_thread(search)
    executor.await_calls(2)
    executor.end(1)
    faulty.wait_until(lambda: len(search.rows) == 1)
    assert len(executor.calls) == 2
    executor.end(0)
    executor.await_calls(4)
    executor.end(2)
    executor.end(3)
    executor.await_calls(5)
    executor.end(4)
    join(thread)
    assert list(search.records["trial_id"]) == [1, 0, 2, 3, 4]


def test_a_scheduler_without_a_trial_is_asked_again_after_the_next_report():
    executor = Manual()
    scheduler = Scripted(trial(0), trial(1), None, trial(2), None)
    search = HPOTuner(scheduler, faulty.identity, executor=executor, n_workers=3)
    thread = run_in_thread(search)
    executor.await_calls(2)
    executor.end(1)
    executor.await_calls(3)
    executor.end(2)
    faulty.wait_until(lambda: len(search.rows) == 2)
    executor.end(0)
    join(thread)
    assert scheduler.log == ["suggest 0", "suggest 1", "none", "update 1", "suggest 2", "none",
                             "update 2", "none", "update 0", "none"]


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_the_number_of_trials_is_a_total_on_workers_too(n_workers):
    with ThreadPoolExecutor(5) as executor:
        search = tuner(faulty.identity, 10, n_workers=n_workers, executor=executor)
        for number, total in ((3, 3), (3, 3), (4, 4), (None, 10)):
            search.run(number_of_trials=number)
            assert sorted(search.records["trial_id"]) == list(range(total))


@pytest.mark.parametrize(("has_folder", "epochs"), [(True, [0, 0, 1, 1, 0]), (False, [0] * 5)])
def test_a_trial_that_is_continued_counts_once(has_folder, epochs, tmp_path):
    def objective(config, checkpoint=None):
        if has_folder:
            checkpoint.touch()
        return faulty.identity(config)
    jobs = [trial(0, 1), trial(1, 1), trial(0, 2, 1), trial(1, 2, 1), trial(2, 1)]
    with ThreadPoolExecutor(1) as executor:
        search = HPOTuner(Scripted(*jobs), objective, executor=executor,
                          checkpoint_dir=tmp_path if has_folder else None)
        search.run(number_of_trials=3)
    assert list(search.records["trial_id"]) == [0, 1, 0, 1, 2]
    assert list(search.records["epoch"]) == epochs


def test_running_trials_are_finished_when_the_time_is_over():
    executor = Manual()
    search = tuner(faulty.identity, 100, executor=executor)
    thread = run_in_thread(search, max_wallclock_time=1e9)
    executor.await_calls(2)
    search.budget = None, 1e-9  # the time is over
    executor.end(0)
    executor.end(1)
    join(thread)
    assert list(search.records["trial_id"]) == [0, 1]
    assert len(executor.calls) == 2


def test_children_end_and_records_stay_when_the_time_is_over():
    search, seconds = tuner(faulty.identity, 10**6), 1.0
    while not len(search.records):  # not even the processes were there
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.run(max_wallclock_time=seconds)
        assert not children()
        seconds *= 2
    assert 0 < len(search.records) < 10**6 and search.incumbent == {"x": 0}
    late = search.records["start"] > seconds / 2  # decided in time, at most one for each worker
    assert late.sum() <= 2


def test_a_time_that_is_over_before_the_first_trial_is_a_warning():
    search = tuner(faulty.identity)
    with pytest.warns(UserWarning, match="the time was over before a trial began; give a larger"):
        search.run(max_wallclock_time=1e-9)
    assert len(search.records) == 0
    search.run()
    assert by_id(search, "error") == [(0,), (1,), (2,), (3,)]


def test_a_trial_that_is_running_must_not_be_suggested_again():
    executor = Manual()
    search = HPOTuner(Scripted(trial(0, 1), trial(0, 2)), faulty.numbers, executor, n_workers=2)
    with pytest.raises(ValueError, match="trial 0 was suggested while it is running; suggest it"):
        search.run()
    assert len(executor.calls) == 1


def test_a_suggestion_that_is_no_trial_is_an_error():
    scheduler = Scripted()
    scheduler.suggest = lambda: {"x": 1}
    with pytest.raises(TypeError, match=r"suggested \{'x': 1\}, expected a Trial or None"):
        HPOTuner(scheduler, faulty.identity).run()


@pytest.mark.parametrize(("start", "expected"), [(7.0, 7.0), (3.0, 8.0), (11.0, 8.0), (-1e9, 8.0)])
def test_the_clock_of_another_machine_is_not_trusted(monkeypatch, start, expected):
    monkeypatch.setattr(time, "perf_counter", lambda: 10.0)  # of this machine, at the end
    assert Result(None, None, start, 2.0, False).started_after(6.0) == expected


def test_an_attempt_that_took_longer_than_this_clock_allows_began_when_it_was_sent(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 10.0)
    assert Result(None, None, 5.0, 9.0, False).started_after(6.0) == 6.0


# -- given executors ------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_given_executor_is_used_and_left_open(kind):
    with kind(2) as executor:
        search = tuner(faulty.numbers, 6, executor=executor)
        search.run()
        assert executor.submit(abs, -1).result() == 1
        here = {info["process"] == os.getpid() for info, in by_id(search, "info")}
    assert by_id(search, "trial_id", "error") == [(i, i) for i in range(6)]
    assert here == {kind is ThreadPoolExecutor}


def test_functions_of_notebooks_reach_a_given_process_pool():
    with ProcessPoolExecutor(1) as executor:
        search = tuner(lambda config: config["x"] + 1, executor=executor, n_workers=1)
        search.run()
    assert by_id(search, "error") == [(1,), (2,), (3,), (4,)]


def test_functions_of_notebooks_reach_a_dask_cluster(tmp_path):
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    settings = {"temporary-directory": str(tmp_path), "distributed.comm.timeouts.connect": "900s"}
    with dask.config.set(settings), \
            distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=":0") as cluster, \
            distributed.Client(cluster) as client:
        search = tuner(lambda config: {"error": config["x"] + 1, "process": os.getpid()}, 6,
                       executor=client.get_executor())
        search.run()
    assert by_id(search, "error", "status") == [(x + 1, "completed") for x in range(6)]
    assert os.getpid() not in {info["process"] for info in search.records["info"]}
    assert (search.records["start"] <= search.records["end"]).all()


def test_objects_are_shared_with_a_given_thread_pool():
    seen, lock = [], threading.Lock()

    def objective(config):
        with lock:
            seen.append(config["x"])
        return {"error": 0.5, "lock": lock}
    with ThreadPoolExecutor(2) as executor:
        search = tuner(objective, executor=executor)
        search.run()
    assert sorted(seen) == [0, 1, 2, 3]
    assert all(info["lock"] is lock for info in search.records["info"])


def test_an_executor_that_was_shut_down_is_an_error_and_no_trial_is_lost():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    search = tuner(faulty.identity, executor=executor)
    with pytest.raises(RuntimeError, match="shutdown"):
        search.run()
    with ThreadPoolExecutor(1) as search.executor:
        search.run()
    assert by_id(search, "trial_id") == [(0,), (1,), (2,), (3,)]


# -- arguments ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("argument", "value", "message"), [
    ("n_workers", 0, "n_workers is 0, expected a positive integer"),
    ("n_workers", 1.5, "n_workers is 1.5, expected a positive integer"),
    ("max_retries", -1, "max_retries is -1, expected an integer of at least 0"),
    ("trial_timeout", 0, "trial_timeout is 0, expected a positive number"),
    ("trial_timeout", "1", "trial_timeout is '1', expected a positive number"),
])
def test_bad_arguments_are_errors(argument, value, message):
    with pytest.raises(ValueError, match=message):
        HPOTuner(BasicScheduler(Listed(3)), faulty.identity, **{argument: value})


@pytest.mark.parametrize("executor", [2, "processes", ThreadPoolExecutor])
def test_an_executor_that_is_none_is_an_error(executor):
    with pytest.raises(TypeError, match="expected a concurrent.futures.Executor"):
        HPOTuner(BasicScheduler(Listed(3)), faulty.identity, executor=executor)


def test_a_search_on_workers_without_any_trial_is_an_error():
    with ThreadPoolExecutor(1) as executor, pytest.raises(RuntimeError, match="never suggested"):
        tuner(faulty.identity, 0, executor=executor).run()

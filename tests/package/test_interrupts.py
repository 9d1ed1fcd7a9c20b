"""Ctrl-C, and tuners that are killed, with all the processes that belong to them."""
import functools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import faulty_objectives as faulty
import psutil
import pytest
from journaled import PATHS
from interruptions import interrupted
from scripted_trials import Listed
from worker_searches import (
    by_id,
    children,
    join,
    nothing_is_left_behind,  # noqa: F401 - an autouse fixture
    opened,
    run_in_thread,
    tuner,
)
from systems import posix_only

from d2l_hpo import BasicScheduler, HPOTuner

pytestmark = posix_only


# -- Ctrl-C ---------------------------------------------------------------------------------------

def press_ctrl_c_when(condition):
    """Send this process SIGINT as soon as `condition()` is true."""
    def press():
        faulty.wait_until(condition)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press, daemon=True).start()


@pytest.mark.parametrize("kind", [None, ProcessPoolExecutor, ThreadPoolExecutor])
def test_ctrl_c_ends_the_children_and_keeps_the_records(kind, tmp_path, capsys):
    objective = functools.partial(faulty.waiting, folder=tmp_path, held=(2, 3))
    with opened(kind) as executor:
        search = tuner(objective, 6, executor=executor)
        press_ctrl_c_when(lambda: len([*tmp_path.glob("begun_*")]) == 2 and len(search.rows) == 2)
        interrupted(search)
        assert "Stopped in trial 2, 3; run() again" in "".join(capsys.readouterr())
        assert by_id(search, "trial_id", "status") == [(0, "completed"), (1, "completed")]
        assert search.incumbent == {"x": 0}
        assert kind is not None or not children()
        (tmp_path / "go_on").touch()
        search.run()
    assert by_id(search, "trial_id", "status") == [(x, "completed") for x in range(6)]


def test_ctrl_c_in_one_process_interrupts_the_objective(capsys):
    def objective(config):
        if config["x"] == 1 and search.incumbent is not None and not search.stopped:
            search.stopped = True
            signal.raise_signal(signal.SIGINT)
        return config["x"]
    search = tuner(objective, 3, n_workers=1)
    search.stopped = False
    interrupted(search)
    assert by_id(search, "trial_id") == [(0,)]
    search.run()
    assert by_id(search, "trial_id") == [(0,), (1,), (2,)]


class Pressing(Listed):
    """A searcher during whose work Ctrl-C is pressed: at the n-th call."""

    def __init__(self, n, at):
        super().__init__(n)
        self.calls, self.at = 0, at

    def count(self):
        self.calls += 1
        if self.calls == self.at:
            signal.raise_signal(signal.SIGINT)

    def sample_configuration(self):
        config = super().sample_configuration()
        self.count()
        return config

    def update(self, config, error, epoch=None, info=None):
        self.count()
        super().update(config, error, epoch, info)


@pytest.mark.parametrize("n_workers", [1, 2])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
def test_ctrl_c_between_two_steps_waits_until_the_books_are_complete(n_workers, at, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        search = HPOTuner(BasicScheduler(Pressing(6, at)), faulty.identity, n_workers=n_workers,
                          executor=pool if n_workers > 1 else None)
        interrupted(search)
        told = [x for x, _, _ in search.scheduler.searcher.told]
        assert list(search.records["trial_id"] if told else []) == told
        assert len(told) < 6
        search.run()
    assert by_id(search, "trial_id") == [(x,) for x in range(6)]
    assert sorted(x for x, _, _ in search.scheduler.searcher.told) == list(range(6))


def test_a_search_in_a_thread_works_without_ctrl_c():
    search = tuner(faulty.identity, 3, n_workers=1)
    join(run_in_thread(search))
    assert by_id(search, "trial_id") == [(0,), (1,), (2,)]


# -- whole programs -------------------------------------------------------------------------------

SEARCH = """
import functools, sys
import faulty_objectives as faulty
from scripted_trials import Listed
from d2l_hpo import BasicScheduler, HPOTuner

def objective(config):
    return faulty.waiting(config, folder=sys.argv[1], held=(2, 3))

if {guard}:
    search = HPOTuner(BasicScheduler(Listed(6)), objective, n_workers=2)
    try:
        search.run()
    except KeyboardInterrupt:
        pass
    print(sorted(search.records["trial_id"]), search.incumbent)
"""


def start_program(folder, guard="__name__ == '__main__'"):
    """Run a script with a search as a program, in a process group of its own."""
    script = folder / "script.py"
    script.write_text(SEARCH.format(guard=guard), encoding="utf-8")
    return subprocess.Popen([sys.executable, script, folder], text=True, start_new_session=True,
                            env=PATHS,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ctrl_c_in_a_terminal_reaches_all_processes_and_only_the_tuner_listens(tmp_path):
    with start_program(tmp_path) as program:
        faulty.wait_until(lambda: len([*tmp_path.glob("begun_*")]) == 2)
        workers = psutil.Process(program.pid).children(recursive=True)
        assert len(workers) >= 2
        os.killpg(program.pid, signal.SIGINT)
        output, errors = program.communicate(timeout=faulty.DEADLINE)
    assert program.returncode == 0
    assert output == "Stopped in trial 2, 3; run() again goes on.\n[0, 1] {'x': 0}\n"
    assert "Traceback" not in errors
    assert not psutil.wait_procs(workers, faulty.DEADLINE)[1]


def test_workers_end_with_a_tuner_that_is_killed(tmp_path):
    with start_program(tmp_path) as program:
        faulty.wait_until(lambda: len([*tmp_path.glob("begun_*")]) == 2)
        workers = psutil.Process(program.pid).children(recursive=True)
        program.kill()
    assert len(workers) >= 2
    assert not psutil.wait_procs(workers, faulty.DEADLINE)[1]


def test_a_script_without_guard_is_told_what_is_missing(tmp_path):
    with start_program(tmp_path, guard="True") as program:
        output, errors = program.communicate(timeout=faulty.DEADLINE)
    assert (program.returncode, output) == (1, "")
    assert "RuntimeError: a worker process could not be started" in errors
    assert "call run() under `if __name__ == '__main__':`" in errors

"""Scripts that call `run` without `if __name__ == "__main__":` are told so once."""
import json
import multiprocessing
import os
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
from journaled import PATHS, tuner
from systems import posix_only

MESSAGE = ("RuntimeError: a worker process could not be started: it imports the script and came to "
           "run() there, too; in a script, call run() under `if __name__ == '__main__':`")
LINES = 24
"""Enough for one traceback of a script that calls `run`; there are no others."""

BAR = re.compile(r" *\d+%\|[^\n]*?trial/s[^\]\n]*\]")
"""A progress bar, behind which another process may write on the same line."""

LEAKED = re.compile(r"[^\n]*resource_tracker: There appear to be \d+ leaked semaphore.*\n.*\n?")
"""What Python says of a process that a broken pool has killed: it had a pool of its own by then."""


SCRIPT = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from scipy import stats
from d2l_hpo import BasicScheduler, HPOTuner, RandomSearcher

def objective(config):
    return (config["x"] - 0.3) ** 2

def search(**options):
    searcher = RandomSearcher({"x": stats.uniform(0, 1)})
    HPOTuner(BasicScheduler(searcher), objective, **options).run(number_of_trials=4)

"""
SEARCHES = {
    "own": "search(n_workers=2)",
    "journal": "search(n_workers=2, journal='x.jsonl')",
    "time limit": "search(trial_timeout=60)",
    "second": "search()\nsearch(n_workers=2)",
}


def run_script(folder, text, *arguments):
    """Run a script in a folder; return its output, its errors without progress bars, and its code.
    """
    (folder / "script.py").write_text(SCRIPT + text, encoding="utf-8")
    arguments = arguments or ["script.py"]
    paths = os.pathsep.join([str(folder), PATHS["PYTHONPATH"]])
    done = subprocess.run([sys.executable, *arguments], cwd=folder, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": paths}, capture_output=True)
    errors = LEAKED.sub("", BAR.sub("", done.stderr)).splitlines()
    return done.stdout, [line for line in errors if line.strip()], done.returncode


def tracebacks(errors):
    return [line for line in errors if "Traceback" in line]


@pytest.mark.parametrize("search", SEARCHES)
def test_a_script_without_guard_gets_one_error(search, tmp_path):
    output, errors, code = run_script(tmp_path, SEARCHES[search])
    assert (output, code, errors[-1], len(tracebacks(errors))) == ("", 1, MESSAGE, 1)
    assert len(errors) <= LINES, "\n".join(errors)


def test_with_the_guard_the_journal_of_the_failed_script_goes_on(tmp_path):
    run_script(tmp_path, SEARCHES["journal"])
    guarded = f"if __name__ == '__main__':\n    {SEARCHES['journal']}"
    output, errors, code = run_script(tmp_path, guarded)
    assert (output, code, tracebacks(errors)) == ("", 0, []), "\n".join(errors)
    events = [json.loads(line)["event"] for line in (tmp_path / "x.jsonl").open()]
    assert (events.count("search"), events.count("finished")) == (1, 4)


SLOW = """
    import threading
    from pathlib import Path
    from faulty_objectives import wait_until
    name = multiprocessing.current_process().name
    if name == "SpawnProcess-1":
        wait_until(Path("other").exists)
    if name == "SpawnProcess-2":
        Path("other").touch()
        threading.Event().wait()  # until the pool kills it
"""
"""The first process ends when the second has a pool, too; that one hangs. (The other way around,
Python's pool may fail to see the end.)"""


@pytest.mark.parametrize(("journal", "before"), [(None, ""), ("x.jsonl", ""), ("x.jsonl", SLOW)],
                         ids=["no journal", "journal", "slow"])
def test_the_processes_of_a_given_executor_say_it_in_one_line_each(journal, before, tmp_path):
    output, errors, code = run_script(tmp_path, f"""
with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
{before}
    search(executor=executor, n_workers=2, journal={journal!r})
""")
    message = ("RuntimeError: the given process pool is broken, since one of its processes died, "
               "and the tuner's own cannot replace them: " + MESSAGE.removeprefix("RuntimeError: "))
    assert (output, code, errors[-1], len(tracebacks(errors))) == ("", 1, message, 1)
    errors = "\n".join(errors)
    assert 1 <= errors.count("d2l_hpo: a new process imports the script") <= 2, errors
    assert "in use by" not in errors and errors.count("\n") < 40, errors


def test_a_process_of_a_given_executor_leaves_before_it_waits_for_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        search = tuner(tmp_path / "x.jsonl", executor=executor)
        with pytest.raises(SystemExit, match="d2l_hpo: a new process imports the script"):
            search.run()
    assert not list(tmp_path.iterdir())


def test_a_module_that_searches_when_it_is_imported_is_told_so(tmp_path):
    output, errors, code = run_script(tmp_path, SEARCHES["own"], "-c", "import script")
    assert (output, code) == ("", 1)
    assert "RuntimeError: a worker process could not load the objective:" in errors
    assert errors[-1] == ("RuntimeError: run() was called by a module that was only to be imported;"
                          " in a script, call run() under `if __name__ == '__main__':`")
    assert len(tracebacks(errors)) == 2  # the second is in the message


def test_other_new_processes_may_search(tmp_path):
    """In a process of the user's own, a search without processes is nobody else's business."""
    output, errors, code = run_script(tmp_path, """
search()
def say(): print("done")
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=say)
    process.start()
    process.join()
""")
    assert (output, code, tracebacks(errors)) == ("done\n", 0, []), "\n".join(errors)


def test_a_script_that_ends_its_new_processes_is_named(tmp_path):
    text = "import os\nif __name__ != '__main__':\n    os._exit(3)\n" + SEARCHES["own"]
    output, errors, code = run_script(tmp_path, text)
    assert (output, code, len(tracebacks(errors))) == ("", 1, 1)
    assert errors[-1].startswith("RuntimeError: a worker process could not be started: it ended "
                                 "with exit code 3 at once; in a script, call run() under")


@posix_only
def test_a_worker_that_is_killed_while_it_starts_is_not_the_scripts_fault(tmp_path):
    text = ("import os, signal\nif __name__ != '__main__':\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n" + SEARCHES["own"])
    output, errors, code = run_script(tmp_path, text)
    assert (output, code, len(tracebacks(errors))) == ("", 1, 1)
    assert errors[-1] == (
        "RuntimeError: a worker process could not be started: it ended with exit code -9 (SIGKILL) "
        "before its first call; if there was too little memory for all of them, give fewer "
        "n_workers")

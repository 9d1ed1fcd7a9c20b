"""Failed trials are seen, counted and limited, and not lost where a kill was the reason."""
import functools
import json
import linecache
import os
import subprocess
import sys
import warnings
from pathlib import Path

import cloudpickle
import faulty_objectives as faulty
import pytest
from interruptions import interrupted
from journaled import PATHS, events
from scripted_trials import Listed, scripted

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOTuner
from d2l_hpo.tuning import sent_code
from d2l_hpo.tuning.calls import Portable, load


# -- between the last checkpoint and the report ---------------------------------------------------

def careless(config, max_epochs, checkpoint, interrupt=()):
    """Train what is missing and return the last error: it has none if nothing is missing."""
    epoch = int(checkpoint.read_text()) if checkpoint.exists() else 0
    errors = []
    while epoch < max_epochs:
        epoch += 1
        errors.append(config["x"] + 1 / epoch)
        checkpoint.write_text(str(epoch))
    if (config["x"], epoch) in interrupt:
        interrupt.remove((config["x"], epoch))
        raise KeyboardInterrupt
    return errors[-1]


def search(folder, interrupt=(), n=4):
    return HPOTuner(ASHAScheduler(Listed(n), 2, 1, 2), functools.partial(
        careless, interrupt=interrupt), journal=folder / "search.jsonl",
        checkpoint_dir=folder / "checkpoints")


@pytest.mark.parametrize("where", [(1, 1), (0, 2)])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_trial_killed_after_its_last_checkpoint_is_not_lost(where, is_new, tmp_path):
    straight = search(tmp_path / "straight") if (tmp_path / "straight").mkdir() is None else None
    straight.run()
    interrupt = [where]
    first = search(tmp_path, interrupt)
    interrupted(first)
    again = search(tmp_path, interrupt) if is_new else first
    with pytest.warns(UserWarning, match=f"trial {where[0]} was interrupted, and failed when it "):
        again.run()
    assert (again.records["status"] == "completed").all()
    same = ["trial_id", "max_epochs", "error"]
    assert again.records[same].equals(straight.records[same])
    last = search(tmp_path)
    last.run()
    assert last.records.equals(again.records)


def test_what_fails_without_the_checkpoint_too_has_failed_once(tmp_path):
    def objective(config, max_epochs, checkpoint):
        calls.append((config["x"], checkpoint.exists()))
        checkpoint.write_text("1")
        if len(calls) == 1:
            raise KeyboardInterrupt
        raise ValueError("not a good configuration")
    calls = []

    def make():
        return HPOTuner(BasicScheduler(Listed(1), 1), objective, journal=tmp_path / "search.jsonl",
                        checkpoint_dir=tmp_path / "checkpoints")
    interrupted(make())
    again = make()
    with pytest.warns(UserWarning, match="not a good configuration"):
        again.run()
    assert calls == [(0, False), (0, True), (0, False)]
    assert list(again.records["status"]) == ["failed"] and again.records["attempt"][0] == 1
    assert [event["event"] for event in events(tmp_path / "search.jsonl")].count("failed") == 1


# -- what is said ---------------------------------------------------------------------------------

def test_the_first_failure_is_told_with_its_last_line():
    tuner = scripted([0.5, KeyError("missing.csv"), 0.25, ValueError("second")])
    with pytest.warns(UserWarning) as caught:
        tuner.run()
    assert [str(warning.message).partition(" (")[0] for warning in caught] == [
        "trial 1 failed: KeyError: 'missing.csv'"]


def test_the_progress_bar_counts_failures(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    tuner = scripted([0.5, KeyError("a"), ValueError("b"), 0.25])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuner.run()
    assert "failed=2" in capsys.readouterr().err


def test_the_progress_bar_counts_trials_also_those_of_earlier_runs(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    tuner = scripted([0.5, 0.25, 0.75, 0.125, 1.0])
    for total in (3, 5):
        tuner.run(number_of_trials=total)
        assert tuner.progress.n == total
        last = capsys.readouterr().err.rstrip().split("\r")[-1]
        assert f" {total}/{total} " in last and f"incumbent={tuner.incumbent_error:.4f}" in last


def test_nothing_is_said_where_nothing_fails(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    tuner = scripted([0.5, 0.25])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tuner.run()
    assert "failed" not in capsys.readouterr().err


# -- max_failures ---------------------------------------------------------------------------------

def limited(results, **others):
    def objective(config):
        result = results[config["x"]]
        if isinstance(result, BaseException):
            raise result
        return result
    return HPOTuner(BasicScheduler(Listed(len(results))), objective, **others)


@pytest.mark.parametrize("limit, rows", [(0, 2), (1, 4), (2, 5)])
def test_more_failures_than_allowed_end_the_search_and_lose_nothing(limit, rows, tmp_path):
    results = [0.5, NameError("name 'lr' is not defined"), 0.25, float("nan"), 0.125]

    def make(max_failures):
        return limited(results, max_failures=max_failures, journal=tmp_path / "search.jsonl")
    tuner = make(limit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if limit == 2:
            tuner.run()
        else:
            with pytest.raises(RuntimeError, match=(
                    rf"{limit + 1} trials have failed, more than max_failures={limit}; nothing is "
                    r"lost(.|\n)*trial 1: NameError: name 'lr' is not defined")):
                tuner.run()
        assert len(tuner.rows) == rows
        if limit < 2:
            with pytest.raises(RuntimeError, match="have failed"):
                make(limit).run()
        again = make(None)
        again.run()
    assert list(again.records["trial_id"]) == [0, 1, 2, 3, 4]


def test_running_trials_are_finished_when_too_many_have_failed(tmp_path):
    search = HPOTuner(BasicScheduler(Listed(6)), functools.partial(failing, folder=tmp_path),
                      n_workers=2, max_failures=0, callbacks=[Noting(tmp_path)])
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="trial 1: ZeroDivision"):
        warnings.simplefilter("ignore")
        search.run()
    assert {row["trial_id"]: row["status"] for row in search.rows} == {0: "completed", 1: "failed"}
    text = next(row["traceback"] for row in search.rows if row["status"] == "failed")
    assert "test_failures.py" in text and "return 1 / 0" in text


class Noting:
    """A callback that makes a file when the tuner has noted a failure."""

    def __init__(self, folder):
        self.folder = folder

    def trial_end(self, trial, row):
        if row["status"] == "failed":
            (self.folder / "noted").touch()


def failing(config, folder):
    """Trial 1 fails; trial 0 ends after the tuner has noted that."""
    if config["x"] == 1:
        return 1 / 0
    faulty.wait_until((Path(folder) / "noted").exists)
    return 0.5


@pytest.mark.parametrize("value", [-1, 1.5, True, "2"])
def test_bad_limits_of_failures(value):
    with pytest.raises(ValueError, match=f"max_failures is {value!r}"):
        limited([0.5], max_failures=value)


# -- tracebacks of what was sent to another process -----------------------------------------------

CELL = "def objective(config):\n    y = 0\n    return 1 / y\n"
READING = """
import sys
from d2l_hpo.tuning.calls import call, load
print(call(load(sys.stdin.buffer.read()), {}, {}).traceback)
"""


def traceback_elsewhere(function):
    done = subprocess.run([sys.executable, "-c", READING], input=Portable(function).payload,
                          env=PATHS, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture(params=[False, True])
def nameless(request, monkeypatch):
    """cloudpickle as it is, and as a version that drops the names of files."""
    if request.param:
        table = dict(cloudpickle.Pickler.dispatch_table)
        code = type(compile("", "", "exec"))
        before = table[code]

        def reduce(obj):
            make, arguments = before(obj)[:2]
            return make, tuple(sent_code.NO_FILE if part == obj.co_filename else part
                               for part in arguments)
        monkeypatch.setattr(cloudpickle.Pickler, "dispatch_table", {**table, code: reduce})


def test_a_traceback_names_file_and_line_of_a_cell(nameless):
    name = os.path.join("no", "folder", "cell_5.py")
    linecache.cache[name] = (len(CELL), None, CELL.splitlines(True), name)
    namespace = {"__name__": "__main__"}
    exec(compile(CELL, name, "exec"), namespace)
    text = traceback_elsewhere(namespace["objective"])
    assert f'File "{name}", line 3, in objective\n    return 1 / y' in text


def test_a_traceback_names_file_and_line_of_a_script(nameless):
    text = traceback_elsewhere(lambda config: 1 / config["x"])
    assert f'File "{__file__}"' in text and '1 / config["x"]' in text


def test_what_is_sent_twice_is_loaded_once():
    payload = Portable(lambda config: json.dumps(config)).payload
    assert load(payload) is load(payload) and load(payload)({"x": 1}) == '{"x": 1}'

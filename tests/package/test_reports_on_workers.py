"""Reports from the tuner's own worker processes."""
import functools
import json
import os
import warnings

import pytest
import reporting_objectives as reporting
from journaled import events
from scripted_trials import Listed
from systems import posix_only
from worker_searches import nothing_is_left_behind  # noqa: F401 - an autouse fixture

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOTuner

PATIENCE = 10
"""Seconds that a trial may take; those that do not hang take a few milliseconds."""


def stopping(objective, n=6, n_workers=2, **others):
    """A tuner on worker processes with rungs 1, 2, 4."""
    scheduler = ASHAScheduler(Listed(n), 2, 1, 4, mode="stopping")
    return HPOTuner(scheduler, objective, n_workers=n_workers, **others)


def reached(search):
    """The last epoch of each trial."""
    return {row["trial_id"]: row["max_epochs"] for row in search.rows}


def check(search, journal):
    """Rows have no gap and no epoch twice; a search from the journal has the same."""
    for trial in reached(search):
        parts = [(row["epoch"], row["max_epochs"]) for row in search.rows
                 if row["trial_id"] == trial]
        assert parts == [(epoch, epoch + 1) for epoch in range(len(parts))]
    again = stopping(reporting.obedient, len(reached(search)), journal=journal)
    again.journal.check = lambda *arguments: None  # the objective has another name
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.run()
    assert again.records.equals(search.records)


@pytest.mark.parametrize("objective", [reporting.obedient, reporting.deaf])
def test_workers_report_and_obey(objective, tmp_path):
    search = stopping(objective, journal=tmp_path / "search.jsonl")
    search.run()
    assert set(reached(search)) == set(range(6)) and reached(search)[5] < 4
    assert set(search.records["worker"]) == {0, 1}
    assert all(row["start"] <= row["end"] for row in search.rows)
    assert (search.records["status"] == "completed").all()
    told = {x: error for x, error, _ in search.scheduler.searcher.told}
    assert search.incumbent_error == min(told.values())
    check(search, tmp_path / "search.jsonl")


def test_a_process_serves_one_trial_after_another():
    search = stopping(reporting.where)
    search.run()
    served = {(row["worker"], row["info"]["process"]) for row in search.rows}
    assert len(served) == 2 < len(reached(search)) and os.getpid() not in dict(served).values()


def test_one_worker_with_a_time_limit_decides_as_this_process():
    there = stopping(reporting.obedient, n_workers=1, trial_timeout=3600)
    here = stopping(reporting.obedient, n_workers=1)
    for search in (there, here):
        search.run()
    same = ["trial_id", "config", "epoch", "max_epochs", "error", "status", "info"]
    assert there.records[same].equals(here.records[same])


@posix_only
@pytest.mark.parametrize("how", ["SIGKILL", "exit 0"])
def test_a_worker_that_dies_after_a_report_loses_none(how, tmp_path):
    objective = functools.partial(reporting.resuming, folder=tmp_path, deadly=(0, 1, 5), how=how,
                                  at=1)
    search = stopping(objective, journal=tmp_path / "search.jsonl",
                      checkpoint_dir=tmp_path / "checkpoints")
    search.run()
    assert set(reached(search)) == set(range(6)) and reached(search)[0] == 4
    assert (search.records["status"] == "completed").all()
    lost = [e["trial_id"] for e in events(tmp_path / "search.jsonl") if e["event"] == "failed"]
    assert 0 in lost and 5 not in lost  # trial 5 had been told to stop: it was over
    check(search, tmp_path / "search.jsonl")


def test_a_trial_that_hangs_between_reports_is_killed_and_tried_again(tmp_path):
    search = stopping(functools.partial(reporting.hanging, folder=tmp_path, hung=(0, 1)), n=3,
                      trial_timeout=PATIENCE, journal=tmp_path / "search.jsonl")
    search.run()
    assert set(reached(search)) == {0, 1, 2}
    assert sum(event["event"] == "failed" for event in events(tmp_path / "search.jsonl")) >= 1
    assert (search.records["status"] == "completed").all()
    check(search, tmp_path / "search.jsonl")


def test_bad_reports_on_workers_fail_their_trials_only(tmp_path):
    script = [[(0.5, 1), (0.25, 0), 0.1], [(0.5, 1), ("low", 2), 0.1], [(0.5, 1), (0.5, 1), 0.5],
              [(0.5, 1), (float("nan"), 2), (0.1, 3), 0.1]]
    search = HPOTuner(BasicScheduler(Listed(6), 4),
                      functools.partial(either, script=script), n_workers=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.run()
    failed = {row["trial_id"]: row["traceback"] for row in search.rows
              if row["status"] == "failed"}
    assert "epoch is 0" in failed[0] and "error is 'low'" in failed[1]
    assert "reported nan at epoch 2" in failed[3]
    assert "another thread or process" in failed[4] and "cannot be sent" in failed[5]
    assert set(failed) == {0, 1, 3, 4, 5}
    assert search.incumbent_error == 0.5


def either(config, max_epochs, report, script):
    """Follow the script; beyond it, report from a thread, then from a child process."""
    if config["x"] == 4:
        return reporting.from_a_thread(config, max_epochs, report)
    if config["x"] == 5:
        return reporting.from_a_child(config, max_epochs, report, method="spawn")
    return reporting.scripted(config, report, script)


def test_an_error_of_the_scheduler_ends_the_search_and_the_workers(tmp_path):
    class Odd(BasicScheduler):
        def report(self, trial, error, epoch, info=None):
            raise LookupError("no such rung")
    search = HPOTuner(Odd(Listed(2), 3), reporting.obedient, n_workers=2,
                      journal=tmp_path / "search.jsonl")
    with pytest.raises(LookupError, match="no such rung"):
        search.run()
    lines = (tmp_path / "search.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "reported"

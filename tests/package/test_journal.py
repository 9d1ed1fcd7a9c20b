"""What a journal holds, and resuming a search from it."""
import datetime
import functools
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor

import checkpointing
import faulty_objectives as faulty
import numpy as np
import pytest
import reporting_objectives as reporting
from journaled import events, tuner
from scripted_curves import Scripted, trial
from interruptions import interrupted
from scripted_trials import Listed
from systems import posix_only

from d2l_hpo import BasicScheduler, HPOTuner, SuccessiveHalvingScheduler, Trial
from d2l_hpo.tuning import Journal, OwnWorkers


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "search.jsonl"


# -- what it holds --------------------------------------------------------------------------------

def test_the_events_of_a_search(journal):
    def objective(config):
        if config["x"] == 1:
            raise KeyError("missing.csv")
        return {"error": 0.5, "loss": 3}
    search = tuner(journal, objective, 2)
    search.run()
    first, *others = events(journal)
    assert first["event"] == "search"
    assert first["scheduler"] == search.scheduler.describe()
    assert first["objective"] == "test_the_events_of_a_search.<locals>.objective"
    assert first["versions"]["numpy"] == np.__version__
    rows = search.rows
    suggestion = {"max_epochs": None, "epoch": 0, "source": None}
    assert others == [
        {"event": "suggested", "trial": {"trial_id": 0, "config": {"x": 0}, **suggestion}},
        {"event": "started", "trial_id": 0, "attempt": 1, "worker": 0, "start": rows[0]["start"],
         "epoch": 0},
        {"event": "finished", "trial_id": 0, "attempt": 1, "worker": 0, "start": rows[0]["start"],
         "epoch": 0, "end": rows[0]["end"], "error": 0.5, "info": {"loss": 3}},
        {"event": "suggested", "trial": {"trial_id": 1, "config": {"x": 1}, **suggestion}},
        {"event": "started", "trial_id": 1, "attempt": 1, "worker": 0, "start": rows[1]["start"],
         "epoch": 0},
        {"event": "failed", "trial_id": 1, "attempt": 1, "worker": 0, "start": rows[1]["start"],
         "epoch": 0, "end": rows[1]["end"], "info": {}, "traceback": rows[1]["traceback"],
         "retry": False},
        {"event": "suggested", "trial": None},
    ]
    assert [path.name for path in journal.parent.iterdir()] == ["search.jsonl"]


def test_every_event_is_written_before_it_is_acted_upon_and_ends_are_on_disk(journal, monkeypatch):
    log, write, fsync = [], os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda descriptor, content: log.append(
        json.loads(bytes(content))["event"]) or write(descriptor, content))
    monkeypatch.setattr(os, "fsync", lambda *arguments: log.append("fsync") or fsync(*arguments))
    scheduler = Scripted(trial(0), trial(1))
    scheduler.log = log
    scheduler.describe = dict
    HPOTuner(scheduler, lambda config: log.append("objective") or 0.5, journal=journal).run(2)
    assert log == ["fsync", "search", "fsync",
                   "suggest 0", "suggested", "started", "objective", "finished", "update 0",
                   "suggest 1", "suggested", "started", "fsync", "objective", "finished",
                   "update 1", "fsync"]


class Disk:
    """Knows how much of a journal would be left if the machine failed."""

    def __init__(self, monkeypatch, journal):
        self.journal, self.safe, self.waits = journal, b"", 0
        self.fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.sync)

    def sync(self, descriptor):
        self.fsync(descriptor)
        if os.fstat(descriptor).st_ino == self.journal.stat().st_ino:
            self.safe, self.waits = self.journal.read_bytes(), self.waits + 1

    def events(self, content=None):
        lines = (self.safe if content is None else content).splitlines()
        return [json.loads(line) for line in lines]

    def lost(self):
        """What is written and would be lost."""
        return self.events(self.journal.read_bytes()[len(self.safe):])


def test_if_the_machine_fails_no_trial_that_ended_before_another_is_lost(journal, monkeypatch):
    disk, states = Disk(monkeypatch, journal), []

    def objective(config):
        assert {event["event"] for event in disk.lost()} <= {"suggested", "started"}
        states.append(disk.safe)
        return config["x"] / 10
    def undisturbed(config):
        return config["x"] / 10
    undisturbed.__qualname__ = objective.__qualname__
    tuner(journal, objective, 6).run()
    assert disk.safe == journal.read_bytes() and disk.waits == 1 + 5 + 1
    for number, state in enumerate(states):
        journal.write_bytes(state)
        search = tuner(journal, undisturbed, 6)
        search.run()
        assert len(disk.events(state)) == (3 + 3 * number if number else 1)
        assert search.incumbent == {"x": 0}
        assert search.records["error"].tolist() == [x / 10 for x in range(6)]


def test_workers_wait_for_the_disk_once_a_trial_and_reports_never(tmp_path, monkeypatch):
    journal = tmp_path / "search.jsonl"
    disk, kept = Disk(monkeypatch, journal), OwnWorkers.wait

    def wait(workers, futures):
        assert {event["event"] for event in disk.lost()} <= {"suggested", "started", "reported"}
        return kept(workers, futures)
    monkeypatch.setattr(OwnWorkers, "wait", wait)
    scheduler = BasicScheduler(Listed(4), 5)
    HPOTuner(scheduler, reporting.obedient, journal=journal, n_workers=2).run()
    kinds = [event["event"] for event in disk.events()]
    assert kinds.count("reported") == 20 and kinds.count("finished") == 4
    assert 3 <= disk.waits <= 1 + 4 + 1


def test_with_checkpoints_the_disk_knows_of_every_file_and_removal(tmp_path, monkeypatch):
    journal, folder = tmp_path / "search.jsonl", tmp_path / "checkpoints"
    disk, unlink, removed = Disk(monkeypatch, journal), os.unlink, []

    def watched(path, **others):
        if str(path).endswith(".pt"):
            assert {event["event"] for event in disk.lost()} <= {"suggested"}  # it follows again
            removed.append(path)
        unlink(path, **others)
    monkeypatch.setattr(os, "unlink", watched)

    def objective(config, max_epochs, checkpoint):
        assert disk.lost() == []
        checkpoint.touch()
        return config["x"] / max_epochs
    scheduler = SuccessiveHalvingScheduler(Listed(9), 3, 1, 9, rounds=1)
    HPOTuner(scheduler, objective, journal=journal, checkpoint_dir=folder).run()
    assert len(removed) == 8 and disk.safe == journal.read_bytes()


def test_with_checkpoints_a_report_is_on_disk_before_its_decision(tmp_path, monkeypatch):
    journal = tmp_path / "search.jsonl"
    disk = Disk(monkeypatch, journal)

    def objective(config, max_epochs, report, checkpoint):
        for epoch in range(1, max_epochs + 1):
            checkpoint.touch()
            report(config["x"], epoch)
            assert disk.events()[-1]["reached"] == epoch and disk.lost() == []
    HPOTuner(BasicScheduler(Listed(2), 3), objective, journal=journal,
             checkpoint_dir=tmp_path / "checkpoints").run()
    assert disk.waits >= 6


VALUES = {"nan": math.nan, "inf": -math.inf, "float32": np.float32(0.1), "int": np.int64(2**62),
          "bool": np.bool_(True), "array": np.array([[1.5, np.nan]]), "zero_d": np.array(7),
          "tuple": (1, (2,)), "nested": {"a": [None, True, "\u00e4\n"]}, 3: "key", "big": 10**30,
          "float": 0.1 + 0.2, "text": np.str_("a")}
PLAIN = {"nan": math.nan, "inf": -math.inf, "float32": float(np.float32(0.1)), "int": 2**62,
         "bool": True, "array": [[1.5, math.nan]], "zero_d": 7, "tuple": [1, [2]],
         "nested": {"a": [None, True, "\u00e4\n"]}, "3": "key", "big": 10**30, "float": 0.1 + 0.2,
         "text": "a"}


def test_values_of_all_kinds_survive_as_plain_values(journal):
    def objective(config):
        return {"error": np.float32(0.5), **VALUES}
    first = tuner(journal, objective, 1)
    first.run()
    second = tuner(journal, objective, 1)
    second.run()
    for search in (first, second):
        info = search.records["info"][0]
        assert repr(info) == repr(PLAIN)
        assert repr(search.scheduler.searcher.told) == repr([(0, 0.5, {**PLAIN, "epoch": None})])


def test_what_cannot_be_stored_is_named_and_kept_as_text(journal):
    day = datetime.date(2026, 11, 22)

    def objective(config):
        return {"error": 0.5, "runs": [{"day": day}], "note": "a"}
    with pytest.warns(UserWarning, match=r"info\['runs'\]\[0\]\['day'\] is a date, which"):
        first = tuner(journal, objective, 1)
        first.run()
    second = tuner(journal, objective, 1)
    second.run()
    for search in (first, second):
        assert search.records["info"][0] == {"runs": [{"day": repr(day)}], "note": "a"}


def test_an_info_without_end_is_a_failure(journal):
    endless = []
    endless.append(endless)
    search = tuner(journal, lambda config: {"error": 0.5, "endless": endless}, 2)
    with pytest.warns(UserWarning, match="no trial succeeded"):
        search.run()
    assert list(search.records["status"]) == ["failed", "failed"]
    assert "is nested more than 100 levels deep" in search.records["traceback"][0]


def test_an_info_may_be_as_deep_as_a_journal_can_hold(journal):
    nested = {"a": 0}
    for _ in range(97):
        nested = {"a": nested}
    search = tuner(journal, lambda config: {"error": 0.5, "nested": nested}, 1)
    search.run()
    assert search.records["info"][0] == {"nested": nested}
    nested["b"] = [nested["a"]]
    deeper = tuner(journal.with_suffix(".deeper"), lambda config: {
        "error": 0.5, "nested": {"a": {"a": nested}}}, 1)
    with pytest.warns(UserWarning, match="no trial succeeded"):
        deeper.run()


def test_a_configuration_that_cannot_be_stored_is_an_error(journal):
    scheduler = Scripted(Trial(0, {"x": datetime.date(2026, 11, 22)}))
    scheduler.describe = dict
    search = HPOTuner(scheduler, faulty.identity, journal=journal)
    with pytest.raises(TypeError, match=r"\['config'\]\['x'\] is a date, which a journal cannot"):
        search.run()
    with pytest.raises(RuntimeError, match="no longer in step .*fresh scheduler"):
        search.run()


def test_a_journal_needs_no_tuner(journal):
    with Journal(journal) as kept:
        assert list(kept.events()) == []
        kept.begin(BasicScheduler(Listed(3)), faulty.identity)
        kept.write({"event": "suggested", "trial": None})
    with Journal(journal) as again:
        assert [event["event"] for _, event in again.events()] == ["search", "suggested"]
        assert again.lines == 2


# -- resuming -------------------------------------------------------------------------------------

def test_resuming_equals_not_stopping(tmp_path):
    (tmp_path / "straight").mkdir()
    (tmp_path / "resumed").mkdir()
    straight = checkpointing.tuner(tmp_path / "straight")
    straight.run(number_of_trials=12)
    for number in (1, 2, 2, 5, 9, 12):
        resumed = checkpointing.tuner(tmp_path / "resumed")
        resumed.run(number_of_trials=number)
        assert len(resumed.books.reported) == number
    assert checkpointing.outcome(resumed) == checkpointing.outcome(straight)
    assert (straight.records["status"] == "failed").any() and straight.records["epoch"].max() == 2
    assert resumed.incumbent_trajectory == straight.incumbent_trajectory
    assert resumed.incumbent_error == straight.incumbent_error
    assert list(resumed.records["end"]) == resumed.cumulative_runtime \
        == sorted(resumed.cumulative_runtime)
    assert (resumed.records["start"].iloc[1:].array >= resumed.records["end"].iloc[:-1].array).all()


def test_a_replayed_search_has_the_same_records_to_the_last_digit(tmp_path):
    first = checkpointing.tuner(tmp_path)
    first.run(number_of_trials=12)
    again = checkpointing.tuner(tmp_path)
    before = (tmp_path / "search.jsonl").read_bytes()
    again.run(number_of_trials=12)
    assert again.records.to_json(default_handler=str) == first.records.to_json(default_handler=str)
    assert (again.incumbent, again.incumbent_error, again.incumbent_trajectory,
            again.cumulative_runtime) == (first.incumbent, first.incumbent_error,
                                          first.incumbent_trajectory, first.cumulative_runtime)
    assert (tmp_path / "search.jsonl").read_bytes() == before


def test_two_tuners_may_take_turns(journal):
    one, two = tuner(journal), tuner(journal)
    for number, search in enumerate((one, two, two, one, two), 1):
        search.run(number_of_trials=number)
        assert list(search.records["trial_id"]) == list(range(number))
    one.run()
    two.run()
    assert one.records.equals(two.records)
    assert one.scheduler.searcher.told == two.scheduler.searcher.told


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (3, 3)])
def test_a_search_may_go_on_with_another_number_of_workers(journal, before, after):
    with ThreadPoolExecutor(3) as executor:
        def search(n_workers):
            return tuner(journal, n=20, n_workers=n_workers,
                         executor=executor if n_workers > 1 else None)
        search(before).run(number_of_trials=9)
        last = search(after)
        last.run()
    assert sorted(last.records["trial_id"]) == list(range(20))
    assert sorted(x for x, _, _ in last.scheduler.searcher.told) == list(range(20))
    assert (last.records["attempt"] == 1).all()


def test_trials_that_ctrl_c_interrupted_run_first_after_resuming(journal):
    results = [0.5, KeyboardInterrupt(), 0.25]

    def objective(config):
        if isinstance(results[config["x"]], BaseException):
            raise results[config["x"]]
        return results[config["x"]]
    interrupted(tuner(journal, objective, 3))
    results[1] = 0.75
    search = tuner(journal, objective, 3)
    search.run()
    assert list(search.records["error"]) == [0.5, 0.75, 0.25]
    assert [event["event"] for event in events(journal)[1:]] == [
        "suggested", "started", "finished", "suggested", "started", "started", "finished",
        "suggested", "started", "finished", "suggested"]


@posix_only
def test_attempts_are_counted_on_after_resuming(journal, tmp_path):
    objective = functools.partial(faulty.dying, folder=tmp_path, how="SIGKILL", times=3)
    search = tuner(journal, objective, 3, n_workers=2, max_retries=5)
    log = search.log

    def stopping(event, **values):
        log(event, **values)
        if event == "failed" and values["attempt"] == 2:
            raise KeyboardInterrupt
    search.log = stopping
    interrupted(search)
    assert 1 not in search.books.reported
    again = tuner(journal, objective, 3, n_workers=2, max_retries=3)
    again.run()
    assert again.records.set_index("trial_id")["attempt"][1] == 4
    assert (again.records["status"] == "completed").all()


def test_the_time_goes_on_where_the_journal_ended(journal):
    tuner(journal).run(number_of_trials=2)
    lines = journal.read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    last["end"] = 1e6
    journal.write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n", encoding="utf-8")
    search = tuner(journal)
    search.run(number_of_trials=3)
    assert search.cumulative_runtime[1] == 1e6 <= search.records["start"][2] < 2e6
    search.run(max_wallclock_time=1e6)
    assert len(search.records) == 3


# -- checkpoints ----------------------------------------------------------------------------------

def test_checkpoints_of_the_journals_search_are_taken_up(tmp_path):
    (tmp_path / "straight").mkdir()
    straight = checkpointing.tuner(tmp_path / "straight")
    for number in (4, 5):
        checkpointing.tuner(tmp_path).run(number_of_trials=number)
        straight.run(number_of_trials=number)
        assert checkpointing.files(checkpointing.tuner(tmp_path)) == checkpointing.files(straight)
    assert checkpointing.files(straight)


@pytest.mark.parametrize("is_new", [True, False])
def test_checkpoints_of_another_search_are_refused(tmp_path, is_new):
    search = checkpointing.tuner(tmp_path)
    if not is_new:
        search.run(number_of_trials=2)
    (tmp_path / "checkpoints" / "trial_7.pt").touch()
    with pytest.raises(FileExistsError, match="trial_7.pt is of another search"):
        checkpointing.tuner(tmp_path).run(number_of_trials=4)

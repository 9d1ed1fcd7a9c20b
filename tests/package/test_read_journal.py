"""A journal read as a search: what the tuner knew, while it runs and afterwards; damage."""
import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import faulty_objectives as faulty
import pytest
import reporting_objectives as reporting
from journaled import PATHS, tuner
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, BatchScheduler, ConstrainedSearcher, FoldScheduler, HPOTuner,
    HyperbandScheduler, MedianStoppingScheduler, RandomSearcher, categorical, read_journal, when,
)
from d2l_hpo.tuning import Journal, described_score, follow, is_in_use, spell_event, summarize
from d2l_hpo.tuning.journal import FIELDS

SPACE = {"x": stats.uniform(0, 1), "kind": categorical(["a", "b\x1b[2J", None]),
         "depth": when(lambda config: config["kind"] == "a", stats.randint(1, 5))}


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "search.jsonl"


def numbers(config, max_epochs=1):
    """Fails for some configurations; the best errors use too much memory."""
    if 0.3 < config["x"] < 0.4:
        raise ValueError("between\x07")
    return {"error": config["x"] / max_epochs, "memory": 2 - config["x"]}


def basic():
    return BasicScheduler(RandomSearcher(SPACE, seed=1))


def constrained():
    return BasicScheduler(ConstrainedSearcher(SPACE, limits={"memory": 1.5}, initial_points=30))


SCHEDULERS = {
    "basic": basic,
    "hyperband": lambda: HyperbandScheduler(RandomSearcher(SPACE), eta=2, r_min=1, r_max=4),
    "folds": lambda: FoldScheduler(RandomSearcher(SPACE), folds=3),
    "limits": constrained,
    "limits inside": lambda: BatchScheduler(constrained(), 3),
}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_journal_says_what_the_tuner_knows(journal, kind, workers):
    with ThreadPoolExecutor(workers) as executor:
        search = HPOTuner(SCHEDULERS[kind](), numbers, executor, journal, workers)
        search.run(number_of_trials=25)
    before = journal.read_bytes()
    read = read_journal(journal)
    assert read.records.equals(search.records) and (read.records["status"] == "failed").any()
    assert read.incumbent == search.incumbent and read.incumbent is not None
    assert read.incumbent_trajectory == search.incumbent_trajectory
    assert (read.incumbent_error, read.incumbent_trial) == (search.incumbent_error,
                                                            search.incumbent_trial)
    assert read.description == search.scheduler.describe()
    assert read.objective == "numbers" and not read.running and not read.is_running
    assert journal.read_bytes() == before and len([*journal.parent.iterdir()]) == 1


def test_every_prefix_of_a_running_search_can_be_read(journal):
    tuner(journal, faulty.raising, 4).run()
    content = journal.read_bytes()
    growing = journal.with_name("growing.jsonl")
    growing.touch()
    followed, seen = read_journal(growing), 0
    for size in range(0, len(content) + 1, 7):
        growing.write_bytes(content[:size])
        seen += followed.update()
        read = read_journal(growing)
        assert seen == read.reader.lines == content[:size].count(b"\n")
        assert followed.records.equals(read.records)
        assert growing.read_bytes() == content[:size]
        summarize(read)
    growing.write_bytes(content)
    followed.update()
    assert list(followed.records["status"]) == ["completed", "failed", "failed", "failed"]
    assert followed.is_exhausted


def test_what_runs_is_known_and_who_runs_it(journal):
    def objective(config):
        read = read_journal(journal)
        assert read.is_running and list(read.running) == [config["x"]]
        assert len(read.records) == config["x"]
        text = summarize(read)
        assert "search.jsonl: running" in text and "1 at work" in text
        return config["x"]
    search = tuner(journal, objective, 3)
    search.run()
    assert list(search.records["status"]) == ["completed"] * 3
    assert not read_journal(journal).is_running


KILLED = """
import os, signal, sys
from pathlib import Path
from journaled import tuner

def objective(config):
    if config["x"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return config["x"]

tuner(Path(sys.argv[1]), objective).run()
"""


def test_a_killed_search_is_not_running(journal):
    subprocess.run([sys.executable, "-c", KILLED, journal], env=PATHS, check=False,
                   capture_output=True)
    read = read_journal(journal)
    assert journal.with_name("search.jsonl.lock").exists() and not read.is_running
    assert list(read.running) == [2] and "1 interrupted" in summarize(read)


def test_asking_whether_a_journal_is_in_use_does_not_hinder_its_tuner(journal):
    search = tuner(journal)
    search.journal.lock.acquire()
    assert is_in_use(journal)
    search.journal.lock.release()
    assert not is_in_use(journal)
    search.run(number_of_trials=2)
    assert len(search.records) == 2


def test_attempts_that_are_tried_again_are_read(tmp_path, journal):
    attempt = {"trial_id": 0, "worker": 1, "start": 0.5, "epoch": 0}
    trial = {"trial_id": 0, "config": {}, "max_epochs": 3, "epoch": 0, "source": None}
    write(journal, SEARCH, {"event": "suggested", "trial": trial},
          {"event": "started", "attempt": 1, **attempt},
          {"event": "failed", "attempt": 1, **attempt, "end": 2.0, "info": {}, "retry": True,
           "traceback": "lost"},
          {"event": "started", "attempt": 2, **attempt})
    read = read_journal(journal)
    assert read.records.empty and read.running[0].number == 2


REPORTING = {
    "basic": lambda: BasicScheduler(RandomSearcher(SPACE, seed=1), max_epochs=4),
    "any epochs": basic,
    "stopping": lambda: ASHAScheduler(RandomSearcher(SPACE), 2, 1, 4, mode="stopping"),
    "hyperband": lambda: HyperbandScheduler(RandomSearcher(SPACE), eta=2, r_min=1, r_max=4),
    "median": lambda: MedianStoppingScheduler(RandomSearcher(SPACE), max_epochs=4),
}


@pytest.mark.filterwarnings("ignore:trial")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", REPORTING)
def test_a_search_whose_objective_reports_is_read_as_the_tuner_knows_it(journal, kind, workers):
    search = HPOTuner(REPORTING[kind](), reporting.early, journal=journal, n_workers=workers)
    search.run(number_of_trials=40)
    read = read_journal(journal)
    assert read.records.equals(search.records)
    assert (read.records["status"] == "failed").any() and len(read.records) > 50
    assert read.incumbent == search.incumbent and not read.running
    assert read.incumbent_trajectory == search.incumbent_trajectory
    assert read.books.best_by_trials == search.books.best_by_trials
    assert str(read.books.curves) == str(search.books.curves)  # as text nan equals nan
    again = HPOTuner(REPORTING[kind](), reporting.early, journal=journal)
    again.run(number_of_trials=40)
    assert again.records.equals(search.records)
    assert "reported error" in " ".join(map(spell_event, read.last_events))
    size = len(content := journal.read_bytes())
    for part in range(0, size, size // 50):
        journal.write_bytes(content[:part])
        summarize(read_journal(journal))


def test_a_trial_that_ends_with_a_report_it_has_not_made_is_an_error(journal):
    write(journal, SEARCH, {"event": "suggested", "trial": TRIAL}, STARTED | {"last_epoch": 3},
          FINISHED | {"last_epoch": 3, "stopped_at": 2})
    with pytest.raises(ValueError, match="line 4: trial 0 ends with a report of epoch 2 that"):
        read_journal(journal)


def test_a_warm_start_and_a_rule_that_ended_the_search_are_read(journal):
    write(journal, SEARCH, {"event": "known", "trials": [{}, {}]},
          {"event": "stopped", "rule": "Patience"})
    read = read_journal(journal)
    assert read.books.is_informed and read.books.ended_by == "Patience"
    text = summarize(read)
    assert "2 trials of an earlier search" in text and "the rule Patience ended" in text


# -- bad files ------------------------------------------------------------------------------------

SEARCH = {"event": "search", "scheduler": {}, "objective": "f", "versions": {}}
TRIAL = {"trial_id": 0, "config": {"x": 1}, "max_epochs": None, "epoch": 0, "source": None}
STARTED = {"event": "started", "trial_id": 0, "attempt": 1, "worker": 0, "start": 0.0, "epoch": 0}
FINISHED = STARTED | {"event": "finished", "end": 1.0, "error": 0.5, "info": {}}


def write(path, *events):
    path.write_text("".join(json.dumps(event) + "\n" for event in events))


def test_a_missing_file_is_an_error_and_none_is_made(journal):
    with pytest.raises(FileNotFoundError):
        read_journal(journal)
    assert not [*journal.parent.iterdir()]


@pytest.mark.parametrize("content", [b"x", b"hello\n", b"\x00\xff" * 50, b"{}\n", b"[1, 2]\n",
                                     b'{"event": "started"}\n', b"%PDF-1.4", b"a,b\n1,2\n"])
def test_another_file_is_no_journal(journal, content):
    journal.write_bytes(content)
    with pytest.raises(ValueError, match="search.jsonl.*(no journal|line 1)"):
        read_journal(journal)
    assert journal.read_bytes() == content


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("damage", [b"garbage", b"", b"{}", b"null", b'{"event": "started"}'])
def test_damage_in_the_middle_names_its_line(journal, number, damage):
    tuner(journal).run(number_of_trials=2)
    lines = journal.read_bytes().splitlines()
    lines[number - 1] = damage
    journal.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(ValueError, match=f"line {number}[: ].*restore the file"):
        read_journal(journal)


def wrong_values():
    """Events with one field of another kind."""
    for event in (SEARCH, FINISHED):
        for name in sorted(FIELDS[event["event"]]):
            for value in ("text", True, [1]):
                if not (name == "objective" and value == "text"):
                    yield event["event"], name, value
    for name in TRIAL:
        yield "suggested", name, "text"


@pytest.mark.parametrize(("kind", "name", "value"), [*wrong_values()])
def test_a_field_of_another_kind_names_its_line_and_changes_nothing(journal, kind, name, value):
    events = {"search": SEARCH, "suggested": {"event": "suggested", "trial": dict(TRIAL)},
              "started": STARTED, "finished": FINISHED}
    write(journal, *list(events.values())[:list(events).index(kind)])
    read = read_journal(journal)
    changed = dict(events[kind])
    if kind == "suggested":
        changed["trial"] = TRIAL | {name: value}
    else:
        changed[name] = value
    with open(journal, "a", encoding="utf-8") as file:
        file.write(json.dumps(changed) + "\n")
    before = read.books.jobs, read.books.pending, read.reader.lines
    for _ in range(2):
        with pytest.raises(ValueError, match=f"line {list(events).index(kind) + 1}: {name} is "):
            read.update()
        assert (read.books.jobs, read.books.pending, read.reader.lines) == before


@pytest.mark.parametrize("trial", [{}, TRIAL | {"more": 1}])
def test_a_trial_with_other_fields_is_an_error(journal, trial):
    write(journal, SEARCH, {"event": "suggested", "trial": trial})
    with pytest.raises(ValueError, match="line 2: a trial has the fields"):
        read_journal(journal)


@pytest.mark.parametrize("events", [(SEARCH, STARTED), (SEARCH, FINISHED)])
def test_a_trial_that_nobody_suggested_is_an_error(journal, events):
    write(journal, *events)
    with pytest.raises(ValueError, match="line 2: trial 0 .* before it was suggested"):
        read_journal(journal)


def test_a_journal_that_becomes_shorter_is_noticed(journal):
    tuner(journal).run(number_of_trials=2)
    read = read_journal(journal)
    os.truncate(journal, journal.stat().st_size - 1)
    with pytest.raises(ValueError, match="has become shorter.*read it from the beginning"):
        read.update()


def test_a_number_that_a_limit_needs_is_missing():
    settings = {"settings": {"scheduler": {"settings": {"limits": {"memory": 2}}}}}
    assert described_score(settings, 1, 0.5, {"memory": 1}) == 0.5
    for info in ({}, {"memory": "much"}, {"memory": 2}, {"memory": math.nan}):
        assert described_score(settings, 1, 0.5, info) == math.inf
    settings = {"settings": {"limits": {"error": 0.5}}}  # the error itself may have a limit
    assert described_score(settings, 1, 0.25, {}) == 0.25
    assert described_score(settings, 1, 0.5, {}) == math.inf


# -- as text --------------------------------------------------------------------------------------

def test_a_summary_says_what_matters_and_no_control_character_gets_through(journal):
    search = HPOTuner(basic(), numbers, journal=journal)
    search.run(number_of_trials=25)
    text = summarize(read_journal(journal))
    assert f"Incumbent: trial {search.incumbent_trial}, error {search.incumbent_error:.6g}" in text
    failed = (search.records["status"] == "failed").sum()
    assert f"25 suggested, 25 reported, {failed} failed, 0 interrupted" in text
    assert r"'b\x1b[2J'" in text
    assert all(c.isprintable() for line in text.split("\n") for c in line)


def test_following_writes_each_event_once_and_ends_with_the_search(journal):
    lines, waits = [], []
    source = journal.with_name("source.jsonl")
    tuner(source, faulty.raising, 3).run()
    content = source.read_bytes()
    journal.touch()
    with Journal(journal):
        search = read_journal(journal)

        def grow():
            waits.append(len(waits))
            with open(journal, "ab") as file:
                file.write(content[50 * (len(waits) - 1):50 * len(waits)])
            if 50 * len(waits) > len(content):
                raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            follow(search, lines.append, grow)
    follow(search, lines.append, lambda: None)
    assert len(lines) == content.count(b"\n") and lines[0] == "the search began"
    assert any("trial 1 failed: KeyError: 'missing.csv'" in line for line in lines)
    assert lines[-1] == "the scheduler had no trial"

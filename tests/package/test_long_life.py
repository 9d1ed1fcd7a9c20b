"""What a long search costs: a journal is read line by line, and nothing is looked through again."""
import json
import tracemalloc
from pathlib import Path

import pytest
from every_method import make_scheduler
from operations import operations
from random_cluster import Numbered

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOTuner, read_journal
from d2l_hpo.pages.pictures import learning_curves
from d2l_hpo.pages.trials import SearchPicture, TrialRow
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tuning import records
from d2l_hpo.tuning.journal import EventReader
from d2l_hpo.tuning.outcomes import Outcome, judge
from d2l_hpo.tuning.records import Attempt, Books
from d2l_hpo.tuning.sources import view_search
from d2l_hpo.tuning.summary import follow, spell_event


@pytest.fixture
def journal(tmp_path):
    """The journal of 100 trials, each with many numbers."""
    def objective(config):
        return {"error": float(config["x"]), **{f"loss_{i}": i / 7 for i in range(200)}}
    path = tmp_path / "search.jsonl"
    HPOTuner(BasicScheduler(Numbered()), objective, journal=path).run(number_of_trials=100)
    return path


# -- journals -------------------------------------------------------------------------------------

def test_a_journal_is_read_line_by_line(journal):
    reader, longest = EventReader(journal), max(map(len, journal.read_bytes().splitlines()))
    names = [name for _, event in EventReader(journal).events() for name in event.get("info", ())]
    assert len(names) == 200 * 100
    tracemalloc.start()  # the table of names has grown
    try:
        number = sum(1 for _ in reader.events())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == reader.lines == 301 and reader.size == journal.stat().st_size
    assert peak < journal.stat().st_size / 2 and peak < 30 * longest


def test_names_of_numbers_are_in_memory_once(journal):
    rows = read_journal(journal).books.jobs
    assert all(a is b for a, b in zip(rows[0].info, rows[-1].info, strict=True))
    again = HPOTuner(BasicScheduler(Numbered()), lambda config: 0, journal=journal)
    again.objective.__qualname__ = read_journal(journal).objective
    again.run(number_of_trials=100)
    assert all(a is b for a, b in zip(again.books.jobs[0].info, rows[0].info, strict=True))


def test_names_of_results_that_were_sent_are_in_memory_once():
    first, second = (judge(json.loads('{"error": 0.5, "the loss of a class": 1}')).info
                     for _ in range(2))
    assert next(iter(first)) is next(iter(second))


def test_a_reader_keeps_the_last_events_and_a_follower_sees_all(journal):
    content, read = journal.read_bytes(), None
    journal.write_bytes(b"".join(content.splitlines(keepends=True)[:1]))
    read = read_journal(journal)
    journal.write_bytes(content)
    lines = []
    follow(read, lines.append, lambda: None)
    assert len(lines) == 300 and not read.last_events
    whole = read_journal(journal)
    assert [*map(spell_event, whole.last_events)] == lines[-5:]


def test_what_is_written_while_a_journal_is_read_is_for_the_next_time(journal):
    reader = EventReader(journal)
    line = journal.read_bytes().splitlines(keepends=True)[-1]
    for _ in reader.events():
        with open(journal, "ab") as file:
            file.write(line)
    assert reader.lines == 301 and sum(1 for _ in reader.events()) == 301


# -- books and pages ------------------------------------------------------------------------------

def reporting_books(trials, epochs):
    """Books of trials that report each epoch."""
    books = Books()
    for name in range(trials):
        running = Attempt(Trial(name, {"x": name}), 1, 0, 0.0, 0, can_report=True)
        for epoch in range(1, epochs + 1):
            books.report(running, Outcome(1 / (epoch + name), {}), epoch, float(epoch), 1.0)
    return books


def test_a_trial_has_one_curve_whatever_it_reports(monkeypatch):
    made = []
    curve = records.SortedDict
    monkeypatch.setattr(records, "SortedDict", lambda: made.append(curve()) or made[-1])
    assert reporting_books(3, 20).curves == dict(enumerate(made)) and len(made) == 3


def test_a_page_looks_through_the_jobs_of_a_trial_once():
    row = TrialRow(0, {}, reporting_books(1, 5).jobs)
    assert row.reports is row.reports and row.reporting is row.jobs[-1]
    assert (row.error, row.epochs) == (1 / 5, 5)


def test_learning_curves_cost_in_proportion_to_the_reports():
    def drawing(epochs):
        books = reporting_books(20, epochs)
        search = HPOTuner(BasicScheduler(Numbered()), lambda config, report: None)
        search.books = books
        picture = SearchPicture(view_search(search))
        return lambda: learning_curves(picture)
    operations(drawing(5))  # what is loaded at first
    assert operations(drawing(800)) < 1.5 * 8 * operations(drawing(100))


# -- checkpoints ----------------------------------------------------------------------------------

def test_trials_that_end_do_not_look_through_a_folder_that_grows(tmp_path, monkeypatch):
    entries = []
    iterdir = Path.iterdir

    def listing(self):
        for path in iterdir(self):
            entries.append(path)
            yield path
    monkeypatch.setattr(Path, "iterdir", listing)

    def saving(config, checkpoint):
        checkpoint.write_text("weights", encoding="utf-8")
        return 1 + float(config["x"] * 7 % 11) if config["x"] else 0.0  # the first one is the best
    looked = []
    for number in (150, 600):
        folder = tmp_path / str(number)
        search = HPOTuner(ASHAScheduler(Numbered(), 3, 1, 9), saving, checkpoint_dir=folder)
        with pytest.warns(UserWarning, match="a trial goes on"):
            search.run(number_of_trials=number)
        looked.append(len(entries))
        entries.clear()
        over = {name for name, level in enumerate(search.scheduler.reports) if level == 3}
        left = {int(path.stem.split("_")[1]) for path in folder.iterdir()}
        assert len(over) > number / 12 and not left & (over - {search.incumbent_trial})
        entries.clear()
    assert looked[1] < 6 * looked[0]


def test_what_ended_trials_left_half_written_is_gone_when_the_search_ends(tmp_path):
    def saving(config, checkpoint):
        checkpoint.with_name(checkpoint.name + ".partial").touch()
        checkpoint.touch()
        return float(config["x"])
    search = HPOTuner(make_scheduler(ASHAScheduler, Numbered()), saving, checkpoint_dir=tmp_path)
    with pytest.warns(UserWarning, match="a trial goes on"):
        search.run(number_of_trials=120)
    names = {path.name for path in tmp_path.iterdir()}
    whole = {name for name in names if name.endswith(".pt")}
    assert names - whole == {name + ".partial" for name in whole} and 30 < len(whole) < 120

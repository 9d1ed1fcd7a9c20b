"""Checkpoints come and go: dead trials lose theirs, and a trial whose own vanished begins anew."""
import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interruptions import interrupted
from random_cluster import Numbered, ask, drive
from scripted_curves import Scripted, basic, trial

from d2l_hpo import BatchScheduler, HPOTuner, read_journal
from d2l_hpo.schedulers.asha import ASHAScheduler
from d2l_hpo.schedulers.hyperband import HyperbandScheduler, SuccessiveHalvingScheduler
from d2l_hpo.tuning import locks

# -- schedulers say which trials never go on ------------------------------------------------------

ALL = pytest.mark.parametrize("make", [
    functools.partial(SuccessiveHalvingScheduler, eta=3, r_min=1, r_max=9, rounds=2),
    functools.partial(HyperbandScheduler, eta=2, r_min=1, r_max=7, rounds=2),
    functools.partial(ASHAScheduler, eta=2, r_min=1, r_max=9),
    functools.partial(ASHAScheduler, eta=3, r_min=1, r_max=9, mode="stopping", brackets=2),
])


@ALL
@settings(max_examples=40, deadline=None)
@given(workers=st.integers(1, 7), failures=st.sampled_from([0, 0.2, 0.8]), seed=st.integers(0, 99))
def test_a_trial_that_ended_never_goes_on_and_ends_once(make, workers, failures, seed):
    scheduler, dead = make(Numbered(60)), []
    suggest = scheduler.suggest

    def watched():
        job = suggest()
        assert job is None or job.trial_id not in dead
        dead.extend(scheduler.ended())
        assert job is None or job.trial_id not in dead
        return job
    scheduler.suggest = watched
    log = drive(scheduler, np.random.default_rng(seed), workers, failures=failures)
    dead.extend(scheduler.ended())
    assert len(dead) == len(set(dead)) and set(dead) <= {entry[1].trial_id for entry in log}
    if not isinstance(scheduler, ASHAScheduler) or scheduler.mode == "stopping":
        assert set(dead) == {entry[1].trial_id for entry in log}  # the search is over


def test_successive_halving_drops_a_rung_when_it_closes():
    scheduler = SuccessiveHalvingScheduler(Numbered(), 3, 1, 3, n=6, rounds=1)
    for job in ask(scheduler, 6):
        scheduler.update(job, np.nan if job.trial_id == 4 else job.trial_id)
    assert scheduler.ended() == [4]
    first, second = ask(scheduler, 2)
    assert (first.trial_id, second.trial_id) == (0, 1) and scheduler.ended() == [2, 3, 5]
    scheduler.update(second, 0.5)
    assert scheduler.ended() == [1] and scheduler.ended() == []


def test_asha_by_promotion_keeps_whoever_may_still_be_promoted():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 2)
    for job, error in zip(ask(scheduler, 3), [0.1, 0.9, np.nan], strict=True):
        scheduler.update(job, error)
    assert scheduler.ended() == [2]
    scheduler.update(scheduler.suggest(), 0.05)
    assert scheduler.ended() == [0]


def test_asha_by_stopping_drops_at_once():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 2, mode="stopping")
    for job, error in zip(ask(scheduler, 3), [0.1, 0.8, 0.9], strict=True):
        scheduler.update(job, error)
    assert scheduler.ended() == [2]


def test_others_name_nobody_and_a_batch_asks_the_scheduler_inside():
    plain = basic(1)
    plain.update(plain.suggest(), 0.5)
    assert plain.ended() == []
    batch = BatchScheduler(SuccessiveHalvingScheduler(Numbered(), 3, 1, 1, rounds=1), 2)
    batch.update(batch.suggest(), 0.5)
    assert batch.ended() == [0]


# -- the tuner removes files ----------------------------------------------------------------------

LOCK = ".search.lock"
ERRORS = [0.5, 0.1, 0.7, 0.3, 0.9, 0.2, 0.8, 0.6, 0.4]


def counting(config, max_epochs, checkpoint, trained=None):
    """Count epochs in a file; the error is that of the configuration, a little less each epoch."""
    done = int(Path(checkpoint).read_text(encoding="utf-8")) if Path(checkpoint).exists() else 0
    if trained is not None:
        names = sorted(path.name for path in Path(checkpoint).parent.glob("*.pt"))
        trained.append((config["x"], done, max_epochs, names))
    Path(checkpoint).write_text(str(max_epochs), encoding="utf-8")
    return ERRORS[config["x"] % 9] - max_epochs / 1000


def searching(folder, trained=None, scheduler=None, **others):
    scheduler = scheduler or SuccessiveHalvingScheduler(Numbered(), 3, 1, 9, rounds=1)
    return HPOTuner(scheduler, functools.partial(counting, trained=trained),
                    checkpoint_dir=folder / "checkpoints", **others)


def names(*numbers):
    return [f"trial_{number}.pt" for number in numbers]


def files(search):
    """Return the names of the files in a search's folder, but for the lock of one that runs."""
    return sorted(path.name for path in search.checkpoints.folder.iterdir() if path.name != LOCK)


def test_a_closed_rung_loses_its_files_and_the_incumbent_keeps_its_own(tmp_path):
    trained = []
    search = searching(tmp_path, trained)
    search.run()
    assert [job[0] for job in trained] == [*range(9), 1, 5, 3, 1]
    assert trained[8][3] == names(*range(8))
    first, later = ["trial_1.epoch_1.pt"], ["trial_1.epoch_3.pt"]  # of the incumbent that goes on
    assert [job[3] for job in trained[9:]] == [
        first + names(1, 3, 5), *[names(1, 3, 5)] * 2, later + names(1)]
    assert files(search) == names(1) and search.incumbent_error == ERRORS[1] - 9 / 1000


def test_an_incumbent_that_is_beaten_loses_its_file(tmp_path):
    jobs = [trial(0, 1), trial(1, 1), trial(2, 1)]
    scheduler = Scripted(*jobs)
    scheduler.ended = lambda: [0, 1] if len(search.rows) == 2 else []
    errors = {0: 0.5, 1: 0.7, 2: 0.1}

    def objective(config, checkpoint):
        checkpoint.with_name(checkpoint.name + ".partial").touch()  # as a killed save leaves it
        checkpoint.touch()
        left.append(files(search))
        return errors[config["x"]]
    left = []
    search = HPOTuner(scheduler, objective, checkpoint_dir=tmp_path)
    search.run()
    both = [[f"trial_{i}.pt", f"trial_{i}.pt.partial"] for i in range(3)]
    assert left == [both[0], both[0] + both[1], both[0] + both[2]]
    assert files(search) == both[2]


def test_trial_1_is_not_trial_10(tmp_path):
    scheduler = Scripted(*(trial(x, 1) for x in range(11)))
    scheduler.ended = lambda: [1]
    search = HPOTuner(scheduler, counting, checkpoint_dir=tmp_path)
    search.objective = lambda config, checkpoint: checkpoint.touch() or -config["x"]
    search.run()
    assert files(search) == sorted(names(0, *range(2, 11)))


@pytest.mark.parametrize("mode", ["promotion", "stopping"])
def test_asha_leaves_paused_trials_and_the_incumbent(mode, tmp_path):
    search = searching(tmp_path, scheduler=ASHAScheduler(Numbered(40), 3, 1, 9, mode=mode))
    search.run()
    reached = search.records.groupby("trial_id")["max_epochs"].max()
    kept = {search.incumbent_trial, *(reached.index[reached < 9] if mode == "promotion" else ())}
    assert files(search) == sorted(names(*kept)) and (reached == 9).any()


def test_a_scheduler_that_names_nobody_loses_nothing(tmp_path):
    search = HPOTuner(basic(4), lambda config, checkpoint: checkpoint.touch() or 0.5,
                      checkpoint_dir=tmp_path)
    search.run()
    assert files(search) == names(0, 1, 2, 3)


def test_a_new_tuner_on_the_journal_removes_what_a_kill_left(tmp_path):
    search = searching(tmp_path, journal=tmp_path / "search.jsonl")
    search.run()
    for name in names(0, 4, 8):
        (search.checkpoints.folder / name).write_text("1", encoding="utf-8")
    again = searching(tmp_path, journal=tmp_path / "search.jsonl")
    again.run()
    assert files(again) == names(1) and again.records.equals(search.records)


# -- a checkpoint that vanished -------------------------------------------------------------------

class Vanishing(SuccessiveHalvingScheduler):
    """Removes the checkpoint of trial 5 when it is promoted to epoch 3."""

    def suggest(self):
        job = super().suggest()
        if job is not None and (job.trial_id, job.epoch) == (5, 1):
            self.folder.joinpath("trial_5.pt").unlink(missing_ok=True)
        return job


def vanishing(tmp_path, objective=counting, **others):
    search = HPOTuner(Vanishing(Numbered(), 3, 1, 9, rounds=1), objective,
                      checkpoint_dir=tmp_path / "checkpoints", **others)
    search.scheduler.folder = search.checkpoints.folder
    return search


def jobs(search):
    columns = search.records[["trial_id", "epoch", "max_epochs", "error"]]
    return list(columns.itertuples(index=False, name=None))


def test_it_starts_again_from_zero_which_the_records_say_and_count(tmp_path):
    straight, search = searching(tmp_path / "straight"), vanishing(tmp_path)
    straight.run()
    search.run()
    assert jobs(straight)[10][:3] == (5, 1, 3) and jobs(search)[10][:3] == (5, 0, 3)
    assert jobs(search)[:10] + jobs(search)[11:] == jobs(straight)[:10] + jobs(straight)[11:]
    assert jobs(search)[10][3] == jobs(straight)[10][3]
    paid = [(each.records["max_epochs"] - each.records["epoch"]).sum() for each in
            (straight, search)]
    assert paid == [9 + 3 * 2 + 6, 9 + 3 * 2 + 6 + 1]


def test_on_workers_too(tmp_path):
    search = vanishing(tmp_path, n_workers=2)
    search.run()
    assert sorted(job[:3] for job in jobs(search))[:7] == [
        (0, 0, 1), (1, 0, 1), (1, 1, 3), (1, 3, 9), (2, 0, 1), (3, 0, 1), (3, 1, 3)]
    assert (5, 0, 3) in [job[:3] for job in jobs(search)]
    assert files(search) == names(1)


def test_an_interruption_of_the_second_beginning_does_not_hide_it(tmp_path):
    def objective(config, max_epochs, checkpoint):
        begun.append((config["x"], max_epochs))
        if begun.count((5, 3)) == 1 and begun[-1] == (5, 3):
            Path(checkpoint).write_text("1", encoding="utf-8")  # one epoch of the new beginning
            raise KeyboardInterrupt
        return counting(config, max_epochs, checkpoint)
    begun, journal = [], tmp_path / "search.jsonl"
    search = vanishing(tmp_path, objective, journal=journal)
    interrupted(search)
    assert len(search.records) == 10 and search.checkpoints.path(5).exists()
    kept = search.checkpoints.path(5).read_text(encoding="utf-8")
    again = vanishing(tmp_path, objective, journal=journal)
    again.scheduler.folder = tmp_path  # the file vanishes once only
    again.run()
    assert kept == "1" and jobs(again)[10][:3] == (5, 0, 3)
    started = [event for event in map(json.loads, journal.read_text(encoding="utf-8").splitlines())
               if event["event"] == "started" and event["trial_id"] == 5]
    assert [event["epoch"] for event in started] == [0, 0, 0]
    replayed = vanishing(tmp_path, objective, journal=journal)
    replayed.run()
    assert replayed.records.equals(again.records)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_without_a_folder_a_trial_that_goes_on_begins_again(n_workers, tmp_path):
    """Nothing of its earlier epochs is left, and the records say what was paid for."""
    def searching():
        scheduler = SuccessiveHalvingScheduler(Numbered(), 3, 1, 9, rounds=1, open_brackets=1)
        return HPOTuner(scheduler, lambda config, max_epochs: ERRORS[config["x"]],
                        n_workers=n_workers, journal=tmp_path / "search.jsonl")
    search, again = searching(), searching()
    search.run()
    assert search.records["epoch"].tolist() == [0] * 13
    assert (search.records["max_epochs"] - search.records["epoch"]).sum() == 3 * 9
    again.run()
    assert again.records.equals(search.records)
    assert read_journal(tmp_path / "search.jsonl").records.equals(search.records)


def test_a_trial_that_goes_on_and_fails_without_a_folder_has_begun_again():
    def objective(config, max_epochs):
        return ERRORS[config["x"]] if max_epochs == 1 else math.nan
    search = HPOTuner(SuccessiveHalvingScheduler(Numbered(), 3, 1, 9, rounds=1), objective)
    with pytest.warns(UserWarning, match="failed"):
        search.run()
    failed = search.records[search.records["status"] == "failed"]
    assert failed["epoch"].tolist() == [0] * 3


# -- one search a folder --------------------------------------------------------------------------

@pytest.mark.parametrize("is_linked", [False, True])
def test_two_searches_that_begin_at_once_do_not_share_a_folder(is_linked, tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    other = tmp_path / "linked" if is_linked else folder
    if is_linked:
        other.symlink_to(folder, target_is_directory=True)
    late = HPOTuner(basic(1), lambda config, checkpoint: 1.0, checkpoint_dir=other)

    def objective(config, checkpoint):
        with pytest.raises(RuntimeError, match=f"{other.name} is in use by another tuner"):
            late.run(number_of_trials=1)
        with pytest.raises(RuntimeError, match=f"{other.name} is in use by another tuner"):
            late.clean()
        Path(checkpoint).write_text("weights", encoding="utf-8")
        return 0.5

    search = HPOTuner(basic(1), objective, checkpoint_dir=folder)
    search.run(number_of_trials=1)
    assert search.incumbent_error == 0.5 and [*folder.iterdir()] == [folder / "trial_0.pt"]
    with pytest.raises(FileExistsError, match="trial_0.pt is of another search"):
        late.run(number_of_trials=1)
    assert late.rows == [] and files(search) == names(0)


def test_a_folder_is_free_after_an_error_and_after_ctrl_c(tmp_path):
    errors = iter([KeyboardInterrupt, 0.5])

    def objective(config):
        error = next(errors)
        if error is KeyboardInterrupt:
            raise error
        return error

    search = HPOTuner(basic(1), objective, checkpoint_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        search.run(number_of_trials=1)
    assert [*tmp_path.iterdir()] == []
    search.run(number_of_trials=1)
    assert search.incumbent_error == 0.5


def test_a_callback_may_clean_the_folder_of_its_own_search(tmp_path):
    class Tidy:
        def search_end(self, tuner):
            self.removed = tuner.clean()
            self.is_locked = (tuner.checkpoints.folder / LOCK).exists()

    tidy = Tidy()
    search = searching(tmp_path, scheduler=Scripted(*(trial(i, 1) for i in range(3))),
                       callbacks=[tidy])
    search.run()
    assert len(tidy.removed) == 2 and tidy.is_locked
    assert [path.name for path in search.checkpoints.folder.iterdir()] == names(1)


def test_a_lock_whose_file_cannot_be_removed_is_free_all_the_same(tmp_path, monkeypatch):
    def removing(path):
        raise PermissionError(f"{path} is in a folder that is only to be read")

    monkeypatch.setattr(locks, "remove_held_lock", removing)
    for trials in (1, 2):
        search = HPOTuner(basic(2), lambda config: 0.5, checkpoint_dir=tmp_path,
                          journal=tmp_path / "search.jsonl")
        search.run(number_of_trials=trials)
        assert len(search.rows) == trials


def test_a_folder_that_is_only_to_be_read_needs_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the superuser may write anywhere
    seen = []
    HPOTuner(basic(1), lambda config: seen.append([*tmp_path.iterdir()]) or 0.5,
             checkpoint_dir=tmp_path).run(number_of_trials=1)
    assert seen == [[]]


@pytest.mark.parametrize("has_journal", [False, True])
def test_a_tuner_that_runs_is_not_run_again_inside(has_journal, tmp_path):
    class Greedy:
        def trial_end(self, trial, row):
            with pytest.raises(RuntimeError, match="this tuner is running already"):
                search.run(number_of_trials=trials)

    trials = 1
    journal = tmp_path / "search.jsonl" if has_journal else None
    search = HPOTuner(basic(3), lambda config: 0.5, journal=journal, callbacks=[Greedy()])
    search.run(number_of_trials=2)
    assert len(search.rows) == 2  # what was refused has changed nothing
    trials = 3
    search.run(number_of_trials=3)
    assert len(search.rows) == 3
    if has_journal:
        HPOTuner(basic(3), lambda config: 0.5, journal=journal).run(number_of_trials=3)

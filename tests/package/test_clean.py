"""`HPOTuner.clean` leaves the incumbent's checkpoint and what is not the search's own."""
import json

import pytest
from interruptions import interrupted
from scripted_trials import Listed
from test_checkpoint_files import files, names, searching

from d2l_hpo import BasicScheduler, HPOTuner
from d2l_hpo.schedulers.asha import ASHAScheduler

FOREIGN = ("model.pt", "trial_1.pt.bak", "trial_1.new", "trial_01.pt", "trial_2.pt2",
           "trial_3.epoch_best.pt", "notes.partial", "my_trial_1.pt")


def saving(config, checkpoint):
    checkpoint.write_text(json.dumps(config["x"]), encoding="utf-8")
    return abs(config["x"] - 2.2)


def plain(folder, n=5, objective=saving, **others):
    return HPOTuner(BasicScheduler(Listed(n)), objective, checkpoint_dir=folder / "checkpoints",
                    **others)


def test_all_but_the_incumbents_file_go_and_are_named(tmp_path):
    search = plain(tmp_path)
    search.run()
    folder = search.checkpoints.folder
    (folder / "trial_4.pt.0a1b2c3d.partial").touch()  # as a killed save leaves them
    (folder / "trial_2.pt.partial").touch()
    removed = search.clean()
    assert removed == [folder / name for name in (
        "trial_0.pt", "trial_1.pt", "trial_2.pt.partial", "trial_3.pt", "trial_4.pt",
        "trial_4.pt.0a1b2c3d.partial")]
    assert search.checkpoints.incumbent_path() == folder / "trial_2.pt"
    assert files(search) == names(2) and json.loads((folder / "trial_2.pt").read_text()) == 2
    assert search.clean() == []


def test_what_no_trial_of_this_search_has_left_stays(tmp_path):
    search = plain(tmp_path)
    search.run()
    folder = search.checkpoints.folder
    for name in (*FOREIGN, "trial_99.pt"):  # the last one came after the search had begun
        (folder / name).touch()
    (folder / "trial_98.pt").mkdir()
    assert search.clean() == [folder / name for name in names(0, 1, 3, 4)]
    assert files(search) == sorted([*FOREIGN, "trial_98.pt", "trial_99.pt", "trial_2.pt"])


def test_a_search_that_removes_by_itself_leaves_foreign_files_too(tmp_path):
    search = searching(tmp_path)
    for name in FOREIGN:
        (search.checkpoints.folder / name).touch()
    search.run()
    assert files(search) == sorted([*FOREIGN, "trial_1.pt"]) and len(search.rows) == 13


def test_the_incumbents_copy_stays_where_its_trial_has_become_worse(tmp_path):
    def objective(config, max_epochs, checkpoint):
        checkpoint.write_text(json.dumps([config["x"], max_epochs]), encoding="utf-8")
        return config["x"] + (max_epochs - 3) ** 2 / 100
    search = HPOTuner(ASHAScheduler(Listed(30), 3, 1, 27), objective, checkpoint_dir=tmp_path)
    search.run(number_of_trials=12)
    assert {"trial_0.epoch_3.pt", "trial_0.pt"} < {*files(search)}
    assert len(search.clean()) > 5
    assert files(search) == ["trial_0.epoch_3.pt"]
    assert json.loads(search.checkpoints.incumbent_path().read_text()) == [0, 3]
    search.run(number_of_trials=30)  # trials that had paused begin again
    assert search.incumbent == {"x": 0} and (search.records["status"] == "completed").all()


@pytest.mark.parametrize("has_run", [True, False])
def test_with_a_journal_a_new_tuner_cleans_without_running(has_run, tmp_path):
    plain(tmp_path, journal=tmp_path / "search.jsonl").run(number_of_trials=5)
    before = (tmp_path / "search.jsonl").read_bytes()

    def objective(config, checkpoint):
        raise AssertionError("nothing is run")
    objective.__qualname__ = saving.__qualname__
    search = plain(tmp_path, objective=objective, journal=tmp_path / "search.jsonl")
    if has_run:
        search.run(number_of_trials=5)
    assert [path.name for path in search.clean()] == names(0, 1, 3, 4)
    assert (tmp_path / "search.jsonl").read_bytes() == before
    assert files(search) == names(2) and search.incumbent == {"x": 2}


@pytest.mark.parametrize("journal", [None, "search.jsonl"])
def test_a_search_with_a_trial_that_has_not_ended_is_not_cleaned(journal, tmp_path):
    def objective(config, checkpoint):
        if config["x"] == 3:
            raise KeyboardInterrupt
        return saving(config, checkpoint)
    search = plain(tmp_path, objective=objective, journal=journal and tmp_path / journal)
    interrupted(search)
    with pytest.raises(RuntimeError, match="trial 3 has not ended; run the search to its end"):
        search.clean()
    assert files(search) == names(0, 1, 2)


def test_a_journal_that_another_tuner_uses_is_not_cleaned(tmp_path):
    def objective(config, checkpoint):
        with pytest.raises(RuntimeError, match="in use by another tuner"):
            other.clean()
        return saving(config, checkpoint)
    objective.__qualname__ = saving.__qualname__
    search = plain(tmp_path, objective=objective, journal=tmp_path / "search.jsonl")
    other = plain(tmp_path, journal=tmp_path / "search.jsonl")
    search.run()
    assert files(search) == names(0, 1, 2, 3, 4)


@pytest.mark.parametrize("journal", [None, "search.jsonl"])
def test_a_callback_may_clean_at_the_end_and_not_before(journal, tmp_path):
    class Cleaner:
        def trial_begin(self, trial):
            with pytest.raises(RuntimeError, match=f"trial {trial.trial_id} has not ended"):
                search.clean()

        def search_end(self, tuner):
            removed.extend(path.name for path in tuner.clean())
    removed = []
    search = plain(tmp_path, journal=journal and tmp_path / journal, callbacks=[Cleaner()])
    search.run()
    assert removed == names(0, 1, 3, 4) and files(search) == names(2)


@pytest.mark.parametrize("n", [0, 1])
def test_there_may_be_nothing_to_remove(n, tmp_path):
    search = plain(tmp_path)
    if n:
        search.run(number_of_trials=n)
    assert search.clean() == [] and files(search) == names(*range(n))
    without = HPOTuner(BasicScheduler(Listed(1)), lambda config: 0.5)
    without.run()
    assert without.clean() == []


def test_without_an_incumbent_nothing_stays(tmp_path):
    def objective(config, checkpoint):
        checkpoint.touch()
        raise ValueError("no luck")
    search = plain(tmp_path, 3, objective)
    with pytest.warns(UserWarning):
        search.run()
    assert [path.name for path in search.clean()] == names(0, 1, 2) and files(search) == []

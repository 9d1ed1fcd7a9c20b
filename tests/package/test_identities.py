"""What must not be the same for two: temporary files, locks, trials of the same configuration."""
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import faulty_objectives as faulty
import numpy as np
import pytest
from journaled import events, tuner
from scipy import stats

from d2l_hpo import (
    BasicScheduler, HPOTuner, NondominatedSortingSearcher, RegularizedEvolutionSearcher,
    TPESearcher, categorical,
)
from d2l_hpo.spaces import configuration_key
from d2l_hpo.tools import write_file
from d2l_hpo.tuning.workers import GivenWorkers


def test_two_writers_and_a_reader_of_one_file_never_meet(tmp_path):
    path, errors, torn = tmp_path / "trial_0.pt", [], []
    over = threading.Event()
    write_file(path, bytes(50_000))

    def writing(byte):
        try:
            for _ in range(60):
                write_file(path, bytes([byte]) * 50_000)
        except OSError as error:
            errors.append(error)

    def reading():
        while not over.is_set():
            content = path.read_bytes()
            if len(content) != 50_000 or len(set(content)) != 1:
                torn.append(content)
    writers = [threading.Thread(target=writing, args=(byte,)) for byte in (1, 2)]
    reader = threading.Thread(target=reading)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert (errors, torn) == ([], [])
    assert [each.name for each in tmp_path.iterdir()] == ["trial_0.pt"]


def test_an_attempt_that_was_given_up_and_the_next_one_may_both_write(tmp_path, monkeypatch):
    first, both, attempts, submitted = threading.Event(), threading.Barrier(2), [], []

    def objective(config, checkpoint):
        attempts.append(config["x"])
        is_second = len(attempts) > 1
        if is_second:
            first.set()
        assert first.wait(faulty.DEADLINE)  # the first attempt waits for the second one
        both.wait(faulty.DEADLINE)
        for _ in range(30):
            write_file(checkpoint, bytes([is_second]) * 20_000)
            assert len(set(Path(checkpoint).read_bytes())) == 1
        both.wait(faulty.DEADLINE)
        return config["x"]
    with ThreadPoolExecutor(2) as executor:
        search = tuner(None, objective, 1, executor=executor, n_workers=2, trial_timeout=0.05,
                       checkpoint_dir=tmp_path)
        search.trial_timeout = 0.05
        search.max_retries = 1
        submit = GivenWorkers.submit

        def patient(workers, *call):
            submitted.append(call)
            if len(submitted) > 1:
                workers.trial_timeout = faulty.DEADLINE  # the second attempt may take its time
            return submit(workers, *call)
        monkeypatch.setattr(GivenWorkers, "submit", patient)
        search.run()
    assert [(job.status, job.attempt) for job in search.books.jobs] == [("completed", 2)]
    assert len(attempts) == 2 and [each.name for each in tmp_path.iterdir()] == ["trial_0.pt"]


@pytest.mark.parametrize("way", ["same", "link", "dangling link", "link to the folder", "dots"])
def test_a_journal_is_locked_under_each_of_its_names(way, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    journal = folder / "search.jsonl"
    if way != "dangling link":
        tuner(journal).run(number_of_trials=1)
    other = {"same": journal, "dots": folder / ".." / "folder" / "search.jsonl"}.get(way)
    if way.endswith("link"):
        other = tmp_path / "latest.jsonl"
        other.symlink_to(journal)
    elif other is None:
        (tmp_path / "other").symlink_to(folder)
        other = tmp_path / "other" / "search.jsonl"
    refused = []

    def objective(config):
        with pytest.raises(RuntimeError, match="in use by another tuner"):
            tuner(other).run()  # whatever it would do
        refused.append(config["x"])
        return config["x"]
    objective.__qualname__ = "identity"
    search = tuner(journal, objective)
    search.run(number_of_trials=2)
    assert refused == ([0, 1] if way == "dangling link" else [1])
    again = tuner(other)
    again.run(number_of_trials=2)
    assert again.records["trial_id"].tolist() == [0, 1]
    assert not [*tmp_path.rglob("*.lock")] and events(journal) == events(other)


# -- a configuration that comes up again ----------------------------------------------------------

FLAGS = {f"flag_{i}": categorical([0, 1]) for i in range(4)}


def test_a_population_fills_where_the_space_is_smaller():
    searcher = RegularizedEvolutionSearcher(FLAGS, seed=0)  # 16 configurations, 20 members
    search = HPOTuner(BasicScheduler(searcher), lambda config: sum(config.values()))
    search.run(number_of_trials=150)
    assert len(searcher.population) == 20
    assert search.records["error"][50:].mean() < 1.5  # 2 at random: 8 standard deviations away


def test_trials_of_one_configuration_are_members_of_their_own_and_report_each_for_themselves():
    searcher = RegularizedEvolutionSearcher(FLAGS, population_size=3, sample_size=1)
    config = dict.fromkeys(FLAGS, 0)
    for error in (0.5, 0.4, 0.3):
        searcher.update(config, error, 1)
    assert [error for _, error in searcher.population] == [0.5, 0.4, 0.3]
    searcher.update(config, 0.2, 3)  # the first of them goes on
    assert [error for _, error in searcher.population] == [0.2, 0.4, 0.3]
    searcher.update(config, 0.7, 1)  # a fourth trial; the first one leaves
    assert [error for _, error in searcher.population] == [0.4, 0.3, 0.7]
    searcher.update(config, 0.1, 3)
    assert [error for _, error in searcher.population] == [0.1, 0.3, 0.7]


def test_a_pending_trial_stays_pending_when_another_one_of_its_configuration_reports():
    searcher = TPESearcher({"x": stats.uniform(0, 1)}, initial_configs=[{"x": 0.5}] * 2)
    first, second = searcher.sample_configuration(), searcher.sample_configuration()
    assert first == second == {"x": 0.5}
    searcher.update(first, 0.25, 1)
    assert searcher.pending == ["{'x': 0.5}"]
    searcher.update(second, 0.75, 1)
    assert searcher.pending == [] and searcher.training_set()[1].tolist() == [0.25, 0.75]


def test_a_front_of_a_space_smaller_than_the_population_is_searched_on():
    searcher = NondominatedSortingSearcher(FLAGS, objectives=("error", "ones"))
    search = HPOTuner(BasicScheduler(searcher), lambda config: {
        "error": -sum(config.values()), "ones": config["flag_0"]})
    search.run(number_of_trials=120)
    assert len(searcher.values) == 16


@pytest.mark.parametrize("kind", [
    partial(NondominatedSortingSearcher, objectives=("error", "seconds")),
    RegularizedEvolutionSearcher, TPESearcher,
])
def test_a_configuration_is_the_same_in_any_order_and_with_numpys_numbers(kind):
    space = {"x": stats.uniform(0, 1), "n": categorical([1, 2, 3])}

    def proposals(disguise):
        searcher = kind(space, seed=0)
        for i in range(40):
            config = searcher.sample_configuration()
            for epoch in (1, 3):
                error = (config["x"] - 0.3) ** 2 + config["n"] / epoch
                searcher.update(disguise(config) if epoch == 3 else config, error, epoch,
                                {"error": error, "seconds": i + 1.0})
        return [searcher.sample_configuration() for _ in range(5)]

    def other(config):
        return {"n": np.int64(config["n"]), "x": np.float64(config["x"])}
    assert proposals(other) == proposals(dict)


def test_the_key_of_a_configuration_tells_types_apart():
    space = {"n": categorical([1, True, 1.0, "1"])}
    keys = {configuration_key(space, {"n": n}) for n in (1, True, 1.0, "1", np.int64(1))}
    assert len(keys) == 4
    with pytest.raises(ValueError, match="unknown hyperparameter 'm'"):
        configuration_key(space, {"n": 1, "m": 2})

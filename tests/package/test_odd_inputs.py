"""Journals that an editor has saved, names that are unusual, spaces that are huge or tiny."""
import pytest
from interruptions import interrupted
from journaled import tuner
from scipy import stats
from scripted_curves import trial, Scripted

from d2l_hpo import (
    BayesianSearcher, GridSearcher, HPOTuner, RandomSearcher, SobolSearcher, TPESearcher,
    categorical, check_configuration, from_unit_cube, lograndint, to_unit_cube,
)
from d2l_hpo.tools import write_file

SAVED = {
    "Windows": lambda content: content.replace(b"\n", b"\r\n"),
    "with a mark": lambda content: b"\xef\xbb\xbf" + content,
    "both": lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("way", SAVED)
def test_a_journal_that_an_editor_saved_goes_on(way, tmp_path):
    journal = tmp_path / "search.jsonl"
    tuner(journal).run(number_of_trials=3)
    journal.write_bytes(SAVED[way](journal.read_bytes()))
    for n in (5, 6):
        search = tuner(journal)
        search.run(number_of_trials=n)
        assert search.records["trial_id"].tolist() == list(range(n))


def test_a_journal_of_another_encoding_is_named_with_its_line(tmp_path):
    journal = tmp_path / "search.jsonl"
    tuner(journal).run(number_of_trials=3)
    journal.write_bytes(journal.read_text(encoding="utf-8").encode("utf-16") + b"\n")
    with pytest.raises(ValueError, match="search.jsonl, line 1 is damaged"):
        tuner(journal).run()


@pytest.mark.parametrize("name", [
    "a b", "ü", "[x]", "a*b", "%d{}", "-x", "caf\udce9", "new\nline", "trial_0.pt", "#?&",
], ids=ascii)
def test_folders_may_have_any_name(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()

    def objective(config, checkpoint):
        write_file(checkpoint, b"weights")
        if len(calls) == 0 and calls.append(config) is None:
            raise KeyboardInterrupt
        return 0.5
    calls = []

    class Described(Scripted):
        def describe(self):
            return {"class": "Described", "space": [], "seed": 0, "settings": {}}

    def searching():
        return HPOTuner(Described(trial(0), trial(1)), objective, journal=folder / "search.jsonl",
                        checkpoint_dir=folder / "weights")
    interrupted(searching())
    search = searching()
    search.run()
    assert list(search.records["status"]) == ["completed"] * 2
    assert search.checkpoints.incumbent_path() == folder / "weights" / "trial_0.pt"


DOMAINS = {
    "one point of a line": stats.uniform(0.1, 1e-17), "one integer": stats.randint(3, 4),
    "two floats": stats.uniform(1.0, 2**-52), "one logarithmic integer": lograndint(5, 5),
    "rounded bounds": stats.uniform(0.1, 0.2), "rounded logarithms": stats.loguniform(0.1, 0.3),
    "nearly equal": stats.loguniform(1e-5, 1.0000000001e-5), "one choice": categorical(["a"]),
    "many choices": categorical(list(range(2000))), "large": stats.uniform(1e300, 1e300),
    "all magnitudes": stats.loguniform(1e-300, 1e300), "many integers": stats.randint(0, 2**40),
}


@pytest.mark.parametrize("kind", [RandomSearcher, SobolSearcher, GridSearcher, BayesianSearcher,
                                  TPESearcher])
@pytest.mark.parametrize("name", DOMAINS)
def test_proposals_of_huge_and_tiny_spaces_belong_to_them(name, kind):
    searcher = kind({"x": DOMAINS[name], "y": 3}, seed=0)
    space, n = searcher.config_space, 0
    while n < 11 and (config := searcher.sample_configuration()) is not None:
        n += 1
        assert check_configuration(space, config) == config
        searcher.update(config, float(n % 3))
    assert n >= 1
    axes = len(to_unit_cube(space, from_unit_cube(space, [0.5])))
    for end in (0.0, 1.0):
        check_configuration(space, from_unit_cube(space, [end] * axes))


@pytest.mark.parametrize("domain", [stats.randint(0, 10**18), lograndint(1, 10**15)])
def test_integers_that_floats_cannot_tell_apart_are_refused_by_name(domain):
    with pytest.raises(ValueError, match=r"hyperparameter 'x': .* reaches beyond 2\*\*40"):
        RandomSearcher({"x": domain})

"""Ctrl-C stops everything: the search around a search, and the loop over seeds."""
import signal

import pytest
from scipy import stats
from scripted_trials import Listed

from d2l_hpo import (
    BasicScheduler, BatchScheduler, HPOTuner, RandomSearcher, repeat_search,
)


class Pressing(Listed):
    """A searcher during whose work Ctrl-C is pressed, at the second report."""

    def update(self, config, error, epoch=None, info=None):
        super().update(config, error, epoch, info)
        if config["x"] == 1:
            signal.raise_signal(signal.SIGINT)


def pressing(config):
    if config["x"] == 1:
        signal.raise_signal(signal.SIGINT)
    return config["x"]


def inner(where):
    """A search of 3 trials in the second of which Ctrl-C is pressed."""
    if where == "objective":
        return HPOTuner(BasicScheduler(Listed(3)), pressing)
    return HPOTuner(BasicScheduler(Pressing(3)), lambda config: config["x"])


@pytest.mark.parametrize("where", ["objective", "between two steps"])
@pytest.mark.parametrize("wrap", [lambda scheduler: scheduler, lambda scheduler: BatchScheduler(
    scheduler, 2)])
def test_the_outer_search_stops_and_counts_no_trial_that_was_cut_short(where, wrap, tmp_path):
    searches = []

    def outer(config):
        searches.append(inner(where) if where else HPOTuner(
            BasicScheduler(Listed(3)), lambda config: config["x"]))
        searches[-1].run()
        return {"error": config["x"], "trials": len(searches[-1].records)}

    def searching():
        return HPOTuner(wrap(BasicScheduler(Listed(2))), outer, journal=tmp_path / "search.jsonl")
    before, search = signal.getsignal(signal.SIGINT), searching()
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert len(searches) == 1 and len(searches[0].records) < 3
    journal = (tmp_path / "search.jsonl").read_text(encoding="utf-8")
    assert len(search.records) == 0 and "finished" not in journal
    assert signal.getsignal(signal.SIGINT) is before
    where = None  # nobody presses any more
    again = searching()
    again.run()
    assert [info["trials"] for info in again.records["info"]] == [3, 3]


@pytest.mark.parametrize("where", ["objective", "between two steps"])
def test_a_loop_over_seeds_stops(where):
    lengths = []
    with pytest.raises(KeyboardInterrupt):
        for _ in range(3):
            search = inner(where)
            search.run()
            lengths.append(len(search.records))
    assert lengths == []


def test_a_loop_of_simulations_stops():
    class Benchmark:
        curves = 0

        def curve(self, config):
            Benchmark.curves += 1
            if Benchmark.curves == 5:
                signal.raise_signal(signal.SIGINT)
            return [0.5], [1.0]
    with pytest.raises(KeyboardInterrupt):
        repeat_search(lambda seed: BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)},
                                                                 seed=seed)),
                      Benchmark(), [3.0], seeds=10)
    assert Benchmark.curves == 5


def test_what_was_stopped_goes_on():
    search, calls = None, []

    def objective(config):
        calls.append(config["x"])
        if calls == [0, 1]:
            signal.raise_signal(signal.SIGINT)
        return config["x"]
    search = HPOTuner(BasicScheduler(Listed(3)), objective)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    search.run()
    assert calls == [0, 1, 1, 2] and search.records["trial_id"].tolist() == [0, 1, 2]

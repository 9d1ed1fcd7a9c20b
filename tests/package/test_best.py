"""One meaning of *best*: limits and folds count for tuner, files, progress bar and report."""
import math

import numpy as np
import pytest
from scipy import stats
from scripted_trials import Listed

from d2l_hpo import (
    BasicScheduler, BatchScheduler, BayesianSearcher, ConstrainedSearcher, FoldScheduler, HPOTuner,
    feasible, feasible_errors, search_report,
)
from d2l_hpo.tools import write_file

LIMITS = {"memory": 2.0}


def sized(config, max_epochs=None, checkpoint=None):
    """Larger models are better."""
    if checkpoint is not None:
        write_file(checkpoint, b"weights")
    return {"error": 1 / config["size"], "memory": config["size"]}


def limited():
    return ConstrainedSearcher({"size": stats.uniform(1, 9)}, limits=LIMITS, seed=0)


@pytest.mark.parametrize("wrap", [BasicScheduler,
                                  lambda searcher: BatchScheduler(BasicScheduler(searcher), 3)])
def test_the_incumbent_keeps_the_limits(wrap, tmp_path, capsys):
    search = HPOTuner(wrap(limited()), sized, checkpoint_dir=tmp_path)
    search.run(number_of_trials=20)
    records = search.records
    best = records[feasible(records, LIMITS)].nsmallest(1, "error").iloc[0]
    assert (records["error"] < best["error"]).any()  # of trials that are too large
    assert (search.incumbent, search.incumbent_trial) == (best["config"], best["trial_id"])
    assert search.incumbent_error == best["error"]
    assert search.incumbent_trajectory == feasible_errors(records, LIMITS).tolist()
    assert search.checkpoints.incumbent_path().name == f"trial_{best['trial_id']}.pt"
    assert f"incumbent={best['error']:.4f}" in capsys.readouterr().err
    report = search_report(search, [0.5, 0.6], 0.5, 100)
    assert f"{best['config']}, error {best['error']:.4f} in the search" in report


def test_a_search_in_which_nothing_keeps_the_limits_has_no_incumbent():
    searcher = ConstrainedSearcher({"size": stats.uniform(3, 6)}, limits=LIMITS, seed=0)
    search = HPOTuner(BasicScheduler(searcher), sized)
    with pytest.warns(UserWarning, match="no incumbent.* limits"):
        search.run(number_of_trials=5)
    assert search.incumbent is None and search.incumbent_error == math.inf
    assert search.incumbent_trajectory == [math.inf] * 5


FOLDS = {0: [0.3, 0.5, 0.4], 1: [0.0, 0.9, 0.9], 2: [0.1, 0.2, 0.3]}


def folded(config, max_epochs):
    return float(np.mean(FOLDS[config["x"]][:max_epochs]))


def test_the_incumbent_has_no_folds_left():
    search = HPOTuner(FoldScheduler(Listed(3), 3), folded)
    search.run()
    assert search.records["error"].min() == 0  # of trial 1 after its first fold
    assert search.incumbent == search.scheduler.incumbent == {"x": 2}
    assert search.incumbent_error == pytest.approx(0.2)


def test_folds_and_limits_count_together():
    def objective(config, max_epochs):
        return sized(config)
    scheduler = FoldScheduler(limited(), 2, rule=never)
    search = HPOTuner(scheduler, objective)
    search.run(number_of_trials=12)
    assert search.incumbent["size"] < 2 and search.records["error"].min() < search.incumbent_error
    assert scheduler.incumbent == search.incumbent


def never(errors, best):
    """Drop no configuration."""
    return False


def test_without_limits_the_smallest_error_is_the_best():
    search = HPOTuner(BasicScheduler(BayesianSearcher({"size": stats.uniform(1, 9)})), sized)
    search.run(number_of_trials=10)
    assert search.incumbent_error == search.records["error"].min()


def test_a_figure_draws_the_incumbent_that_it_is_given():
    plt = pytest.importorskip("matplotlib.pyplot")
    from d2l_hpo import plot_search
    search = HPOTuner(BasicScheduler(limited()), sized)
    search.run(number_of_trials=20)
    axes = [plot_search(search.records), plot_search(search.records,
                                                     incumbents=search.incumbent_trajectory)]
    last = [ax.lines[-1].get_ydata()[-1] for ax in axes]
    assert last == [search.records["error"].min(), search.incumbent_error]
    plt.close("all")

"""Successive halving and Hyperband at work: invariants, budgets, tuner, simulator, searchers."""
import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cluster import Numbered, drive, jobs_of
from scipy import stats
from scripted_curves import Curves

from d2l_hpo import GridSearcher, HPOTuner, RandomSearcher, SobolSearcher, simulate
from d2l_hpo.simulation.recorded_tasks import DigitsBenchmark, RecordedSearcher
from d2l_hpo.schedulers.hyperband import HyperbandScheduler, SuccessiveHalvingScheduler
from d2l_hpo.schedulers.rungs import rung_levels

HALVING = st.tuples(st.integers(2, 5), st.integers(1, 4), st.integers(0, 60)).map(
    lambda values: {"eta": values[0], "r_min": values[1], "r_max": values[1] + values[2]})
SCHEDULERS = pytest.mark.parametrize("cls", [SuccessiveHalvingScheduler, HyperbandScheduler])

# -- invariants on random clusters ----------------------------------------------------------------




@SCHEDULERS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rungs_promote_their_quota_and_close_in_spite_of_failures(cls, data):
    arguments, workers = data.draw(HALVING), data.draw(st.integers(1, 7))
    arguments["r_max"] = min(arguments["r_max"], arguments["r_min"] * arguments["eta"] ** 3)
    failures, seed = data.draw(st.sampled_from([0, 0.2, 0.8])), data.draw(st.integers(0, 999))
    scheduler = cls(Numbered(), **arguments, rounds=1)
    log = drive(scheduler, np.random.default_rng(seed), workers, failures=failures)
    check_by_bracket(log, scheduler)


def check_by_bracket(log, scheduler):
    """Split a round's log into brackets, whose trials are new together, and check each."""
    for s, (n, rungs) in enumerate(scheduler.brackets()):
        begin = sum(size for size, _ in scheduler.brackets()[:s])
        own = [entry for entry in log if begin <= entry[1].trial_id < begin + n]
        assert [up for _, low, up in jobs_of(own) if not low] == [rungs[0]] * n
        for low, high in pairwise(rungs):
            reports = [entry for entry in own if entry[0] == "report"
                       and entry[1].max_epochs == low]
            moved = [entry[1].trial_id for entry in own if entry[0] == "suggest"
                     and entry[1].epoch == low]
            valid = [entry for entry in reports if math.isfinite(entry[2])]
            best = sorted(valid, key=lambda entry: entry[2])  # stable: ties by arrival
            quota = max(1, len(reports) // scheduler.eta)
            assert moved == [entry[1].trial_id for entry in best[:quota]]
            assert all(entry[1].max_epochs == high for entry in own if entry[1].epoch == low)
    assert sum(n for n, _ in scheduler.brackets()) == len({e[1].trial_id for e in log})


@settings(deadline=None)
@given(HALVING, st.integers(0, 20))
def test_the_budget_of_a_bracket_in_closed_form(arguments, more):
    rungs = rung_levels(**arguments)
    eta = arguments["eta"]
    n = eta ** (len(rungs) - 1) + more
    if n > 400:
        return
    scheduler = SuccessiveHalvingScheduler(Numbered(), **arguments, n=n, rounds=1)
    jobs = jobs_of(drive(scheduler, np.random.default_rng(0), 3, failures=0))
    steps = np.diff([0, *rungs])
    assert sum(up - low for _, low, up in jobs) == sum(
        n // eta ** k * step for k, step in enumerate(steps))
    assert sum(up for *_, up in jobs) == sum(n // eta ** k * r for k, r in enumerate(rungs))


@SCHEDULERS
@pytest.mark.parametrize("workers", range(1, 8))
@pytest.mark.parametrize("eta, r_max", [(2, 13), (3, 9), (4, 20)])
def test_no_deadlock(cls, workers, eta, r_max):
    rng = np.random.default_rng(workers)
    log = drive(cls(Numbered(100), eta, 1, r_max), rng, workers)
    reports = [entry for entry in log if entry[0] == "report"]
    assert 2 * len(reports) == len(log)
    assert {entry[1].trial_id for entry in reports} == set(range(100))


# -- with the tuner, the simulator and any searcher -----------------------------------------------

SPACE = {"x": stats.uniform(0, 1)}


@pytest.mark.parametrize("cls, settings", [(RandomSearcher, {}), (SobolSearcher, {}),
                                           (GridSearcher, {"points": 30})])
def test_any_searcher(cls, settings):
    scheduler = HyperbandScheduler(cls(SPACE, **settings), 3, 1, 9, rounds=1)
    log = drive(scheduler, np.random.default_rng(0), 2, failures=0)
    assert len({entry[1].trial_id for entry in log}) == 9 + 5 + 3


@SCHEDULERS
def test_descriptions_are_plain_and_tell_schedulers_apart(cls):
    texts = {json.dumps(cls(Numbered(), **arguments).describe(), sort_keys=True) for arguments in [
        {"eta": 3, "r_min": 1, "r_max": 9}, {"eta": 2, "r_min": 1, "r_max": 9},
        {"eta": 3, "r_min": 3, "r_max": 9}, {"eta": 3, "r_min": 1, "r_max": 27},
        {"eta": 3, "r_min": 1, "r_max": 9, "rounds": 2},
        {"eta": 3, "r_min": 1, "r_max": 9, "open_brackets": 1}]}
    assert len(texts) == 6
    description = cls(Numbered(), 3, 1, 9).describe()
    assert description["class"] == cls.__name__ and description["settings"]["eta"] == 3
    assert description["settings"]["searcher"] == "Numbered"


def test_the_same_decisions_with_any_number_of_workers_and_curves_without_ties():
    errors = np.random.default_rng(1).permutation(30 * 9).reshape(30, 9) / 270
    curves = Curves(*[(row, np.arange(1.0, 10)) for row in errors])
    runs = [simulate(HyperbandScheduler(Numbered(30), 3, 1, 9), curves, n_workers=workers)
            for workers in (1, 2, 5)]
    jobs = [{*zip(run["trial_id"], run["epoch"], run["max_epochs"], strict=True)} for run in runs]
    assert jobs[0] == jobs[1] == jobs[2] and len(jobs[0]) == 40


@SCHEDULERS
@pytest.mark.parametrize("workers", [2, 16, 64])
def test_no_worker_waits_as_long_as_brackets_may_begin(cls, workers):
    errors = np.random.default_rng(1).random((2000, 9))
    times = np.random.default_rng(2).lognormal(size=(2000, 9)).cumsum(axis=1)  # with stragglers
    curves = Curves(*zip(errors, times, strict=True))
    records = simulate(cls(Numbered(), 3, 1, 9), curves, n_workers=workers, max_time=40)
    assert records["trial_id"].nunique() < 2000
    for _, jobs in records.groupby("worker"):
        assert np.allclose(jobs["start"].iloc[1:], jobs["end"].iloc[:-1])
        assert jobs["start"].iloc[0] == 0 and jobs["end"].iloc[-1] >= 40


@SCHEDULERS
def test_with_one_worker_only_one_bracket_is_open(cls):
    logs = [drive(cls(Numbered(), 3, 1, 9, rounds=3, open_brackets=number),
                  np.random.default_rng(0), 1) for number in (1, None)]
    assert logs[0] == logs[1]


def test_a_journal_that_does_not_know_open_brackets_goes_on(tmp_path):
    path = tmp_path / "search.jsonl"

    def search(**settings):
        scheduler = SuccessiveHalvingScheduler(RandomSearcher(SPACE), 3, 1, 9, **settings)
        return HPOTuner(scheduler, lambda config: config["x"], journal=path)
    search().run(number_of_trials=5)
    first, *others = path.read_text(encoding="utf-8").splitlines(keepends=True)
    old = json.loads(first)
    del old["scheduler"]["settings"]["open_brackets"]
    path.write_text(json.dumps(old) + "\n" + "".join(others), encoding="utf-8")
    search().run(number_of_trials=6)
    with pytest.raises(ValueError, match="eta: 3 in the journal, 2 now"):
        scheduler = SuccessiveHalvingScheduler(RandomSearcher(SPACE), 2, 1, 9)
        HPOTuner(scheduler, lambda config: config["x"], journal=path).run(number_of_trials=7)


def test_a_simulated_search_improves_on_its_first_rung():
    benchmark = DigitsBenchmark()
    scheduler = SuccessiveHalvingScheduler(RecordedSearcher(benchmark), 3, 1, 27, rounds=1)
    records = simulate(scheduler, benchmark)
    assert records["max_epochs"].tolist() == [1] * 27 + [3] * 9 + [9] * 3 + [27]
    assert records["error"].iloc[-1] < records["error"][:27].min()


def test_the_tuner_resumes_from_checkpoints(tmp_path):
    def objective(config, max_epochs, checkpoint):
        done = int(checkpoint.read_text(encoding="utf-8")) if checkpoint.exists() else 0
        trained.append((max_epochs, max_epochs - done))
        checkpoint.write_text(str(max_epochs), encoding="utf-8")
        return config["x"]
    trained = []
    scheduler = SuccessiveHalvingScheduler(RandomSearcher(SPACE), 3, 1, 9, rounds=1)
    tuner = HPOTuner(scheduler, objective, checkpoint_dir=tmp_path)
    tuner.run()
    assert trained == [(1, 1)] * 9 + [(3, 2)] * 3 + [(9, 6)]
    assert tuner.incumbent_error == min(tuner.records["error"])

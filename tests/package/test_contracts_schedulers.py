"""What the tests of other libraries demand of a pruner or scheduler, demanded of all of ours.

`benchmarks/README.md` names the tests that the demands come from, and what does not apply here.
Each test runs for every public scheduler; `every_method` finds and makes them.
"""
import copy
import itertools
import json
import math
import pickle
from collections import Counter, deque
from dataclasses import replace

import numpy as np
import pytest
from every_method import OFFERED, SCHEDULERS, SPACE, fitting, make_scheduler, takes
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, BatchScheduler, FoldScheduler, GridSearcher, HPOSearcher,
    HPOTuner, HyperbandScheduler, MedianStoppingScheduler, PBTScheduler, RandomSearcher,
    SuccessiveHalvingScheduler, Trial, check_configuration, hyperband_brackets,
)

FAILURES = [math.nan, math.inf, -math.inf]
ORDERS = ["first", "last", "random"]

# What can be set so that a scheduler decides in another way.
VARIANTS = {ASHAScheduler: [{"mode": "stopping"}, {"brackets": 3}, {"eta": 3, "r_max": 20},
                            {"mode": "stopping", "brackets": 2}],
            SuccessiveHalvingScheduler: [{"open_brackets": 1}, {"n": 11}],
            HyperbandScheduler: [{"open_brackets": 2}, {"eta": 3, "r_max": 27}],
            PBTScheduler: [{"fraction": 0.5, "step": 3}], MedianStoppingScheduler: [],
            FoldScheduler: [], BasicScheduler: [{"max_epochs": None}],
            BatchScheduler: [{"batch_size": 1}]}
CASES = [(kind, settings) for kind in SCHEDULERS for settings in [{}, *VARIANTS.get(kind, [])]]
every = pytest.mark.parametrize(("kind", "settings"), CASES, ids=[
    f"{kind.__name__}-{'-'.join(map(str, settings.values()))}" for kind, settings in CASES])
ENDLESS = [BasicScheduler, BatchScheduler]
"""They say of no trial that it never goes on: each is one call, and its checkpoint stays."""
HALVING = [ASHAScheduler, HyperbandScheduler, SuccessiveHalvingScheduler]


class Learner(HPOSearcher):
    """Proposes x = 1, 2, ..., n in an order that the seed decides, and keeps what it is told."""

    def __init__(self, n, seed=0):
        super().__init__({"x": stats.randint(1, 1000)}, seed=seed)
        self.left = [{"x": int(x)} for x in self.rng.permutation(n) + 1]
        self.told = []

    def propose(self):
        return self.left.pop() if self.left else None

    def update(self, config, error, epoch=None, info=None):
        self.told.append((config["x"], error, epoch))


def by_x(trial):
    """Curves that never cross: the smallest x is the best at every epoch."""
    return trial.config["x"] + 1 / (trial.max_epochs or 8)


class Run:
    """Runs a scheduler's trials on some workers, and checks what holds for every scheduler.

    Reports come in the order of the suggestions ("first"), in the opposite one ("last"), or in a
    random one. An objective that can report does so after each epoch.
    """

    def __init__(self, scheduler, error=by_x, workers=1, order="first", seed=0):
        self.scheduler, self.error, self.workers, self.order = scheduler, error, workers, order
        self.rng = np.random.default_rng(seed)
        self.suggested, self.running = [], deque()
        self.reached = {}  # by trial, the epoch of its last report
        self.failed, self.over = set(), set()

    def ask(self):
        """Take a trial, unless there is none; check that it may run now."""
        trial = self.scheduler.suggest()
        if trial is None:
            return None
        name = trial.trial_id
        assert type(trial) is Trial and name not in {other.trial_id for other in self.running}
        assert check_configuration(self.scheduler.searcher.config_space, trial.config)
        if name not in self.reached and trial.source is None:
            assert trial.epoch == 0 and name == len({each.trial_id for each in self.suggested})
        elif trial.source is None:
            assert trial.epoch == self.reached[name] < trial.max_epochs
            first = next(each for each in self.suggested if each.trial_id == name)
            assert trial.config == first.config
        else:
            assert self.reached[trial.source] == trial.epoch and name not in self.reached
            assert trial.source not in self.failed
        assert not {name, trial.source} & (self.failed | self.over)
        assert 1 <= (trial.max_epochs or 1) <= 27
        self.suggested.append(trial)
        self.running.append(trial)
        return trial

    def answer(self):
        """Report one of the running trials."""
        i = {"first": 0, "last": -1}.get(self.order)
        i = int(self.rng.integers(len(self.running))) if i is None else i
        trial = self.running[i]
        del self.running[i]
        error, name = self.error(trial), trial.trial_id
        if self.scheduler.needs_reports:
            for epoch in range(1, trial.max_epochs + 1):
                error = self.error(replace(trial, max_epochs=epoch))
                if not self.scheduler.report(trial, error, epoch):
                    break
            self.reached[name] = epoch
        else:
            self.reached[name] = trial.max_epochs
        if not math.isfinite(error):
            self.failed.add(name)
        self.scheduler.update(trial, error)
        self.note_ended()
        return trial

    def note_ended(self):
        """Check which trials never go on."""
        ended = self.scheduler.ended()
        assert not self.over & {*ended} and len({*ended}) == len(ended)
        assert {*ended} <= {*self.reached} - {each.trial_id for each in self.running}
        self.over |= {*ended}

    def steps(self, n):
        """Make n reports, or fewer if the search ends before."""
        for _ in range(n):
            while len(self.running) < self.workers and self.ask():
                pass
            if not self.running:
                return self
            self.answer()
        return self

    def to_the_end(self):
        """Run until nothing is suggested and nothing runs."""
        self.steps(5_000)
        assert not self.running and self.scheduler.suggest() is None
        self.note_ended()
        return self


def scheduler_of(kind, configurations=20, **settings):
    return make_scheduler(kind, Learner(configurations), **settings)


def test_all_public_schedulers_are_found():
    assert {*VARIANTS} <= {*SCHEDULERS} and {*HALVING, PBTScheduler} <= {*VARIANTS}


# -- suggestions, and the end ---------------------------------------------------------------------

@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("workers", [1, 3, 40])
@every
def test_a_search_of_a_finite_space_ends(kind, settings, workers, order):
    run = Run(scheduler_of(kind, **settings), workers=workers, order=order).to_the_end()
    if kind is not PBTScheduler:
        assert {trial.config["x"] for trial in run.suggested} == {*range(1, 21)}
    pairs = [(trial.trial_id, trial.max_epochs) for trial in run.suggested]
    assert len({*pairs}) == len(pairs)
    for _ in range(5):
        assert run.scheduler.suggest() is None and run.scheduler.ended() == []


@every
def test_a_searcher_with_nothing_to_propose(kind, settings):
    scheduler = scheduler_of(kind, 0, **settings)
    if kind is PBTScheduler:
        with pytest.raises(ValueError, match="a population needs at least 2"):
            scheduler.suggest()
    else:
        assert [scheduler.suggest() for _ in range(3)] == [None] * 3


@every
def test_one_configuration_or_two(kind, settings):
    for n in (1, 2):
        if kind is not PBTScheduler or n > 1:
            run = Run(scheduler_of(kind, n, **settings)).to_the_end()
            assert len(run.reached) >= n


@every
def test_asking_while_nothing_can_run_changes_nothing(kind, settings):
    patient, eager = (Run(scheduler_of(kind, **settings), workers=4) for _ in range(2))
    for _ in range(60):
        patient.steps(1)
        eager.steps(1)
        while len(eager.running) < 4 and eager.ask():
            pass
        if len(eager.running) < 4:
            assert [eager.scheduler.suggest() for _ in range(3)] == [None] * 3
        while len(patient.running) < 4 and patient.ask():
            pass
    assert patient.suggested == eager.suggested


@every
def test_a_paused_trial_goes_on_from_where_it_is(kind, settings):
    run = Run(scheduler_of(kind, **settings), workers=3).to_the_end()  # `Run.ask` compares
    later = [trial for trial in run.suggested if trial.epoch]
    assert bool(later) == (kind in {*HALVING, FoldScheduler, PBTScheduler})
    for trial in later:
        assert any(other.max_epochs == trial.epoch for other in run.suggested
                   if other.trial_id == (trial.trial_id if trial.source is None
                                         else trial.source))


@every
def test_each_report_reaches_the_searcher_once(kind, settings):
    run = Run(scheduler_of(kind, **settings), workers=3, order="random").to_the_end()
    told = run.scheduler.searcher.told
    assert {x for x, _, _ in told} == {trial.config["x"] for trial in run.suggested}
    if kind is not PBTScheduler:  # there, different trials may have the same configuration
        assert max(Counter((x, epoch) for x, _, epoch in told).values()) == 1


# -- seeds, copies, descriptions ------------------------------------------------------------------

@every
def test_equal_seeds_give_equal_decisions(kind, settings):
    first, again = (Run(scheduler_of(kind, **settings), workers=3, order="random").to_the_end()
                    for _ in range(2))
    assert first.suggested == again.suggested and first.reached == again.reached


COPIES = {"copy": copy.deepcopy, "pickle": lambda kept: pickle.loads(pickle.dumps(kept))}


@pytest.mark.parametrize("way", COPIES)
@every
def test_a_copy_goes_on_alike_and_by_itself(kind, settings, way):
    for n in (0, 1, 7, 15):
        run = Run(scheduler_of(kind, **settings), workers=3).steps(n)
        other = COPIES[way](run)
        other.to_the_end()
        assert run.to_the_end().suggested == other.suggested


@every
def test_a_description_is_plain_and_stays(kind, settings):
    scheduler = scheduler_of(kind, **settings)
    before = json.dumps(scheduler.describe(), allow_nan=False)
    Run(scheduler).steps(15)
    assert json.dumps(scheduler.describe(), allow_nan=False) == before
    assert json.loads(before)["class"] == kind.__name__


# -- failures -------------------------------------------------------------------------------------

@pytest.mark.parametrize("failure", FAILURES)
@every
def test_failed_trials_hold_nothing_up_and_never_go_on(kind, settings, failure):
    def error(trial):
        return failure if trial.config["x"] % 3 == 0 else by_x(trial)
    run = Run(scheduler_of(kind, **settings), error, workers=3).to_the_end()
    assert run.failed and (kind is PBTScheduler or len(run.reached) == 20)
    told = [error for x, error, _ in run.scheduler.searcher.told if x % 3 == 0]
    assert told and not any(map(math.isfinite, told))


@pytest.mark.parametrize("least", [1, 2, 4])
@every
def test_a_failure_is_the_same_whichever_number_it_returned(kind, settings, least):
    runs = [Run(scheduler_of(kind, **settings), lambda trial, failure=failure:
                failure if trial.config["x"] % 3 == 0 and (trial.max_epochs or 8) >= least
                else by_x(trial)).to_the_end() for failure in FAILURES]
    assert runs[0].suggested == runs[1].suggested == runs[2].suggested
    incumbents = [getattr(run.scheduler, "incumbent", None) for run in runs]
    assert incumbents[0] == incumbents[1] == incumbents[2]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_on_the_last_fold_is_no_incumbent(failure):
    scheduler = scheduler_of(FoldScheduler, 2)
    for error in (1.0, 1.0, 1.0, failure):
        trial = scheduler.suggest()
        scheduler.update(trial, error)
    assert trial.max_epochs == 4 and scheduler.incumbent is None
    for _ in range(4):
        other = scheduler.suggest()
        scheduler.update(other, 2.0)
    assert scheduler.incumbent == other.config != trial.config
    assert math.isnan(scheduler.searcher.told[0][1])


@every
def test_failures_on_a_later_rung(kind, settings):
    def error(trial):
        return math.nan if (trial.max_epochs or 1) > 3 and trial.config["x"] < 4 else by_x(trial)
    run = Run(scheduler_of(kind, **settings), error, workers=3).to_the_end()
    assert kind is PBTScheduler or len(run.reached) == 20


@pytest.mark.parametrize("workers", [1, 3, 40])
@every
def test_a_search_in_which_everything_fails_ends(kind, settings, workers):
    run = Run(scheduler_of(kind, **settings), lambda trial: math.nan, workers).to_the_end()
    assert {trial.epoch for trial in run.suggested} == {0}


@pytest.mark.filterwarnings("ignore:trial .* failed|no trial succeeded|there is no incumbent")
@every
def test_the_best_error_is_kept_whatever_comes_later(kind, settings, tmp_path):
    def value(config, epoch):
        return math.nan if config["x"] == 2 else config["x"] + 1 / epoch

    def objective(config, max_epochs=8, checkpoint=None):
        checkpoint.write_text("weights")
        return value(config, max_epochs)

    def reporting(config, max_epochs, report):
        for epoch in range(1, max_epochs + 1):
            if not report(value(config, epoch), epoch):
                break
        return value(config, epoch)
    objective = reporting if kind.needs_reports else objective
    tuner = HPOTuner(scheduler_of(kind, **settings), objective, checkpoint_dir=tmp_path)
    best = math.inf
    for n in range(1, 21, 3):
        tuner.run(number_of_trials=n)
        assert tuner.incumbent_error is None or tuner.incumbent_error <= best
        if tuner.incumbent is not None:
            best = tuner.incumbent_error
            assert math.floor(best) in {tuner.incumbent["x"], tuner.incumbent["x"] + 1}
    assert math.isfinite(best)


# -- who goes on ----------------------------------------------------------------------------------

@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("workers", [1, 5])
@pytest.mark.parametrize(("kind", "settings"), [
    case for case in CASES if case[0] is not PBTScheduler  # it changes its configurations
], ids=lambda part: getattr(part, "__name__", str(part)))
def test_the_best_trial_is_never_dropped(kind, settings, workers, order):
    if settings.get("r_max") == 20 and kind is ASHAScheduler:
        settings = {**settings, "eta": 2}  # 20 trials do not fill the rungs of eta=3
    run = Run(scheduler_of(kind, 32, **settings), workers=workers, order=order).to_the_end()
    best = next(trial.trial_id for trial in run.suggested if trial.config["x"] == 1)
    assert run.reached[best] in (None, max(epochs or 0 for epochs in run.reached.values()))


@pytest.mark.parametrize("kind", [ASHAScheduler, SuccessiveHalvingScheduler])
def test_fewer_and_better_trials_reach_each_next_rung(kind):
    run = Run(scheduler_of(kind, 32, **({"rounds": 1} if kind is not ASHAScheduler else {})),
              workers=4, order="random").to_the_end()
    rungs = [1, 2, 4, 8]
    counts = [sum(trial.max_epochs == rung and trial.epoch > 0 for trial in run.suggested)
              for rung in rungs]
    assert counts[0] == 0 and all(later <= earlier for earlier, later
                                  in itertools.pairwise(counts[1:]))
    for epoch in rungs[1:]:
        went_on = [t.config["x"] for t in run.suggested if t.epoch == epoch // 2]
        assert not went_on or np.mean(went_on) < 16.5


@pytest.mark.parametrize("kind", [HyperbandScheduler, SuccessiveHalvingScheduler])
def test_equal_errors_promote_equally_many_in_any_order(kind):
    def error(trial):
        return float(trial.config["x"] % 4)
    ways = [Run(scheduler_of(kind, 16, rounds=1), error, workers=16, order=order, seed=seed)
            for order in ORDERS for seed in range(3)]
    promoted = [Counter((trial.epoch, error(trial)) for trial in way.to_the_end().suggested
                        if trial.epoch) for way in ways]
    if kind is SuccessiveHalvingScheduler:
        assert all(found == promoted[0] for found in promoted)
    assert len({json.dumps(sorted(Counter(epoch for epoch, _ in found.elements()).items()))
                for found in promoted}) == 1


@every
def test_all_errors_equal(kind, settings):
    run = Run(scheduler_of(kind, **settings), lambda trial: 0.5, workers=3).to_the_end()
    assert kind is PBTScheduler or len(run.reached) == 20


@every
def test_decisions_do_not_depend_on_the_unit_of_the_errors(kind, settings):
    ways = [Run(scheduler_of(kind, **settings), lambda trial, unit=unit: unit * by_x(trial),
                workers=3).to_the_end() for unit in (1.0, 2.0**60, 2.0**-60)]
    assert ways[0].suggested == ways[1].suggested == ways[2].suggested
    assert ways[0].reached == ways[1].reached == ways[2].reached


@pytest.mark.parametrize("kind", [*HALVING, PBTScheduler])
def test_decisions_of_ranks_depend_on_ranks_alone(kind):
    ways = [Run(scheduler_of(kind), lambda trial, moved=moved: moved(by_x(trial)),
                workers=3).to_the_end()
            for moved in (float, math.log, lambda error: error**3 - 1e6)]
    assert ways[0].suggested == ways[1].suggested == ways[2].suggested


@every
def test_trials_that_have_ended_are_all_that_never_go_on(kind, settings):
    run = Run(scheduler_of(kind, 32, **settings), workers=3).to_the_end()
    if kind in ENDLESS:
        assert run.over == set()
    elif kind is not ASHAScheduler:  # there, a trial on a rung may always go on
        left = {*run.reached} - run.over
        assert len(left) <= (4 if kind is PBTScheduler else 0)


def test_each_bracket_begins_at_its_rung():
    run = Run(scheduler_of(HyperbandScheduler, 100, rounds=1, eta=3, r_max=27)).to_the_end()
    begun = Counter(trial.max_epochs for trial in run.suggested if trial.epoch == 0)
    assert begun == {rungs[0]: n for n, rungs in hyperband_brackets([1, 3, 9, 27], 3)}
    asha = Run(scheduler_of(ASHAScheduler, 300, brackets=4)).to_the_end()
    begun = Counter(trial.max_epochs for trial in asha.suggested if trial.epoch == 0)
    assert [*sorted(begun)] == [1, 2, 4, 8] and sum(begun.values()) == 300
    assert begun[1] > begun[4] and begun[1] > begun[8]


# -- reports --------------------------------------------------------------------------------------

@every
def test_a_report_that_is_repeated_counts_once(kind, settings):
    once, twice = (Run(scheduler_of(kind, **settings), workers=3) for _ in range(2))
    for _ in range(25):
        once.steps(1)
        before = list(twice.suggested)
        twice.steps(1)
        for trial in before:
            if trial not in twice.running:
                twice.scheduler.update(trial, by_x(trial))
                twice.scheduler.update(trial, math.nan)
    assert once.suggested == twice.suggested
    told, again = (run.scheduler.searcher.told for run in (once, twice))
    assert told and told == again


@every
def test_a_report_of_a_trial_that_was_never_suggested(kind, settings):
    scheduler = scheduler_of(kind, **settings)
    run = Run(scheduler).steps(3)
    for name in (99, -1):
        with pytest.raises(ValueError, match=f"trial {name}"):
            scheduler.update(Trial(name, {"x": 5}, 1), 0.5)
    run.to_the_end()


@every
def test_what_was_suggested_belongs_to_the_caller(kind, settings):
    careful, careless = (Run(scheduler_of(kind, **settings)) for _ in range(2))
    for _ in range(30):
        careful.steps(1)
        trial = careless.scheduler.suggest()
        if trial is None:
            break
        kept = copy.deepcopy(trial)
        trial.config["x"] = 999
        trial.config["other"] = "changed"
        assert kept == careful.suggested[len(careless.suggested)]
        careless.suggested.append(kept)
        careless.running.append(kept)
        careless.answer()


# -- rules that stop a running trial --------------------------------------------------------------

def test_the_first_trial_is_never_stopped():
    for scheduler in (scheduler_of(MedianStoppingScheduler, min_trials=1),
                      scheduler_of(ASHAScheduler, mode="stopping")):
        trial = scheduler.suggest()
        assert all(scheduler.report(trial, float(epoch), epoch) for epoch in range(1, 8))


def test_a_trial_is_stopped_at_every_rung_where_it_is_bad():
    for rung in (1, 2, 4):
        scheduler = scheduler_of(ASHAScheduler, mode="stopping")
        good = [scheduler.suggest() for _ in range(4)]
        for epoch in range(1, 9):
            for trial in good:
                scheduler.report(trial, 0.1, epoch)
        trial, stopped = scheduler.suggest(), []
        for epoch in range(1, 9):
            if not scheduler.report(trial, 0.9 if epoch >= rung else 0.05, epoch):
                stopped.append(epoch)
        assert stopped[0] == rung and stopped == [*range(rung, 9)]


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_the_median_decides_at_every_epoch(epoch):
    scheduler = scheduler_of(MedianStoppingScheduler)
    for error in (0.2, 0.4):
        trial = scheduler.suggest()
        for reached in range(1, 9):
            assert scheduler.report(trial, error, reached) or error == 0.4
        scheduler.update(trial, error)
    for last, goes_on in [(0.25, True), (0.3, True), (0.35, False)]:
        trial = copy.deepcopy(scheduler)
        running = trial.suggest()
        errors = [last] * epoch
        decisions = [trial.report(running, error, i) for i, error in enumerate(errors, start=1)]
        assert decisions[-1] == goes_on


def test_the_median_waits_for_enough_trials_and_epochs():
    for settings, goes_on in [({"min_trials": 2}, False), ({"min_trials": 3}, True),
                              ({"min_trials": 2, "grace_epochs": 2}, True)]:
        scheduler = scheduler_of(MedianStoppingScheduler, **settings)
        for _ in range(2):
            assert scheduler.report(scheduler.suggest(), 0.1, 1)
        assert scheduler.report(scheduler.suggest(), 0.9, 1) == goes_on


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_report_stops_a_trial_and_is_in_no_median(failure):
    scheduler = scheduler_of(MedianStoppingScheduler)
    failing = [scheduler.suggest() for _ in range(3)]
    assert not any(scheduler.report(trial, failure, 1) for trial in failing)
    trials = [scheduler.suggest() for _ in range(3)]
    assert [scheduler.report(trial, error, 1)
            for trial, error in zip(trials, (0.1, 0.9, 0.8), strict=True)] == [True, True, False]


@pytest.mark.parametrize("kind", [MedianStoppingScheduler, ASHAScheduler])
def test_a_trial_that_was_stopped_is_told_so_again(kind):
    scheduler = scheduler_of(kind, **({"mode": "stopping"} if kind is ASHAScheduler else {}))
    for _ in range(4):
        assert scheduler.report(scheduler.suggest(), 0.1, 1)
    trial = scheduler.suggest()
    assert not scheduler.report(trial, 0.9, 1)
    assert not scheduler.report(trial, 0.9, 1)
    assert not scheduler.report(trial, 0.01, 2)
    assert scheduler.report(scheduler.suggest(), 0.1, 1)


@every
def test_a_report_inside_a_trial_goes_on_by_default(kind, settings):
    scheduler = scheduler_of(kind, **settings)
    trial = scheduler.suggest()
    assert scheduler.report(trial, 0.5, 1) is True
    assert (scheduler.last_epoch(trial) or 8) >= (trial.max_epochs or 1)


# -- arguments ------------------------------------------------------------------------------------

BAD = {"eta": [1, 0, 2.5], "r_min": [0, -1, 9], "r_max": [0, 1.5], "n": [3], "rounds": [0],
       "open_brackets": [0], "brackets": [0, 5], "mode": ["fixed"], "seed": [-1],
       "max_epochs": [0, -3], "grace_epochs": [0], "min_trials": [0, -1], "batch_size": [0],
       "folds": [1], "step": [0], "population_size": [1], "fraction": [-0.1, 0.6],
       "width": [2], "resample": [-1]}


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_number_beyond_its_bound_is_named_with_its_value(kind):
    names = [name for name in BAD if takes(kind, name)]
    assert names
    for name, value in [(each, value) for each in names for value in BAD[each]]:
        with pytest.raises((TypeError, ValueError), match=f"{name} is {value!r}"):
            scheduler_of(kind, **{name: value})


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_what_is_no_searcher_is_refused(kind):
    for thing in (None, SPACE, RandomSearcher):
        with pytest.raises(TypeError, match="expected a (searcher|scheduler) such as"):
            kind(**{**({"scheduler": thing, "batch_size": 2} if kind is BatchScheduler
                       else {"searcher": thing, **fitting(kind, OFFERED)})})


@every
def test_a_batch_of_one_on_one_worker_changes_no_decision(kind, settings):
    inner = Run(scheduler_of(kind, **settings)).to_the_end()
    outer = Run(BatchScheduler(scheduler_of(kind, **settings), 1)).to_the_end()
    assert inner.suggested == outer.suggested and inner.over == outer.over


def test_a_grid_and_brackets_end_together():
    searcher = GridSearcher({"x": stats.randint(1, 9)}, points=8)
    for kind in (HyperbandScheduler, SuccessiveHalvingScheduler, ASHAScheduler):
        run = Run(make_scheduler(kind, copy.deepcopy(searcher)), workers=2).to_the_end()
        assert {trial.config["x"] for trial in run.suggested} == {*range(1, 9)}

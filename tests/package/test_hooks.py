"""What the engine asks of a scheduler: wrappers pass all of it on, and nothing else is taken."""
import inspect

import pytest
from scipy import stats
from scripted_curves import lasting

from d2l_hpo import (
    BasicScheduler, BatchScheduler, CostAwareSearcher, HPOScheduler, HPOTuner, PBTScheduler,
    RandomSearcher, Trial, simulate,
)
from d2l_hpo.schedulers import SchedulerBase, SchedulerWrapper

SPACE = {"x": stats.uniform(0, 1)}
OWN = {"setting_names", "own_settings", "over", "is_first_report"}
"""Names of a wrapper that are its own: its settings, what the default of `ended` reads, and what a
scheduler asks itself in `update`."""


def hooks():
    """The public names of a scheduler, annotated ones included."""
    names = {name for kind in (SchedulerBase, HPOScheduler)
             for name in [*vars(kind), *inspect.get_annotations(kind)]}
    return sorted(name for name in names - OWN if not name.startswith("_"))


class Recording(HPOScheduler):
    """Notes which hooks were asked for, and answers each in a way that no default does."""

    searcher = RandomSearcher(SPACE)

    def __init__(self):
        self.asked = []

    @property
    def needs_checkpoints(self):
        self.asked.append("needs_checkpoints")
        return True

    @property
    def needs_reports(self):
        self.asked.append("needs_reports")
        return True

    def describe(self):
        self.asked.append("describe")
        return {"class": "Recording", "space": [], "seed": 5, "settings": {"inside": 1}}


def answering(name):
    def answer(self, *arguments):
        self.asked.append(name)
        return [name, *arguments]
    return answer


for hook in set(hooks()) - {"searcher", "needs_checkpoints", "needs_reports", "describe"}:
    setattr(Recording, hook, answering(hook))


def arguments_of(name):
    """Some arguments for each parameter of a hook."""
    given = {"trial": Trial(7, {"x": 0.5}, 3), "error": 0.25, "epoch": 2, "info": {"seconds": 2.0}}
    return [given[parameter] for parameter in
            list(inspect.signature(getattr(HPOScheduler, name)).parameters)[1:]]


@pytest.mark.parametrize("name", hooks())
@pytest.mark.parametrize("wrap", [SchedulerWrapper, lambda inside: BatchScheduler(inside, 2)])
def test_a_wrapper_passes_every_hook_on(wrap, name):
    inside = Recording()
    outside = wrap(inside)
    if name == "searcher":
        assert outside.searcher is inside.searcher
    elif name.startswith("needs_"):
        assert getattr(outside, name) is True
    elif name == "describe":
        assert outside.describe()["settings"]["scheduler"] == inside.describe()
    else:
        arguments = arguments_of(name)
        inside.suggest = lambda: inside.asked.append("suggest") or Trial(7, {"x": 0.5}, 3)
        result = getattr(outside, name)(*arguments)
        assert inside.asked[-1] == name
        assert name in ("suggest", "update", "check_report") or result == [name, *arguments]


def test_hooks_of_a_wrapper_are_those_of_a_scheduler():
    assert {"searcher", "needs_checkpoints", "needs_reports", "suggest", "update", "ended",
            "check_report", "report", "last_epoch", "score", "describe"} == set(hooks())


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_population_is_refused_without_checkpoints_however_it_is_wrapped(depth):
    scheduler = PBTScheduler(RandomSearcher(SPACE), max_epochs=4, population_size=4)
    for _ in range(depth):
        scheduler = BatchScheduler(scheduler, 2)
    with pytest.raises(ValueError, match="give a checkpoint_dir"):
        HPOTuner(scheduler, lambda config, max_epochs, checkpoint: 0.5)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_number_that_is_missing_stops_a_search_however_it_is_wrapped(depth, tmp_path):
    def searching(objective):
        scheduler = BasicScheduler(CostAwareSearcher(SPACE, cost="seconds"))
        for _ in range(depth):
            scheduler = BatchScheduler(scheduler, 2)
        return HPOTuner(scheduler, objective, journal=tmp_path / "search.jsonl")

    def objective(config):
        return {"error": config["x"], **more}
    more = {}
    search = searching(objective)
    with pytest.raises(ValueError, match="'seconds' is missing"):
        search.run(number_of_trials=4)
    journal = (tmp_path / "search.jsonl").read_text(encoding="utf-8")
    assert len(search.records) == 0 and "finished" not in journal
    more["seconds"] = 1.0
    again = searching(objective)
    again.run(number_of_trials=4)
    assert list(again.records["status"]) == ["completed"] * 4


class OnlySuggests:
    """Has the two methods of a scheduler, and nothing else."""

    def suggest(self):
        return Trial(0, {"x": 0}, 1)

    def update(self, trial, error, info=None):
        pass


@pytest.mark.parametrize("thing", [OnlySuggests(), OnlySuggests, BasicScheduler,
                                   RandomSearcher(SPACE), SPACE, None])
@pytest.mark.parametrize("use", [
    lambda thing: HPOTuner(thing, lambda config: 0.5), lambda thing: BatchScheduler(thing, 2),
    lambda thing: simulate(thing, lasting(1.0), number_of_trials=1)],
    ids=["tuner", "batch", "simulate"])
def test_what_is_no_scheduler_is_refused_at_once(use, thing):
    with pytest.raises(TypeError, match=r"scheduler is .*, expected .* BasicScheduler\(searcher\)"):
        use(thing)


def test_a_scheduler_without_a_searcher_runs_to_its_end():
    class Own(HPOScheduler):
        left = [Trial(1, {"x": 1}), Trial(0, {"x": 0})]

        def suggest(self):
            return self.left.pop() if self.left else None

        def update(self, trial, error, info=None):
            pass
    search = HPOTuner(BatchScheduler(Own(), 1), lambda config: config["x"])
    search.run()
    assert list(search.records["status"]) == ["completed", "completed"]

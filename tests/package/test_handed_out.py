"""What a search hands out may be changed: that changes neither it nor what it keeps."""
import copy
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from every_method import SCHEDULERS, make_scheduler
from journaled import events
from operations import operations
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, ConstrainedSearcher, HPOSearcher, HPOTuner, Patience,
    PBTScheduler, RandomSearcher, read_journal, simulate,
)
from d2l_hpo.tools import copied

UNTIMED = ("trial_id", "config", "epoch", "max_epochs", "error", "status", "attempt", "info")


def config_of(number):
    """Return a configuration with nested values."""
    return {"x": number % 7, "layers": [number, number + 1], "more": {"rates": [0.1, 0.2]}}


def spoil(value):
    """Change a dictionary or list, and all inside it."""
    for item in list(value.values() if isinstance(value, dict) else value):
        if isinstance(item, dict | list):
            spoil(item)
    if isinstance(value, dict):
        value.pop(next(iter(value), None), None)
        value["spoiled"] = True
    else:
        value.append("spoiled")


class Numbered(HPOSearcher):
    """Proposes configurations with nested values and keeps copies of what it is told."""

    def __init__(self):
        super().__init__({"x": stats.randint(0, 10 ** 9)})
        self.proposed, self.told = 0, []

    def propose(self):
        self.proposed += 1
        return config_of(self.proposed - 1)

    def update(self, config, error, epoch=None, info=None):
        self.told.append(copy.deepcopy((config, error, epoch, info)))


class Meddling(Numbered):
    """Proposes one dictionary again and again, with other values, and changes what it is told."""

    def __init__(self):
        super().__init__()
        self.mine = {}

    def propose(self):
        self.mine.clear()
        self.mine.update(super().propose())
        return self.mine

    def update(self, config, error, epoch=None, info=None):
        super().update(config, error, epoch, info)
        spoil(config)
        spoil(info)

    def check_report(self, error, info):
        spoil(info)

    def score(self, config, error, info):
        spoil(config)
        spoil(info)
        return error


class MeddlingCallback:
    """Changes all that it is given."""

    def __init__(self):
        self.calls = 0

    def trial_begin(self, trial):
        self.calls += 1
        spoil(trial.config)

    def report(self, trial, error, epoch, info):
        spoil(trial.config)
        spoil(info)

    def trial_end(self, trial, row):
        spoil(trial.config)
        spoil(row["config"])
        spoil(row["info"])
        spoil(row)


def error_of(config, max_epochs):
    assert config["layers"] == config_of(config["layers"][0])["layers"], "somebody else's"
    return (config["x"] + 1) / max_epochs


class Objective:
    """Returns numbers in a dictionary; if it meddles, it changes its own and the result of before.
    """

    def __init__(self, meddles):
        self.meddles, self.results, self.lock = meddles, [], threading.Lock()

    def __call__(self, config, max_epochs=3):
        result = {"error": error_of(config, max_epochs), "history": [1, {"size": [2]}]}
        if self.meddles:
            with self.lock:
                for earlier in self.results:
                    spoil(earlier)
                self.results = [result]
                spoil(config)
        return result


class ReportingObjective(Objective):
    def __call__(self, config, report, max_epochs=3):
        kept = copy.deepcopy(config)
        if self.meddles:
            spoil(config)
        for epoch in range(1, max_epochs + 1):
            if not report(error_of(kept, epoch), epoch, size=epoch):
                return


def meddle_with(tuner):
    """Change all that a tuner, or a journal that was read, says."""
    for row in [*tuner.rows, *tuner.records.to_dict("records")]:
        spoil(row["config"])
        spoil(row["info"])
    spoil(tuner.incumbent)
    spoil(tuner.incumbent_trajectory)
    spoil(tuner.cumulative_runtime)


def outcome(tuner):
    """Return what a search says, without times."""
    rows = [{name: row[name] for name in UNTIMED} for row in tuner.rows]
    return (rows, tuner.incumbent, tuner.incumbent_trajectory,
            [copy.deepcopy(part) for part in tuner.records["config"]])


def search(kind, meddles, objective=Objective, journal=None, n=(4, 9), **others):
    """Run a search in two parts, in which all parts do what they should not, if it meddles."""
    scheduler = make_scheduler(kind, Meddling() if meddles else Numbered())
    tuner = HPOTuner(scheduler, objective(meddles), journal=journal, stop=Patience(10 ** 6),
                     callbacks=[MeddlingCallback()] if meddles else [], **others)
    for number in n:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="a trial goes on|there is no incumbent")
            tuner.run(number_of_trials=number)
        if meddles and tuner.incumbent is not None:
            meddle_with(tuner)
    assert not meddles or tuner.callbacks.all[0].calls
    return tuner


RESUMING = [kind for kind in SCHEDULERS if kind is not PBTScheduler]


@pytest.mark.parametrize("objective", [Objective, ReportingObjective])
@pytest.mark.parametrize("kind", RESUMING)
def test_whoever_meddles_changes_nothing(kind, objective, tmp_path):
    if kind.needs_reports and objective is Objective:
        pytest.skip("decides on reports")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        polite = search(kind, False, objective)
        meddling = search(kind, True, objective)
        journaled = search(kind, True, objective, journal=tmp_path / "search.jsonl")
    for other in (meddling, journaled):
        assert outcome(other) == outcome(polite)
        assert other.scheduler.searcher.told == polite.scheduler.searcher.told
    read = read_journal(tmp_path / "search.jsonl")
    if read.incumbent is not None:
        meddle_with(read)
    assert outcome(read)[0] == outcome(polite)[0]
    assert "spoiled" not in str(events(tmp_path / "search.jsonl"))
    again = search(kind, True, objective, journal=tmp_path / "search.jsonl", n=(11,))
    straight = search(kind, False, objective, n=(4, 9, 11))
    assert outcome(again) == outcome(straight)


def test_on_threads_too():
    results = []
    for meddles in (False, True):
        with ThreadPoolExecutor(1) as executor:
            results.append(search(ASHAScheduler, meddles, executor=executor))
    polite, meddling = results
    assert outcome(meddling) == outcome(polite)
    assert meddling.scheduler.searcher.told == polite.scheduler.searcher.told


class Benchmark:
    """A recorded task that changes what it is given, if it meddles, and its last answer."""

    def __init__(self, meddles):
        self.meddles, self.answer = meddles, {}

    def curve(self, config):
        errors = [error_of(config, epoch) for epoch in range(1, 9)]
        if self.meddles:
            spoil(config)
        return errors, [*range(1, 9)]

    def measure(self, config):
        if self.meddles:
            spoil(self.answer)
            spoil(config)
        self.answer = {"sizes": [1, 2]}
        return self.answer


@pytest.mark.parametrize("kind", [kind for kind in RESUMING if not kind.needs_reports])
def test_in_a_simulation_too(kind):
    found = []
    for meddles in (False, True):
        searcher = Meddling() if meddles else Numbered()
        records = simulate(make_scheduler(kind, searcher), Benchmark(meddles), n_workers=2,
                           number_of_trials=9)
        found.append((records.to_dict("records"), searcher.told))
    assert found[0] == found[1]


def test_the_trials_of_a_lineage_are_copies():
    def run(meddles):
        scheduler = PBTScheduler(RandomSearcher({"x": stats.uniform(0, 1)}), max_epochs=5,
                                 population_size=4)
        configs = []
        while trial := scheduler.suggest():
            configs.append(dict(trial.config))
            scheduler.update(trial, trial.config["x"])
            if meddles:
                for part in scheduler.lineage(trial.trial_id):
                    part.config["x"] = 0.5
        return configs
    assert run(True) == run(False)


def test_a_description_is_a_copy():
    searcher = ConstrainedSearcher({"x": stats.uniform(0, 1)}, {"x": 0.5}, limits={"size": 1.0},
                                   initial_configs=[{"x": 0.25}])
    scheduler = BasicScheduler(searcher)
    before = copy.deepcopy(scheduler.describe())
    spoil(scheduler.describe())
    assert scheduler.describe() == before
    assert searcher.limits == {"size": 1.0} and searcher.initial_config == {"x": 0.5}
    assert searcher.sample_configuration() == {"x": 0.5}


# -- the copies -----------------------------------------------------------------------------------

def test_nested_values_are_copied_and_objects_are_shared():
    lock = threading.Lock()
    entries = {"a": 1, "b": [1, (2, [3]), {4}], "c": {"d": {"e": []}}, "lock": lock, "f": [lock]}
    new = copied(entries)
    assert new == entries and new["lock"] is lock and new["f"][0] is lock
    spoil(new)
    new["b"][1][1].append(5)
    new["b"][2].add(6)
    assert entries == {"a": 1, "b": [1, (2, [3]), {4}], "c": {"d": {"e": []}}, "lock": lock,
                       "f": [lock]}


def test_what_holds_itself_does_so_in_its_copy():
    entries = {"one": [1]}
    entries["self"], entries["two"] = entries, entries["one"]
    entries["one"].append(entries["one"])
    new = copied(entries)
    assert new is not entries and new["self"] is new and new["one"] is new["two"]
    assert new["one"] is not entries["one"] and new["one"][1] is new["one"]


def test_a_value_may_be_nested_deeper_than_a_copy_goes():
    deep = []
    for _ in range(5_000):
        deep = [deep]
    copy = copied({"deep": deep})
    assert copy["deep"] is not deep and copy["deep"][0] is not deep[0]
    search = HPOTuner(BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0)),
                      lambda config: {"error": 0.5, "deep": deep})
    search.run(number_of_trials=1)
    assert search.incumbent_error == 0.5


def test_many_numbers_are_copied_at_once():
    """Not one by one: a list of a million costs no more than Python's own copy and a look."""
    numbers = [0.5] * 100_000
    counted = operations(lambda: copied({"curve": numbers, "both": [numbers, numbers]}))
    assert counted < 1_000

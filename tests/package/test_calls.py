"""An objective is given what it accepts as it is called, and ends alike wherever it runs."""
import functools
import sys
import types

import pytest
from scripted_trials import Listed
from worker_searches import by_id, opened, tuner
from concurrent.futures import ThreadPoolExecutor

from d2l_hpo import BasicScheduler, HPOTuner, ray_trainable
from d2l_hpo.tuning import OwnWorkers, accepted_keywords
from d2l_hpo.tuning import workers as workers_module
from d2l_hpo.tuning.calls import call_own, load_own

OFFERED = {"seed": 3, "max_epochs": 5, "checkpoint": "file"}


def plain(config, max_epochs=1, seed=0):
    return {"error": 0.5, "given": {"max_epochs": max_epochs, "seed": seed}}


def passing(function):
    @functools.wraps(function)
    def wrapper(*arguments, **keywords):
        return function(*arguments, **keywords)
    return wrapper


def withholding(function):
    @functools.wraps(function)
    def wrapper(config):
        return function(config)
    return wrapper


def unnamed(function):
    def wrapper(*arguments, **keywords):
        return function(*arguments, **keywords)
    return wrapper


class Callable:
    def __call__(self, config, seed):
        return 0.5

    def method(self, config, max_epochs):
        return 0.5

    @passing
    def decorated(self, config, max_epochs):
        return 0.5

    @classmethod
    def of_the_class(cls, config, seed):
        return 0.5

    @staticmethod
    def static(config, checkpoint):
        return 0.5


class Making(dict):
    """A class that is called itself: its results are its instances."""

    def __init__(self, config, max_epochs):
        super().__init__(error=0.5)


class Holding:
    """A callable object with an attribute that other callables have, too."""

    def __init__(self, func):
        self.func = func

    def __call__(self, config, **keywords):
        return 0.5


EVERYTHING = set(OFFERED)
CASES = {
    "plain": (plain, {"max_epochs", "seed"}),
    "nothing": (lambda config: 0, set()),
    "everything": (lambda config, **keywords: 0, EVERYTHING),
    "by keyword": (lambda config, *, seed: 0, {"seed"}),
    "by position only": (lambda config, seed, /: 0, set()),
    "first argument": (lambda seed: 0, set()),
    "partial": (functools.partial(plain, seed=42), {"max_epochs"}),
    "partial twice": (functools.partial(functools.partial(plain, seed=42), max_epochs=2), set()),
    "partial of everything": (functools.partial(lambda config, **keywords: 0, seed=1),
                              {"max_epochs", "checkpoint"}),
    "decorated": (passing(plain), {"max_epochs", "seed"}),
    "decorated twice": (passing(passing(plain)), {"max_epochs", "seed"}),
    "decorator that takes only a configuration": (withholding(plain), set()),
    "decorator around such a decorator": (passing(withholding(plain)), set()),
    "decorated partial": (passing(functools.partial(plain, seed=42)), {"max_epochs"}),
    "partial of decorated": (functools.partial(passing(plain), seed=42), {"max_epochs"}),
    "callable": (Callable(), {"seed"}),
    "decorated callable": (passing(Callable()), {"seed"}),
    "method": (Callable().method, {"max_epochs"}),
    "decorated method": (Callable().decorated, {"max_epochs"}),
    "class method": (Callable.of_the_class, {"seed"}),
    "static method": (Callable.static, {"checkpoint"}),
    "class": (Making, {"max_epochs"}),
    "callable with an attribute func": (Holding(passing(plain)), EVERYTHING),
    "bound with types": (types.MethodType(lambda self, config, seed: 0, object()), {"seed"}),
    "built-in": (len, set()),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_function_accepts_as_it_is_called(name):
    function, expected = CASES[name]
    assert set(accepted_keywords(function, OFFERED)) == expected


@pytest.mark.parametrize("name", sorted(set(CASES) - {"by position only", "built-in"}))
def test_the_call_with_what_it_accepts_succeeds(name):
    function, _ = CASES[name]
    function({"x": 1}, **accepted_keywords(function, OFFERED))


def test_a_seed_that_is_bound_is_the_seed_of_all_trainings():
    search = HPOTuner(BasicScheduler(Listed(3), 7), functools.partial(plain, seed=42))
    search.run()
    assert [info["given"] for info in search.records["info"]] == [
        {"max_epochs": 7, "seed": 42}] * 3


class Ray(types.ModuleType):
    """A stand-in for `ray.tune`: notes reports."""

    class Checkpoint:
        @classmethod
        def from_directory(cls, folder):
            return cls()

        def set_metadata(self, values):
            self.values = values

    def __init__(self):
        super().__init__("ray.tune")
        self.reports = []

    def get_checkpoint(self):
        return None

    def report(self, metrics, checkpoint=None):
        self.reports.append(metrics)


@pytest.mark.parametrize("objective", [
    lambda config: {"error": config["x"], "epoch": "mine"},
    lambda config, max_epochs: config["x"], functools.partial(plain, seed=42), passing(plain),
    Callable().decorated, lambda config, **keywords: float(set(keywords) == EVERYTHING)])
def test_ray_passes_what_the_tuner_passes(objective, monkeypatch):
    package, tune = types.ModuleType("ray"), Ray()
    package.tune = tune
    monkeypatch.setitem(sys.modules, "ray", package)
    monkeypatch.setitem(sys.modules, "ray.tune", tune)
    ray_trainable(objective, 2)({"x": 1.0})
    assert [report["epoch"] for report in tune.reports] == [1, 2]
    assert all(report["error"] in (0.5, 1.0) for report in tune.reports)


# -- ends of a call -------------------------------------------------------------------------------

def ending(config):
    """End in a way that depends on the configuration."""
    if config["x"] == 1:
        sys.exit(2)
    if config["x"] == 2:
        raise GeneratorExit
    if config["x"] == 3:
        raise MemoryError("full")
    return config["x"]


@pytest.mark.parametrize(("n_workers", "kind"), [(1, None), (2, None), (2, ThreadPoolExecutor)])
def test_an_objective_that_ends_the_program_ends_its_trial_wherever_it_runs(n_workers, kind,
                                                                            tmp_path):
    with opened(kind) as executor:
        for _ in range(2):  # the second one reads the journal only
            search = tuner(ending, 5, n_workers=n_workers, executor=executor,
                           journal=tmp_path / "search.jsonl")
            search.run()
            assert by_id(search, "status", "attempt") == [
                (status, 1) for status in ("completed", "failed", "failed", "failed", "completed")]
            reports = [report for report, in by_id(search, "traceback")]
            for report, name in zip(reports[1:4], ("SystemExit: 2", "GeneratorExit",
                                                   "MemoryError: full"), strict=True):
                assert name in report


# -- what a new process does first ----------------------------------------------------------------

class Pool:
    """Notes what is scheduled; whether it can be used again is for the test to say."""

    made = []

    def __init__(self, payload, can_report=False, environment=None):
        self.active, self.scheduled, self.futures = True, [], []
        self.made.append(self)

    def schedule(self, function, arguments=(), timeout=None):
        self.scheduled.append((function, timeout))
        self.futures.append(workers_module.Future())
        return self.futures[-1]

    def first_call(self):
        return self.schedule(load_own)

    def stop(self):
        self.active = False

    join = close_pipe = stop


def scheduled_after_the_first():
    """What the pools were given after the first call."""
    return [each for pool in Pool.made for each in pool.scheduled][1:]


@pytest.mark.parametrize("end", ["timeout", "killed in a call", "killed between calls", "ended"])
def test_a_new_process_loads_the_objective_before_the_time_of_a_trial_begins(end, monkeypatch):
    monkeypatch.setattr(workers_module, "WorkerPool", Pool)
    monkeypatch.setattr(Pool, "made", [])
    own = OwnWorkers(1, plain, trial_timeout=2.0)
    first = own.submit(0, {"x": 0}, {})
    if end == "timeout":
        first.set_exception(TimeoutError())
    elif end == "killed in a call":
        first.set_exception(workers_module.ProcessExpired("died", code=-9, pid=1))
    else:
        first.set_result(None)
        Pool.made[0].active = end == "ended"
    own.submit(0, {"x": 1}, {})
    loading = [] if end == "ended" else [(load_own, None)]
    if loading:
        assert scheduled_after_the_first() == loading  # a pool has one call at a time
        Pool.made[-1].futures[-1].set_result(None)
    assert scheduled_after_the_first() == [*loading, (call_own, 2.0)]
    assert len(Pool.made) == (2 if end.startswith("killed") else 1)

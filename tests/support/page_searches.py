"""Searches whose pages are tested: of every kind that a picture exists for, and odd ones."""
import math

import numpy as np
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, ConstrainedSearcher, DigitsBenchmark, FoldScheduler, HPOTuner,
    HyperbandScheduler, MedianStoppingScheduler, NondominatedSortingSearcher, RandomSearcher,
    RecordedSearcher, categorical, lograndint, simulate, when,
)

SPACE = {"learning_rate": stats.loguniform(1e-4, 1), "units": lograndint(8, 512),
         "dropout": stats.uniform(0, 0.7), "optimizer": categorical(["sgd", "adam"]),
         "momentum": when(lambda config: config["optimizer"] == "sgd", stats.uniform(0, 1)),
         "layers": stats.randint(1, 4), "batches": 100}
NASTY = "<script>alert(1)</script>\"'&\u202e\u05d0\x00\x1b[31m\n" + "long_" * 40


def error(config):
    """An error that depends on the learning rate most; fails for large ones."""
    if config["learning_rate"] > 0.5:
        raise ValueError(f"loss is nan after {config['units']} steps")
    return {"error": (math.log10(config["learning_rate"]) + 2) ** 2 / 10 + config["dropout"] / 20,
            "size": config["layers"] * config["units"]}


def tuner(n, objective=error, space=None, searcher=RandomSearcher, **others):
    """A tuner whose search of n trials is done."""
    search = HPOTuner(BasicScheduler(searcher(space or SPACE, seed=0, **others)), objective)
    if n:
        search.run(number_of_trials=n)
    return search


def hyperband():
    benchmark = DigitsBenchmark()
    scheduler = HyperbandScheduler(RecordedSearcher(benchmark, seed=0), eta=3, r_min=1, r_max=27)
    return simulate(scheduler, benchmark, n_workers=4, number_of_trials=60)


NETWORK = {"x": stats.uniform(0, 1), "units": lograndint(2, 64), "kind": categorical(["a", "b"])}


class LimitedFrontSearcher(NondominatedSortingSearcher):
    """A searcher of one's own, with several objectives and with limits."""

    setting_names = ("objectives", "population", "limits")

    def __init__(self, *arguments, limits, **settings):
        super().__init__(*arguments, **settings)
        self.limits = limits

    def score(self, config, error, info):
        kept = all(info.get(name, math.nan) < limit for name, limit in self.limits.items())
        return error if kept else math.inf


def curve(config, max_epochs, report):
    """Report errors that fall and, where x is small, rise again; large x fail at once."""
    if config["x"] > 0.93:
        raise ValueError("the loss is nan")
    rise = 0.02 if config["x"] < 0.2 else 0
    for epoch in range(1, max_epochs + 1):
        error = ((config["x"] - 0.4) ** 2 + 1 / config["units"] + 0.5 / epoch
                 + rise * max(0, epoch - 5))
        if not report(error, epoch, size=100 * config["units"] * (1 + (config["kind"] == "b")),
                      memory=config["units"] / 10):
            return


def reporting(n, searcher, objective=curve, scheduler=None):
    """A search with reports whose n trials are done; by default ASHA stops them."""
    scheduler = scheduler or ASHAScheduler(searcher, eta=3, r_min=1, r_max=9, mode="stopping")
    search = HPOTuner(scheduler, objective)
    search.run(number_of_trials=n)
    return search


def everything(n=60, space=NETWORK):
    """Several objectives, limits and reports."""
    return reporting(n, LimitedFrontSearcher(space, objectives=("error", "size"), population=10,
                                             limits={"memory": 3.0}, seed=1))


def infeasible(n=25):
    searcher = ConstrainedSearcher(NETWORK, limits={"memory": 0.01}, initial_points=100, seed=1)
    return reporting(n, searcher, scheduler=MedianStoppingScheduler(searcher, 9))


def folds(n=12):
    search = HPOTuner(FoldScheduler(RandomSearcher(NETWORK, seed=3), 3),
                      lambda config, max_epochs: config["x"] + 0.1 * max_epochs)
    search.run(number_of_trials=n)
    return search


def breaking(config, max_epochs, report):
    raise OSError("the disk is full")


CHOICES = {"kind": categorical(["a", "b", "c"]),
           "deep": when(lambda config: config["kind"] == "a", categorical(["yes", "no"]))}


def odd(config):
    if config["kind"] == NASTY:
        raise ValueError("</pre><script>alert(2)</script>\udce9\x07")
    return {"error": 0.5, "<b>": math.nan, "infinite": math.inf, "text": NASTY, "m": np.float32(1)}


def failing(config):
    raise KeyError("missing.csv")


def large(n=10_000):
    class Two:
        def curve(self, config):
            return np.array([config["x"] + config["y"]]), np.array([1 + config["y"]])
    space = {"x": stats.loguniform(1e-3, 1), "y": stats.uniform(0, 1)}
    scheduler = BasicScheduler(RandomSearcher(space, seed=0), max_epochs=1)
    return simulate(scheduler, Two(), n_workers=50, number_of_trials=n)


ODD_SPACE = {NASTY: stats.uniform(0, 1), "wide": stats.uniform(-1e300, 2e300),
             "kind": categorical([NASTY, "</script><img src=x>", 1, True, "1", None, "None", ""])}

SEARCHES = {
    "none": lambda: tuner(0),
    "one": lambda: tuner(1),
    "three": lambda: tuner(3),
    "sixty": lambda: tuner(60),
    "failed": lambda: tuner(25, failing),
    "constant": lambda: tuner(30, lambda config: 0.25),
    "odd": lambda: tuner(30, odd, ODD_SPACE),
    "front": lambda: tuner(50, searcher=NondominatedSortingSearcher,
                           objectives=("error", "size"), population=10),
    "hyperband": hyperband,
    "one on the front": lambda: tuner(1, searcher=NondominatedSortingSearcher,
                                      objectives=("error", "size"), population=5),
    "no front": lambda: tuner(8, failing, searcher=NondominatedSortingSearcher,
                              objectives=("error", "size"), population=5),
    "everything": everything,
    "infeasible": infeasible,
    "folds": folds,
    "one report": lambda: reporting(1, RandomSearcher(NETWORK, seed=3)),
    "failed reports": lambda: reporting(12, RandomSearcher(NETWORK, seed=3), breaking),
    "one hyperparameter": lambda: tuner(30, lambda config: (config["x"] - 0.3) ** 2,
                                        {"x": stats.uniform(0, 1)}),
    "choices": lambda: tuner(30, lambda config: ("abc".index(config["kind"]) + 1) / 10
                             + (config.get("deep") == "yes") / 20, CHOICES),
    "constants": lambda: tuner(4, lambda config: 0.5, {"batches": 100}),
}

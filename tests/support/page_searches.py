"""Searches whose pages are tested: of every kind that a picture exists for, and odd ones."""
import math

import numpy as np
from scipy import stats

from d2l_hpo import (
    BasicScheduler, DigitsBenchmark, HPOTuner, HyperbandScheduler, NondominatedSortingSearcher,
    RandomSearcher, RecordedSearcher, categorical, lograndint, simulate, when,
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
}

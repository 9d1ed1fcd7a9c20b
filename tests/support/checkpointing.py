"""A search with everything a kill can hurt: checkpoints, failures, trials that go on, learning.

Nothing here depends on anything but the configuration and the trial's seed, and nothing is random.
"""
import json
import math
import os
from pathlib import Path

import numpy as np
from scipy import stats

from d2l_hpo import HPOScheduler, HPOSearcher, HPOTuner, Trial, describe_space

IGNORED = ["worker", "start", "end"]


def save(path, state):
    """Write a checkpoint in one step, as HPOTrainer does."""
    partial = path.with_name(path.name + ".partial")
    content = json.dumps(state).encode()
    with open(partial, "wb", buffering=0) as file:
        assert os.write(file.fileno(), content) == len(content)
        os.fsync(file.fileno())
    os.replace(partial, path)


def check_epoch(config, epoch):
    """Fail in epoch 2 of every fifth configuration."""
    if int(1000 * config["x"]) % 5 == 0 and epoch == 2:
        raise ArithmeticError("this configuration fails in epoch 2")


def objective(config, max_epochs=1, checkpoint=None, seed=0):
    """Train something chaotic, one checkpoint an epoch; every fifth configuration fails."""
    state = {"epoch": 0, "value": (config["x"] + 0.618 * seed) % 1, "config": config["x"]}
    if checkpoint is not None and Path(checkpoint).exists():
        state = json.loads(Path(checkpoint).read_text(encoding="utf-8"))
        if state["config"] != config["x"] or state["epoch"] > max_epochs:
            raise ValueError(f"{checkpoint} holds {state}, expected {config}, epoch {max_epochs}")
        check_epoch(config, state["epoch"])  # it may have been killed just before it failed
    while state["epoch"] < max_epochs:
        state["value"] = 3.9 * state["value"] * (1 - state["value"])
        state["epoch"] += 1
        if checkpoint is not None:
            save(Path(checkpoint), state)
        check_epoch(config, state["epoch"])
    if int(1000 * config["x"]) % 7 == 0:
        return {"error": math.nan, "loss": math.inf}
    return {"error": state["value"], "loss": np.float32(state["value"]), "nan": math.nan,
            "classes": np.arange(3), "shape": (1, 2)}


class Drifting(HPOSearcher):
    """Proposes a step away from the best configuration so far."""

    def __init__(self, seed=0):
        super().__init__({"x": stats.uniform(0, 1)}, seed=seed)
        self.best, self.best_error = 0.5, math.inf

    def propose(self):
        return {"x": float((self.best + self.rng.normal(0, 0.2)) % 1)}

    def update(self, config, error, epoch=None, info=None):
        if error < self.best_error:
            self.best, self.best_error = config["x"], error


class Continuing(HPOScheduler):
    """Trains each trial to epoch 1, and on to 2 and 4 if it is better than half of the others."""

    def __init__(self, seed=0):
        self.searcher = Drifting(seed)
        self.n, self.errors, self.promoted = 0, {1: [], 2: []}, []
        self.over = []

    def suggest(self):
        if self.promoted:
            return self.promoted.pop(0)
        self.n += 1
        return Trial(self.n - 1, self.searcher.sample_configuration(), 1)

    def update(self, trial, error, info=None):
        self.searcher.update(trial.config, error, info)
        others = self.errors.get(trial.max_epochs)
        if others is not None and error == error:
            others.append(error)
            if error <= np.median(others):
                self.promoted.append(Trial(trial.trial_id, trial.config, 2 * trial.max_epochs,
                                           trial.max_epochs))
                return
        self.over.append(trial.trial_id)

    def ended(self):
        over, self.over = self.over, []
        return over

    def describe(self):
        return {"class": type(self).__name__, "space": describe_space(self.searcher.config_space),
                "seed": self.searcher.seed, "settings": {}}


def tuner(folder, seed=0, checkpoints=True, **others):
    """A tuner with a journal and checkpoints in `folder`."""
    return HPOTuner(Continuing(seed), objective, journal=folder / "search.jsonl",
                    checkpoint_dir=folder / "checkpoints" if checkpoints else None, **others)


def files(search):
    """The names of all files beside the checkpoints."""
    folder = search.checkpoints.folder
    return [] if folder is None else sorted(path.name for path in folder.iterdir())


def outcome(search):
    """What must not depend on kills: records as text, what follows from them, checkpoints."""
    records = search.records.drop(columns=IGNORED).sort_values(["trial_id", "max_epochs"])
    return records.to_json(orient="records", default_handler=str), search.incumbent, files(search)

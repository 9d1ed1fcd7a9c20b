"""A search with reports, checkpoints and failures, for the tests that kill it."""
import json
import math

import checkpointing

from d2l_hpo import ASHAScheduler, HPOTuner


def objective(config, max_epochs, report, checkpoint, seed=0):
    """Save each epoch, then report it; a trial that begins again repeats its last report."""
    state = {"epoch": 0, "value": (config["x"] + 0.618 * seed) % 1}
    go_on = True
    if checkpoint.exists():
        state = json.loads(checkpoint.read_text())
        go_on = report(error_of(state, config), state["epoch"], loss=state["value"])
    while go_on and state["epoch"] < max_epochs:
        state["value"] = 3.9 * state["value"] * (1 - state["value"])
        state["epoch"] += 1
        if int(1000 * config["x"]) % 5 == 0 and state["epoch"] == 3:
            raise ArithmeticError("this configuration fails in epoch 3")
        checkpointing.save(checkpoint, state)
        go_on = report(error_of(state, config), state["epoch"], loss=state["value"])
    return error_of(state, config)


def error_of(state, config):
    """The error to report: some configurations have none in epoch 2."""
    is_odd = int(1000 * config["x"]) % 7 == 0 and state["epoch"] == 2
    return math.nan if is_odd else state["value"]


def tuner(folder, seed=17):
    """A tuner with a journal and checkpoints in `folder`."""
    scheduler = ASHAScheduler(checkpointing.Drifting(seed), 2, 1, 4, mode="stopping")
    return HPOTuner(scheduler, objective, journal=folder / "search.jsonl",
                    checkpoint_dir=folder / "checkpoints")

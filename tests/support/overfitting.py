"""A search whose best trial goes on and becomes worse: whose weights does it keep?

A checkpoint holds its trial, its epoch and its error, so that it says itself whose weights it is.
"""
import json

from checkpointing import save
from random_cluster import Numbered

from d2l_hpo import HPOTuner, SuccessiveHalvingScheduler

ERRORS = {1: {1: 0.5, 3: 0.2, 9: 0.3}, 2: {1: 0.4, 3: 0.35, 9: 0.1}, 5: {1: 0.3, 3: 0.25, 9: 0.6}}
"""Of the configurations that are promoted, by epoch; all others have 0.9."""


def objective(config, max_epochs, checkpoint):
    """Train epoch by epoch, each with a checkpoint; return the last one's error."""
    state = {"epoch": 0}
    if checkpoint.exists():
        state = json.loads(checkpoint.read_text(encoding="utf-8"))
    for epoch in range(state["epoch"] + 1, max_epochs + 1):
        error = ERRORS.get(config["x"], {}).get(epoch, 0.9)
        save(checkpoint, {"trial": config["x"], "epoch": epoch, "error": error})
    return json.loads(checkpoint.read_text(encoding="utf-8"))["error"]


def scheduler():
    """Nine trials to epoch 1, three to epoch 3, one to epoch 9."""
    return SuccessiveHalvingScheduler(Numbered(), 3, 1, 9, rounds=1)


def tuner(folder, **others):
    """A tuner with a journal and checkpoints in `folder`."""
    return HPOTuner(scheduler(), objective, journal=folder / "search.jsonl",
                    checkpoint_dir=folder / "checkpoints", **others)


def kept(search):
    """What the incumbent's file holds; None if there is none."""
    path = search.checkpoints.incumbent_path()
    return None if path is None else json.loads(path.read_text(encoding="utf-8"))


def outcome(search):
    """The incumbent, what its file holds, and all files."""
    files = sorted(path.name for path in search.checkpoints.folder.iterdir())
    return [search.incumbent_trial, search.incumbent_error, kept(search), files]

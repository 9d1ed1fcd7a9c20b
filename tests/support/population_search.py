"""A population based search whose result depends on every epoch of a trial's whole lineage."""
import json
from pathlib import Path

from checkpointing import save
from scipy import stats

from d2l_hpo import HPOTuner, PBTScheduler, RandomSearcher


def objective(config, max_epochs, checkpoint, seed):
    """Train something chaotic, one checkpoint an epoch; x = 0.25 fails."""
    state = {"epoch": 0, "value": config["x"], "history": []}
    if Path(checkpoint).exists():
        state = json.loads(Path(checkpoint).read_text(encoding="utf-8"))
    if state["epoch"] > max_epochs:
        raise ValueError(f"{checkpoint} is at epoch {state['epoch']}, beyond {max_epochs}")
    while state["epoch"] < max_epochs:
        state["value"] = 3.9 * state["value"] * (1 - state["value"]) * (0.5 + 0.5 * config["x"])
        state["epoch"] += 1
        state["history"].append([seed, config["x"]])
        save(Path(checkpoint), state)
    if config["x"] == 0.25:
        raise ArithmeticError("this configuration fails")
    return {"error": state["value"], "history": state["history"]}


def tuner(folder, epochs=6, members=4, **others):
    """A tuner with a journal and checkpoints in `folder`; generations of two epochs."""
    searcher = RandomSearcher({"x": stats.uniform(0, 1)}, initial_config={"x": 0.25}, seed=0)
    return HPOTuner(PBTScheduler(searcher, epochs, 2, members, fraction=0.5), objective,
                    journal=folder / "search.jsonl", checkpoint_dir=folder / "checkpoints",
                    **others)

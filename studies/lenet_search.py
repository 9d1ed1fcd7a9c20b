"""Record live searches for LeNet, with a Gaussian process and at random.

    python -m studies.lenet_search [SEEDS [PROCESSES]]    (default: 10 and 2)

Each search trains twelve configurations for five epochs: the default, then what the searcher says
(a Gaussian process begins with a design of four, the default included). Trial t of search s trains
with seed 1000 s + t, whichever the method, so the two differ in their configurations only. Each
trial is also judged on the test images, which no searcher sees. The rows go to d2l_hpo/data, one a
search; a seed takes about four minutes of one core, and those that are there already are kept.
"""
import json
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from scipy import stats

from d2l_hpo import (
    BasicScheduler,
    BayesianSearcher,
    HPOSearcher,
    HPOTuner,
    RandomSearcher,
    lograndint,
    train_lenet,
)
from d2l_hpo.simulation.studies import STUDIES
from d2l_hpo.tools.files import write_file
from d2l_hpo.training.objectives import shared_images
from studies.command import one_thread

OUTPUT = STUDIES / "lenet_search.json"
SPACE = {"learning_rate": stats.loguniform(1e-2, 1), "batch_size": lograndint(16, 256)}
DEFAULT = {"learning_rate": 0.1, "batch_size": 128}
TRIALS, EPOCHS, DESIGN = 12, 5, 4


def searchers(seed: int) -> dict[str, HPOSearcher]:
    """Return both methods' searchers."""
    return {"random search": RandomSearcher(SPACE, DEFAULT, seed),
            "Bayesian optimization": BayesianSearcher(SPACE, DEFAULT, seed, DESIGN)}


def search(searcher: HPOSearcher, seed: int) -> dict[str, list]:
    """Return the trials of a search: their configurations and their errors."""
    def objective(config: dict, max_epochs: int, seed: int) -> dict[str, float]:
        trainer = train_lenet(config, max_epochs, seed=offset + seed)
        return {"error": trainer.validation_error(), "test_error": trainer.error(test_images)}

    offset, test_images = 1000 * seed, shared_images(64).test_dataloader()
    tuner = HPOTuner(BasicScheduler(searcher, EPOCHS), objective)
    tuner.run(number_of_trials=TRIALS)
    columns = {name: [config[name] for config in tuner.records["config"]] for name in SPACE}
    columns["error"] = tuner.records["error"]
    columns["test_error"] = [info.get("test_error", math.nan) for info in tuner.records["info"]]
    return {name: list(map(shorten, values)) for name, values in columns.items()}


def shorten(value: float) -> float | None:
    """Return a number with six digits; None, which JSON has a word for, in place of nan."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def study(seed: int) -> list[dict]:
    """Return a row for each method."""
    return [{"seed": seed, "method": method, **search(searcher, seed)}
            for method, searcher in searchers(seed).items()]


def main(seeds: int, processes: int) -> None:
    """Add the seeds that are missing; what is finished is in the file."""
    rows = json.loads(OUTPUT.read_bytes()) if OUTPUT.exists() else []
    missing = sorted({*range(seeds)} - {row["seed"] for row in rows})
    one_thread()
    os.environ["TQDM_DISABLE"] = "1"  # in the processes, too
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        try:
            for finished in as_completed([pool.submit(study, seed) for seed in missing]):
                rows = sorted(rows + finished.result(), key=lambda row: row["seed"])
                write_file(OUTPUT,
                           ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode())
                print([(row["seed"], row["method"], min(filter(None, row["error"])))
                       for row in finished.result()], flush=True)
        except BaseException:  # Ctrl-C, too: without this the other seeds would all be searched
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] + ["10", "2"][len(sys.argv) - 1:])))

"""Record what population based training finds beside schedules that are fixed beforehand.

    python -m studies.population_training [SEEDS]    (default: 20; about 80 seconds each)

All methods train the same eight configurations of a perceptron for 16 epochs each, by constant
rates, by rates that fall to zero as a cosine, and by population based training, which changes them.
The one with the smallest validation error in the end is judged on test images, which nothing else
uses. "replayed" trains the schedule that population based training found from new weights. The rows
go to d2l_hpo/data; those that are there already are kept.
"""
import json
import math
import os
import sys
import tempfile
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"

from scipy import stats

from d2l_hpo import HPOTrainer, HPOTuner, PBTScheduler, RandomSearcher
from d2l_hpo.simulation.studies import STUDIES
from d2l_hpo.tools.files import write_file
from d2l_hpo.training.objectives import shared_images, train_perceptron

OUTPUT = STUDIES / "population_training.json"
SPACE = {"learning_rate": stats.loguniform(1e-3, 0.3), "dropout": stats.uniform(0, 0.6)}
EPOCHS, MEMBERS = 16, 8


def train_schedule(configs: list[dict], seed: int) -> HPOTrainer:
    """Train the perceptron, one epoch with each configuration, and return its trainer."""
    with tempfile.TemporaryDirectory() as folder:
        for epoch, config in enumerate(configs, start=1):
            trainer = train_perceptron(config, epoch, Path(folder) / "schedule.pt", seed)
    return trainer


def falling(config: dict) -> list[dict]:
    """Return a configuration for each epoch, with rates that fall to zero as a cosine."""
    return [{**config, "learning_rate": config["learning_rate"] * (1 + math.cos(math.pi * t)) / 2}
            for t in (epoch / EPOCHS for epoch in range(EPOCHS))]


def fixed(schedules: list[list[dict]], seed: int) -> tuple[HPOTrainer, list[dict]]:
    """Train all schedules; return the best trainer and its schedule."""
    trained = [(train_schedule(schedule, 1000 * seed + number), schedule)
               for number, schedule in enumerate(schedules)]
    return min(trained, key=lambda pair: rank(pair[0].validation_error()))


def population_based(seed: int) -> tuple[HPOTrainer, list[dict]]:
    """Run population based training; return the winner's trainer and the schedule found."""
    def objective(config: dict, max_epochs: int, checkpoint: Path, seed: int) -> float:
        return train_perceptron(config, max_epochs, checkpoint, offset + seed).validation_error()

    offset, scheduler = 1000 * seed, PBTScheduler(RandomSearcher(SPACE, seed=seed), EPOCHS,
                                                  population_size=MEMBERS, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        HPOTuner(scheduler, objective, checkpoint_dir=folder).run()
        last = [trial for trial in scheduler.trials if trial.max_epochs == EPOCHS]
        winner = min(last, key=lambda trial: scheduler.errors[trial.trial_id])
        path = Path(folder) / f"trial_{winner.trial_id}.pt"
        trainer = train_perceptron(winner.config, EPOCHS, path)  # nothing is left to train
    return trainer, [trial.config for trial in scheduler.lineage(winner.trial_id)]


def rank(error: float) -> float:
    """Return an error as a sorting key: a failure comes last."""
    return error if math.isfinite(error) else math.inf


def study(seed: int) -> list[dict]:
    """Return a row for each method."""
    searcher = RandomSearcher(SPACE, seed=seed)
    configs = [searcher.sample_configuration() for _ in range(MEMBERS)]
    found = population_based(seed)
    results = {
        "constant": fixed([[config] * EPOCHS for config in configs], seed),
        "cosine": fixed([falling(config) for config in configs], seed),
        "population based": found,
        "replayed": fixed([found[1]], 1000 + seed),
    }
    test_images = shared_images(64).test_dataloader()
    return [{"seed": seed, "method": method, "validation_error": trainer.validation_error(),
             "test_error": trainer.error(test_images),
             "schedule": schedule} for method, (trainer, schedule) in results.items()]


def main(seeds: int) -> None:
    """Add the seeds that are missing."""
    rows = json.loads(OUTPUT.read_bytes()) if OUTPUT.exists() else []
    for seed in sorted({*range(seeds)} - {row["seed"] for row in rows}):
        rows += study(seed)
        write_file(OUTPUT, ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode())
        print(seed, {row["method"]: round(row["test_error"], 4) for row in rows[-4:]}, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)

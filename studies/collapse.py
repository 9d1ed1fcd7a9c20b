"""Count how often training collapses: with PyTorch's weights, `init_weights`, clipped gradients.

    python -m studies.collapse [--networks lenet-relu,mlp,...] [--seeds 10]

Trains every network of the book at good configurations of its own. A training has collapsed if
after a few epochs its validation error is above 0.8 (guessing among ten classes: 0.9) or not
finite. Whatever its constructor drew, a network is drawn anew before it trains. Each training goes
to d2l_hpo/data/studies/collapse.json as soon as it has ended; those that are there are kept, so a
command that was stopped goes on. The table is printed at the end. A seed of all networks takes
about two minutes of one core.
"""
import argparse
import json
import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from statistics import median
from typing import Any
from unittest.mock import patch

from studies.command import at_least, names_of
from torch import nn
from tqdm import tqdm

from d2l_hpo import FashionMNIST, HPOTrainer, reproducible
from d2l_hpo.training import AugmentingLoader, init_weights
from d2l_hpo import train_lenet, train_perceptron, train_resnet18
from d2l_hpo.simulation.task_training import train_digits, train_mlp
from d2l_hpo.simulation.studies import STUDIES
from d2l_hpo.training.datasets import TensorData
from d2l_hpo.tools.files import write_file

OUTPUT = STUDIES / "collapse.json"
COLLAPSED = 0.8


def default(net: nn.Module) -> nn.Module:
    """Draw weights as PyTorch's layers do when they are made."""
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return net


INITIALISATIONS: dict[str, Callable[[nn.Module, str], Any]] = {
    "default": lambda net, activation: default(net),
    # Seeds give LeNet the weights that they give it in the book: its constructor draws both, too.
    "init_weights": lambda net, activation: init_weights(default(net), activation),
    "torchvision": lambda net, activation: net,  # ResNet-18's constructor has drawn its weights
}
CLIPPED = "init_weights, clipped"
INITIALISATIONS[CLIPPED] = INITIALISATIONS["init_weights"]
LARGEST_NORM = 1.0
ONLY = {"torchvision": ("resnet18",), CLIPPED: ("lenet-relu",)}
"""Ways that are tried with some networks only."""


def drawn_by(initialisation: str, activation: str) -> ExitStack:
    """Let networks that are trained inside `with` begin with such weights, and clip gradients."""
    prepare_model, prepare_optimizer = HPOTrainer.prepare_model, HPOTrainer.prepare_optimizer

    def draw_and_prepare(trainer: HPOTrainer, model: nn.Module) -> None:
        with reproducible(trainer.seed):
            INITIALISATIONS[initialisation](model.net, activation)
        prepare_model(trainer, model)

    def prepare_and_clip(trainer: HPOTrainer) -> None:
        prepare_optimizer(trainer)

        def clip(*_: Any) -> None:
            nn.utils.clip_grad_norm_(trainer.model.parameters(), LARGEST_NORM)

        trainer.optim.register_step_pre_hook(clip)

    changes = ExitStack()
    changes.enter_context(patch.object(HPOTrainer, "prepare_model", draw_and_prepare))
    if initialisation == CLIPPED:
        changes.enter_context(patch.object(HPOTrainer, "prepare_optimizer", prepare_and_clip))
    return changes


@cache
def tiny_images() -> TensorData:
    """Return 512 training and 500 validation images of 7 by 7 pixels."""
    images = FashionMNIST()
    return TensorData(*((nn.functional.avg_pool2d(X[:n], 4), y[:n])
                        for (X, y), n in ((images.train, 512), (images.val, 500))))


def train_tiny_resnet18(config: dict, max_epochs: int, checkpoint=None,
                        seed: int = 0) -> HPOTrainer:
    """Train ResNet-18 on few and tiny images, with shifts as tiny, so that it takes seconds."""
    with patch.object(AugmentingLoader, "padding", 1):
        return train_resnet18(config, max_epochs, checkpoint, seed, data=tiny_images())


TRAIN = {"lenet-relu": train_lenet, "lenet-tanh": train_lenet, "lenet-sigmoid": train_lenet,
         "perceptron": train_perceptron, "mlp": train_mlp, "digits": train_digits,
         "resnet18": train_tiny_resnet18}


def rows_of(names: str, *rows: tuple) -> list[dict]:
    """Return configurations with these names, one a row."""
    return [dict(zip(names.split(), row, strict=True)) for row in rows]


LENET = "learning_rate batch_size momentum width activation"
MLP = "learning_rate batch_size units_1 units_2 dropout_1 dropout_2"
DIGITS = "learning_rate batch_size momentum weight_decay units"
RESNET18 = "learning_rate batch_size momentum weight_decay"

# Beside what is often chosen by hand, the best of the recordings, rounded.
CASES: dict[str, list[tuple[int, dict]]] = {
    "lenet-relu": [
        *((5, config) for config in rows_of(
            "learning_rate batch_size", (0.1, 128), (0.2, 26), (0.288, 26), (0.4, 26), (0.5, 26))),
        *((5, config) for config in rows_of(LENET, (0.09, 33, 0.08, 1, "relu"))),
        *((10, config) for config in rows_of("learning_rate batch_size", (0.288, 26)))],
    "lenet-tanh": [(5, config) for config in rows_of(LENET, (0.033, 22, 0.58, 1, "tanh"))],
    "lenet-sigmoid": [(5, config) for config in rows_of(LENET, (0.45, 18, 0.2, 1, "sigmoid"))],
    "perceptron": [(4, config) for config in rows_of(
        "learning_rate dropout", (0.01, 0.1), (0.03, 0.1), (0.1, 0.1), (0.3, 0.1))],
    "mlp": [(5, config) for config in rows_of(
        MLP, (0.124, 25, 129, 58, 0.28, 0.11), (0.167, 42, 38, 217, 0.21, 0.44),
        (0.094, 36, 209, 171, 0.0, 0.11), (0.219, 86, 220, 55, 0.64, 0.49))],
    "digits": [(5, config) for config in rows_of(
        DIGITS, (0.94, 65, 0.57, 1e-6, 73), (0.076, 20, 0.93, 1.8e-6, 35),
        (0.39, 76, 0.89, 1.8e-5, 50), (1.06, 35, 0.53, 1.3e-4, 125))],
    "resnet18": [(3, config) for config in rows_of(
        RESNET18, (0.01, 32, 0.9, 5e-4), (0.05, 32, 0.9, 5e-4))],
}
"""For each network, epochs and configurations."""


def train(network: str, epochs: int, config: dict, initialisation: str, seed: int) -> dict:
    """Return the row of a training; None stands for an error or loss that is not finite."""
    with drawn_by(initialisation, config.get("activation", "relu")):
        trainer = TRAIN[network](config, epochs, seed=seed)
    error, loss = (round(value, 4) if math.isfinite(value) else None
                   for value in (trainer.validation_error(), trainer.training_loss))
    return {"network": network, "config": config, "epochs": epochs,
            "initialisation": initialisation, "seed": seed, "error": error, "loss": loss}


def case_of(row: dict) -> str:
    """Return what tells a row from others, but for its seed."""
    return json.dumps([row[name] for name in ("network", "config", "epochs", "initialisation")])


def cases(networks: list[str]) -> list[dict]:
    """Return the cases, without seeds, of some networks."""
    return [{"network": network, "config": config, "epochs": epochs, "initialisation": name}
            for network in networks for epochs, config in CASES[network]
            for name in INITIALISATIONS if network in ONLY.get(name, (network,))]


def read_rows() -> list[dict]:
    """Return the trainings that have been recorded."""
    return json.loads(OUTPUT.read_bytes()) if OUTPUT.exists() else []


def record(networks: list[str], seeds: int) -> None:
    """Add the trainings that are missing, seed after seed."""
    rows = read_rows()
    known = {(case_of(row), row["seed"]) for row in rows}
    missing = [{**case, "seed": seed} for seed in range(seeds) for case in cases(networks)
               if (case_of(case), seed) not in known]
    for job in tqdm(missing):
        rows.append(train(**job))
        write_file(OUTPUT, ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode())


def table() -> list[str]:
    """Return the lines of a Markdown table of all recorded trainings, a row a case."""
    found: dict[str, list[float]] = {case_of(case): [] for case in cases([*CASES])}
    for row in read_rows():
        found.setdefault(case_of(row), []).append(
            math.inf if row["error"] is None else row["error"])
    lines = ["| network | configuration | epochs | weights by | collapsed | median error "
             "| worst error |", "|---|---|---|---|---|---|---|"]
    for case, errors in found.items():
        network, config, epochs, initialisation = json.loads(case)
        if errors:
            settings = ", ".join(f"{name} {value}" for name, value in config.items())
            count = sum(error > COLLAPSED for error in errors)
            lines.append(f"| {network} | {settings} | {epochs} | {initialisation} "
                         f"| {count} of {len(errors)} | {spell(median(errors))} "
                         f"| {spell(max(errors))} |")
    return lines


def spell(error: float) -> str:
    """Write an error."""
    return f"{error:.3f}" if math.isfinite(error) else "not finite"


def main() -> None:
    """Record what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=names_of(TRAIN), default=[*TRAIN],
                        help=f"names separated by commas, of {', '.join(TRAIN)} (default: all)")
    parser.add_argument("--seeds", type=at_least(1), default=10)
    options = parser.parse_args()
    record(options.networks, options.seeds)
    print(*table(), sep="\n")


if __name__ == "__main__":
    main()

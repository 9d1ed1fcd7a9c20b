"""How many trainings a second does `VectorizedObjective` make of n networks at once?

    python -m benchmarks.vectorized [--device cpu] [--numbers 1,4,16,64] [--repetitions 3]

The same configurations are trained by a loop of single calls and by one call of `run_batch`, in
turn. Each training is an epoch on a part of the small Fashion-MNIST, and its validation error. All
ratios are of one run: n networks at once, times as fast as the loop. On a processor both use one
thread, and its seconds count, which other programs lengthen only a little; on a GPU all seconds do.
Nothing is written.
"""
import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.machine import describe
from d2l_hpo import LeNet, Network, TensorData, VectorizedObjective
from d2l_hpo.training import shared_images
from studies.command import at_least

EXAMPLES, VALIDATION = 512, 256
RATES = 0.01, 0.1
"""The smallest and the largest learning rate of the networks."""


class Case(NamedTuple):
    """A network, the batches that it is trained on, and how it is built."""

    name: str
    batch_size: int
    build: Callable[[dict], Network]


def perceptron(units: int) -> Callable[[dict], Network]:
    """Return a function that builds a perceptron with one hidden layer."""
    return lambda config: Network(nn.Sequential(
        nn.Flatten(), nn.Linear(784, units), nn.ReLU(), nn.Linear(units, 10)), **config)


CASES = [
    Case("LeNet", 64, lambda config: LeNet(**config)),
    Case("perceptron, 128 units", 64, perceptron(128)),
    Case("perceptron, 8 units", 8, perceptron(8)),
]


def objective_of(case: Case, device: str) -> VectorizedObjective:
    """Return the objective of a case on a part of the images."""
    images = shared_images(64)
    train, val = ((X[:n], y[:n]) for (X, y), n in ((images.train, EXAMPLES),
                                                   (images.val, VALIDATION)))

    def parts(config: dict) -> tuple:
        return lambda: case.build(config), TensorData(train, val, batch_size=case.batch_size)
    return VectorizedObjective(parts, device)


def calls_of(n: int) -> list[tuple[dict, dict]]:
    """Return n calls with as many learning rates, from small to large."""
    return [({"learning_rate": float(rate), "momentum": 0.5}, {"max_epochs": 1, "seed": seed})
            for seed, rate in enumerate(np.geomspace(*RATES, n))]


def seconds_of(function: Callable[[], list], device: str) -> float:
    """Return the seconds of the processor that a function takes, or of the clock for a GPU."""
    is_gpu = torch.device(device).type == "cuda"
    clock = time.perf_counter if is_gpu else time.process_time
    start = clock()
    for result in function():
        if isinstance(result, Exception):
            raise result
    if is_gpu:
        torch.cuda.synchronize(device)
    return clock() - start


def measure(case: Case, n: int, device: str, repetitions: int) -> np.ndarray:
    """Return the seconds of the loop and of one call, shape (repetitions, 2)."""
    objective, calls = objective_of(case, device), calls_of(n)
    ways = (lambda: [objective(config, **keywords) for config, keywords in calls],
            lambda: objective.run_batch(calls))
    objective.run_batch(calls_of(2))  # what only the first program of a process does
    return np.array([[seconds_of(way, device) for way in ways] for _ in range(repetitions)])


def rows(case: Case, numbers: Sequence[int], device: str, repetitions: int) -> Iterator[str]:
    """Give one row of the table for each number of networks; ratios are paired."""
    for n in numbers:
        seconds = measure(case, n, device, repetitions)
        loop, at_once = n / np.median(seconds, axis=0)
        low, middle, high = np.quantile(seconds[:, 0] / seconds[:, 1], [0, 0.5, 1])
        yield (f"| {case.name}, batch {case.batch_size} | {n} | {loop:.2f} | {at_once:.2f} | "
               f"{middle:.2f} ({low:.2f}-{high:.2f}) |")


def numbers_of(text: str) -> list[int]:
    """Read a list of numbers, such as 1,4,16."""
    return [at_least(1)(number) for number in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--numbers", type=numbers_of, default=[1, 4, 16, 64])
    parser.add_argument("--repetitions", type=at_least(1), default=3)
    options = parser.parse_args(arguments)
    is_gpu = torch.device(options.device).type == "cuda"
    name = torch.cuda.get_device_name(options.device) if is_gpu else "one thread"
    print(f"{describe('torch')}; device {options.device} ({name})", end="\n\n")
    print("| network | n | trainings a second, loop | at once | times the loop, median (range) |")
    print("|---|---|---|---|---|")
    for case in CASES:
        for row in rows(case, options.numbers, options.device, options.repetitions):
            print(row, flush=True)


if __name__ == "__main__":
    main()

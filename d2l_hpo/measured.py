"""Recorded benchmarks that also tell latency, size, memory and the worst class's error.

Unlike other benchmarks they predict all curves, so that luck in a recorded training favours nobody.
"""
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from d2l_hpo.benchmark import LeNetBenchmark, MLPBenchmark


class TimedLeNet(LeNetBenchmark):
    """LeNet, with the latency of its architecture in milliseconds: the median of the recordings."""

    def __init__(self) -> None:
        super().__init__(measured=False)
        table = pd.DataFrame(self.configs).assign(latency=1000 * self.table("latency"))
        self.latencies = table.groupby(["width", "activation"])["latency"].median().to_dict()

    def measure(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the latency of one image."""
        return {"latency": self.latencies[config["width"], config["activation"]]}


class SizedPerceptron(MLPBenchmark):
    """The perceptron, with the decimal logarithm of its number of parameters as its size."""

    def __init__(self) -> None:
        super().__init__(measured=False)

    def measure(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the logarithm of the number of weights and biases."""
        units = [784, config["units_1"], config["units_2"], 10]
        return {"size": math.log10(sum((a + 1) * b for a, b in pairwise(units)))}


class LimitedLeNet(LeNetBenchmark):
    """LeNet, with predictions of the memory of training in MiB and of the worst class's error."""

    def __init__(self) -> None:
        from d2l_hpo._surrogate import Surrogate  # scikit-learn takes a second to import
        super().__init__(measured=False)
        worst = self.table("class_errors").max(axis=1, keepdims=True)
        memory = self.table("memory")[:, np.newaxis] / 2**20
        # as errors and seconds after one epoch, with the kernels fitted to these
        self.others = Surrogate(self.config_space, self.configs, worst, memory,
                                self.surrogate.kernels)

    def measure(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the error of the worst class, a fraction, and the memory."""
        worst, memory = self.others.predict([config])
        return {"worst_class": float(worst[0, 0]), "memory": float(memory[0, 0])}

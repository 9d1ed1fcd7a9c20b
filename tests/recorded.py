"""Reads the recorded comparisons."""
import numpy as np

from d2l_hpo.benchmark import DATA


def load(name: str) -> dict[str, np.ndarray]:
    """Return all arrays of a file in the package's data."""
    with np.load(DATA / f"{name}.npz") as file:
        return dict(file)

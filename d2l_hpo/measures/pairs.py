"""Results of two methods, a pair for each seed."""
import numpy as np
from numpy.typing import ArrayLike


def paired_differences(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Return `first - second`, shape (seeds,).

    ValueError for different shapes, fewer than two seeds, or a difference that is not finite.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    alike = first.shape == second.shape and first.ndim == 1 and len(first) >= 2
    if not alike or not np.isfinite(differences := first - second).all():
        raise ValueError(f"first has shape {first.shape}, second {second.shape}; expected a finite "
                         "number in both for each of at least two seeds")
    return differences

"""Folds that are the same for every candidate, and beginnings of their training parts."""
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Split = tuple[np.ndarray, np.ndarray]


class Folds:
    """Splits that were drawn once, as scikit-learn takes them for `cv`.

    `splits` are pairs of training and test indices, or of masks, an entry an example. So candidates
    that are validated one after another see the same folds, also of a splitter that draws others
    in each call.
    """

    def __init__(self, splits: Iterable[tuple[ArrayLike, ArrayLike]]) -> None:
        self.splits: list[Split] = [(as_indices(train), as_indices(test)) for train, test in splits]

    def split(self, X: Any = None, y: Any = None, groups: Any = None,
              **params: Any) -> Iterator[Split]:
        """Yield the splits, whatever the data."""
        yield from self.splits

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return len(self.splits)

    def shuffled(self, classes: np.ndarray | None, seed: int) -> "Folds":
        """Return the folds with training indices in a random order; see `nested_order`."""
        rng = np.random.default_rng(seed)
        return Folds([(nested_order(train, classes, rng), test) for train, test in self.splits])

    def beginning(self, fraction: float) -> "Folds":
        """Return the folds with a fraction, in (0, 1], of their training parts; tests stay whole.

        Larger fractions contain smaller ones.
        """
        return Folds([(train[:max(1, int(fraction * len(train) + 1e-9))], test)
                      for train, test in self.splits])


def as_indices(part: ArrayLike) -> np.ndarray:
    """Return the indices of a part of the examples, which may be given by a mask."""
    part = np.asarray(part)
    return np.flatnonzero(part) if part.dtype == bool else part


def nested_order(indices: np.ndarray, classes: np.ndarray | None,
                 rng: np.random.Generator) -> np.ndarray:
    """Return indices, shape (n,), in a random order of which each beginning is a fair sample.

    `classes`, if given, are the classes of all examples, shape (N,). Then one example of each class
    comes first, and each beginning has about the classes' shares of the whole.
    """
    shuffled = rng.permutation(indices)
    if classes is None:
        return shuffled
    _, members = np.unique(classes[shuffled], return_inverse=True)
    places = np.empty(len(shuffled))
    for member in range(members.max(initial=-1) + 1):
        own = members == member
        places[own] = np.arange(own.sum()) / own.sum()  # the first one of each class is at 0
    return shuffled[np.argsort(places, kind="stable")]
